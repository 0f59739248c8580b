"""One request as handlers see it, whichever way it came, and the answers they give.

Answers hold records and objects, not bytes: HTTP encodes them as the client asked, the loopback hands them over.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.api.resource import Resource
from seatrial.apiserver.conversion.records import ConvertedWatch
from seatrial.apiserver.node_access import ExecOptions, ExecSession
from seatrial.apiserver.registry import Listing
from seatrial.apiserver.registry_watch import Change, RegistryWatch
from seatrial.apiserver.users import UserInfo
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import status
from seatrial.store.base import Record


class Call:
    """A request. `body` is bytes from HTTP, or JSON data from this process; `warnings` collects what to warn of.

    `lists` has the parameters that may be said more than once, such as `command`; the attribute `command` is the header
    Kubectl-Command.
    """

    __slots__ = (
        "accept",
        "body",
        "command",
        "content_type",
        "lists",
        "method",
        "path",
        "query",
        "user",
        "user_agent",
        "warnings",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        user: UserInfo,
        body: Any = None,
        content_type: str = "application/json",
        user_agent: str = "",
        lists: Mapping[str, list[str]] | None = None,
        accept: str = "",
        command: str = "",
    ) -> None:
        self.method, self.path, self.query, self.user = method, path, query, user
        self.body, self.content_type, self.user_agent = body, content_type, user_agent
        self.lists, self.accept, self.command = lists or {}, accept, command
        self.warnings: list[str] = []

    def flag(self, name: str) -> bool:
        """A boolean parameter: present and neither `false` nor `0` (apimachinery/pkg/conversion/queryparams)."""
        value = self.query.get(name)
        return value is not None and value.lower() not in ("false", "0")

    def integer(self, name: str) -> int | None:
        """An integer parameter; None when absent. Raises BadRequest."""
        value = self.query.get(name)
        if not value:
            return None
        try:
            return int(value)
        except ValueError:
            raise status.bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None


@dataclass(frozen=True, slots=True)
class Stored:
    """A record, as it is in the store."""

    code: int
    record: Record
    resource: Resource


@dataclass(frozen=True, slots=True)
class Made:
    """An object made for the occasion: a Status, a Scale, a review, discovery."""

    code: int
    object: JSON


@dataclass(frozen=True, slots=True)
class Listed:
    """Records of one resource."""

    resource: Resource
    listing: Listing


class ExpiredWatch:
    """A watch that asked for changes that are no longer kept: all it ever tells is that."""

    revision = 0

    def __init__(self, error: StatusError) -> None:
        self._error = error

    def __aiter__(self) -> "ExpiredWatch":
        return self

    async def __anext__(self) -> Change:
        raise self._error

    def drain(self) -> Sequence[Change]:
        return ()

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Watching:
    """A watch that has begun. `initial`: what was there before it, to be told first, with a mark where that ends."""

    resource: Resource
    events: RegistryWatch | ConvertedWatch | ExpiredWatch
    timeout_seconds: float
    bookmarks: bool
    initial: Listing | None = None


@dataclass(frozen=True, slots=True)
class Streaming:
    """Bytes as they come; the first are there already, or a refusal would have been raised."""

    content_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Text:
    """A short plain answer."""

    code: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes that were encoded once for everybody, with their ETag."""

    data: bytes
    content_type: str
    etag: str = ""
    vary: str = ""


@dataclass(frozen=True, slots=True)
class Executing:
    """A session in a container, to be started and connected to a WebSocket; all that can be checked before has been.

    `start` raises RuntimeFailure when the command can't be executed.
    """

    start: Callable[[], Awaitable[ExecSession]]
    options: ExecOptions


Answer = Stored | Made | Listed | Watching | Streaming | Text | Document | Executing
