"""A change as a watch tells it."""

from typing import Literal, NamedTuple

from seatrial.base.types import JSON

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


class WatchEvent(NamedTuple):
    """One line of a watch stream. For ERROR the object is a Status, for BOOKMARK only its resourceVersion counts."""

    type: EventType
    object: JSON
