"""What a store is: one revision counter, one ordered log, one current object per key.

The revision is the cluster's resourceVersion. A write is visible (to get, list and watch) only when it is
acknowledged, and it is acknowledged only when the engine's promise of durability holds. All engines pass
`tests/contract/test_store.py`. The interface follows what kine (k3s) shows to be enough for Kubernetes.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from seatrial.base.types import JSON


@dataclass(frozen=True, slots=True)
class Record:
    """An object as it is stored: encoded once, by the store, when it was written.

    `revision` is that of the object's last change and stands in metadata.resourceVersion of both `object` and `data`.
    `object` must not be changed by anybody who reads it.
    """

    key: str
    revision: int
    object: JSON
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A change in the log. `record` is the new state; for DELETED the last state, carrying the deletion's revision.

    `previous` is the state before, so that selectors can tell an object that begins or ends to match.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    revision: int
    record: Record
    previous: Record | None


class Where(NamedTuple):
    """Narrows a watch to objects that have, or had before the change, this string at this field ("" if absent).

    A store may deliver more than that, never less; it lets thousands of nodes watch their own Pods.
    """

    path: tuple[str, ...]
    value: str


class Watcher(Protocol):
    """A stream of events under a prefix, in log order, without gaps.

    Iteration raises `Compacted` when the watcher fell behind its bounded buffer, and ends when the store closes.
    """

    def __aiter__(self) -> AsyncIterator[Event]: ...

    async def __anext__(self) -> Event: ...

    def drain(self) -> Sequence[Event]:
        """All events that are there already, without waiting (may be empty)."""
        ...

    def close(self) -> None:
        """Stop receiving; iteration then ends. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a list: records in key order, all as of `revision`; `remaining` records come after the last."""

    records: Sequence[Record]
    revision: int
    remaining: int


class Store(Protocol):
    """One implementation per engine; all calls from the one event loop that owns it."""

    @property
    def revision(self) -> int:
        """The newest visible revision."""
        ...

    @property
    def compacted(self) -> int:
        """The newest revision whose event is forgotten: a watch can start after it, not earlier (0: all are kept)."""
        ...

    async def get(self, key: str) -> Record | None:
        """The newest state, or None."""
        ...

    async def list(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Records whose key has the prefix and is >= `start`, at most `limit` (0: all).

        `revision` asks for the state as of an older revision (what pages after the first need).
        Raises Compacted when that is no longer kept.
        """
        ...

    async def count(self, prefix: str) -> int:
        """How many current records have the prefix."""
        ...

    async def create(self, key: str, obj: JSON) -> Record:
        """Write a new object. Raises KeyExists. Takes over `obj` (the caller must not touch it again)."""
        ...

    async def update(self, key: str, obj: JSON, expected_revision: int) -> Record:
        """Replace the object. Raises RevisionMismatch. Takes over `obj`."""
        ...

    async def delete(self, key: str, expected_revision: int) -> Record:
        """Remove the object; the record returned has its last state at the deletion's revision.

        Raises RevisionMismatch.
        """
        ...

    def watch(self, prefix: str, after_revision: int, where: Where | None = None) -> Watcher:
        """All events with a revision above `after_revision` under the prefix. Raises Compacted."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget events up to and including `revision`."""
        ...

    async def close(self) -> None:
        """Finish what was acknowledged, end all watchers, release the data directory."""
        ...
