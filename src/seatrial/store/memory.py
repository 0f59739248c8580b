"""The store that lives and dies with the process: for tests, rehearsals and `--ephemeral` clusters.

A write is done when the call returns; nothing is promised beyond the process.
"""

from seatrial.base.errors import KeyExists, RevisionMismatch, StoreError
from seatrial.base.types import JSON
from seatrial.store import state
from seatrial.store.base import Event, Page, Record, Where
from seatrial.store.hub import DEFAULT_BUFFER, Hub, HubWatcher
from seatrial.store.state import KEEP_BYTES, KEEP_EVENTS, State


class MemoryStore:
    """A Store in memory. With `freeze`, what it hands out can't be changed: a mutation raises where it happens."""

    def __init__(
        self,
        *,
        keep_events: int = KEEP_EVENTS,
        keep_bytes: int = KEEP_BYTES,
        watch_buffer: int = DEFAULT_BUFFER,
        freeze: bool = False,
    ) -> None:
        self._state = State(keep_events, keep_bytes)
        self._hub = Hub(watch_buffer)
        self._freeze = freeze
        self._open = True

    @property
    def revision(self) -> int:
        return self._state.revision

    @property
    def compacted(self) -> int:
        return self._state.compacted

    async def get(self, key: str) -> Record | None:
        return self._state.records.get(key)

    async def list(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Page:
        return self._state.list(prefix, start, limit, revision)

    async def count(self, prefix: str) -> int:
        return self._state.count(prefix)

    async def create(self, key: str, obj: JSON) -> Record:
        if key in self._state.records:
            raise KeyExists(key)
        return self._commit("ADDED", state.written(key, obj, self._next(), self._freeze), None)

    async def update(self, key: str, obj: JSON, expected_revision: int) -> Record:
        previous = self._expect(key, expected_revision)
        return self._commit("MODIFIED", state.written(key, obj, self._next(), self._freeze), previous)

    async def delete(self, key: str, expected_revision: int) -> Record:
        previous = self._expect(key, expected_revision)
        return self._commit("DELETED", state.deleted(previous, self._next(), self._freeze), previous)

    def watch(self, prefix: str, after_revision: int, where: Where | None = None) -> HubWatcher:
        self._check_open()
        return self._hub.watch(prefix, after_revision, self._state.since(after_revision), where)

    async def compact(self, revision: int) -> None:
        self._state.compact(revision)

    async def close(self) -> None:
        self._open = False
        self._hub.close()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("the store is closed")

    def _next(self) -> int:
        self._check_open()
        return self._state.revision + 1

    def _expect(self, key: str, revision: int) -> Record:
        found = self._state.records.get(key)
        if found is None or found.revision != revision:
            raise RevisionMismatch(key, revision, found.revision if found else 0)
        return found

    def _commit(self, kind: state.ChangeType, record: Record, previous: Record | None) -> Record:
        event = Event(kind, record.revision, record, previous)
        self._state.apply(event)
        self._hub.publish((event,))
        excess = self._state.excess()
        if excess:
            self._state.compact(excess)
        return record
