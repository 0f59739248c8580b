"""Who owns which field: metadata.managedFields of ordinary writes (stub order: filled in with machinery.apply)."""

from typing import Any

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WriteOptions
from seatrial.base.types import JSON


def track(
    registry: Any, resource: Resource, new: JSON, old: JSON | None, options: WriteOptions, subresource: str
) -> None:
    """Not yet."""
