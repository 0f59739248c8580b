"""A watch as the API serves it: the store's events, narrowed to a selection, each encoded once for all watchers.

An object that begins to match is ADDED, one that ceases to is DELETED (with its last matching state at the revision
of the change). Without a resourceVersion the watch begins with an ADDED for everything there is. Follows
k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go (convertToWatchEvent).
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal, NamedTuple

import orjson

from seatrial.api.resource import Resource
from seatrial.apiserver import store_errors
from seatrial.apiserver.selection import Selection
from seatrial.base.errors import Compacted
from seatrial.store.base import Event, Record, Store, Watcher

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


class Change(NamedTuple):
    """What a watcher is told; `line` is the encoded watch event with its line feed."""

    type: ChangeType
    record: Record
    line: bytes


class Lines:
    """The encoded lines of the latest events, so that a hundred watchers share one."""

    def __init__(self, keep: int = 512) -> None:
        self._keep = keep
        self._lines: dict[tuple[ChangeType, int, str], bytes] = {}
        self._parted: dict[int, Record] = {}

    def line(self, kind: ChangeType, record: Record) -> bytes:
        key = (kind, record.revision, record.key)
        found = self._lines.get(key)
        if found is None:
            if len(self._lines) >= self._keep:
                self._lines.clear()
            found = b'{"type":"%s","object":%s}\n' % (kind.encode(), record.data)
            self._lines[key] = found
        return found

    def parted(self, event: Event) -> Record:
        """The last matching state of an object that no longer matches, at the revision of the change."""
        found = self._parted.get(event.revision)
        if found is None:
            if len(self._parted) >= self._keep:
                self._parted.clear()
            assert event.previous is not None
            last = event.previous.object
            obj = {**last, "metadata": {**last["metadata"], "resourceVersion": str(event.revision)}}
            found = Record(event.record.key, event.revision, obj, orjson.dumps(obj))
            self._parted[event.revision] = found
        return found


class RegistryWatch:
    """An async iterator of Changes. Iteration raises StatusError (410 Expired) when the watcher was too slow."""

    def __init__(
        self, store: Store, resource: Resource, prefix: str, selection: Selection, after: int | None, lines: Lines
    ) -> None:
        self._store, self._resource, self._prefix = store, resource, prefix
        self._selection = None if selection.everything else selection
        self._lines = lines
        self._begin_with_all = after is None
        self._delivered = store.revision if after is None else after
        try:
            self._events: Watcher = store.watch(prefix, self._delivered, selection.where)
        except Compacted as error:
            raise store_errors.watch_too_old(error) from None
        self._ready: deque[Change] = deque()
        self._closed = False

    @property
    def revision(self) -> int:
        """Everything up to here has been handed out (what a bookmark may say)."""
        if self._begin_with_all or self._ready:
            return self._delivered
        self._take(self._drained())
        return self._delivered if self._ready else max(self._delivered, self._store.revision)

    @property
    def started(self) -> bool:
        """Whether the objects that were there at the beginning have been handed out."""
        return not self._begin_with_all

    def __aiter__(self) -> AsyncIterator[Change]:
        return self

    async def __anext__(self) -> Change:
        if self._begin_with_all:
            await self._load()
        while not self._ready:
            try:
                self._take((await anext(self._events),))
            except Compacted as error:
                raise store_errors.watch_too_old(error) from None
        return self._hand_out(self._ready.popleft())

    def drain(self) -> Sequence[Change]:
        """All changes that are there already, without waiting; none before the first `anext`."""
        if self._begin_with_all or self._closed:
            return ()
        if not self._ready:
            self._take(self._drained())
        changes = tuple(self._ready)
        self._ready.clear()
        if changes:
            self._hand_out(changes[-1])
        return changes

    def close(self) -> None:
        self._closed = True
        self._events.close()

    async def _load(self) -> None:
        page = await self._store.list(self._prefix, revision=self._delivered)
        self._begin_with_all = False
        selection, resource = self._selection, self._resource
        for record in page.records:
            if selection is None or selection.matches(resource, record.object):
                self._ready.append(Change("ADDED", record, self._lines.line("ADDED", record)))

    def _hand_out(self, change: Change) -> Change:
        self._delivered = max(self._delivered, change.record.revision)
        return change

    def _drained(self) -> Sequence[Event]:
        try:
            return self._events.drain()
        except Compacted as error:
            raise store_errors.watch_too_old(error) from None

    def _take(self, events: Sequence[Event]) -> None:
        for kind, record in self._told(events):
            self._ready.append(Change(kind, record, self._lines.line(kind, record)))

    def _told(self, events: Sequence[Event]) -> Iterator[tuple[ChangeType, Record]]:
        selection, resource = self._selection, self._resource
        for event in events:
            if selection is None:
                yield event.type, event.record
                continue
            was = event.previous is not None and selection.matches(resource, event.previous.object)
            if event.type == "DELETED":
                if was:
                    yield "DELETED", event.record
            elif selection.matches(resource, event.record.object):
                yield "MODIFIED" if was else "ADDED", event.record
            elif was:
                yield "DELETED", self._lines.parted(event)
