"""Delivers each change to the watchers that asked for it, without ever waiting for one of them.

Watchers are found by the prefixes of an event's key (and, where they asked for objects with one value at one field,
by that value), so the cost of an event does not grow with the watchers of other things. All of them get the same
Event. Each has a bounded buffer: who falls behind is cut off with Compacted and must list again, like a client of
etcd or of the watch cache (k8s.io/apiserver/pkg/storage/cacher/cacher.go, cache_watcher.go).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from seatrial.base.errors import Compacted
from seatrial.store.base import Event, Record, Where

DEFAULT_BUFFER = 10_000
"""Events a watcher may lag behind. They are shared with the log, so a full buffer costs a pointer per event."""


class HubWatcher:
    """A Watcher of the hub (store.base.Watcher)."""

    __slots__ = ("_buffer", "_forget", "_limit", "_lost", "_open", "_waiter", "after", "prefix", "where")

    def __init__(
        self, prefix: str, after: int, where: Where | None, limit: int, forget: Callable[["HubWatcher"], None]
    ) -> None:
        self.prefix, self.after, self.where = prefix, after, where
        self._limit, self._forget = limit, forget
        self._buffer: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._open = True
        self._lost: Compacted | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._buffer:
            self._raise_if_lost()
            if not self._open:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._buffer.popleft()

    def drain(self) -> Sequence[Event]:
        if not self._buffer:
            self._raise_if_lost()
            return ()
        events = tuple(self._buffer)
        self._buffer.clear()
        return events

    def close(self) -> None:
        if self._open:
            self._forget(self)
            self.end()

    def end(self) -> None:
        """No more events will come; what is in the buffer can still be read."""
        self._open = False
        self._wake()

    def offer(self, event: Event) -> bool:
        """Take an event; False if the buffer is full: the watcher is then cut off."""
        if event.revision <= self.after:
            return True
        if len(self._buffer) >= self._limit:
            self._lost = Compacted(self._buffer[-1].revision, event.revision)
            self.end()
            return False
        self._buffer.append(event)
        if self._waiter is not None:
            self._wake()
        return True

    def preload(self, events: Iterable[Event]) -> None:
        """Events of the past that the watcher begins with; they do not count against its buffer."""
        self._buffer.extend(events)
        self._limit += len(self._buffer)

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Watchers:
    """The watchers of one prefix: those of everything, and by field and value those of a part."""

    __slots__ = ("all", "by_field")

    def __init__(self) -> None:
        self.all: dict[HubWatcher, None] = {}
        self.by_field: dict[tuple[str, ...], dict[str, dict[HubWatcher, None]]] = {}

    def bucket(self, where: Where | None) -> dict[HubWatcher, None]:
        if where is None:
            return self.all
        return self.by_field.setdefault(where.path, {}).setdefault(where.value, {})

    def remove(self, watcher: HubWatcher) -> None:
        where = watcher.where
        self.bucket(where).pop(watcher, None)
        if where is not None and not self.by_field[where.path][where.value]:
            del self.by_field[where.path][where.value]
            if not self.by_field[where.path]:
                del self.by_field[where.path]

    def interested(self, event: Event) -> Iterator[HubWatcher]:
        yield from tuple(self.all)
        for path, by_value in tuple(self.by_field.items()):
            for value in values_at(path, event):
                yield from tuple(by_value.get(value, ()))

    @property
    def empty(self) -> bool:
        return not self.all and not self.by_field


class Hub:
    """All watchers of a store."""

    def __init__(self, buffer: int = DEFAULT_BUFFER) -> None:
        self._buffer = buffer
        self._by_prefix: dict[str, _Watchers] = {}
        self._ragged: dict[str, _Watchers] = {}

    def watch(self, prefix: str, after: int, past: Iterable[Event], where: Where | None = None) -> HubWatcher:
        """A watcher of events after `after`, beginning with `past` (those of the log, of any key)."""
        watcher = HubWatcher(prefix, after, where, self._buffer, self._remove)
        watcher.preload(event for event in past if matches(event, prefix, where))
        self._index(prefix).setdefault(prefix, _Watchers()).bucket(where)[watcher] = None
        return watcher

    def publish(self, events: Iterable[Event]) -> None:
        for event in events:
            for watchers in self._interested(event.record.key):
                for watcher in watchers.interested(event):
                    if not watcher.offer(event):
                        self._remove(watcher)

    def close(self) -> None:
        for index in (self._by_prefix, self._ragged):
            for watchers in index.values():
                for watcher in (
                    *watchers.all,
                    *(w for by in watchers.by_field.values() for b in by.values() for w in b),
                ):
                    watcher.end()
            index.clear()

    def _interested(self, key: str) -> Iterator[_Watchers]:
        by_prefix = self._by_prefix
        end = key.find("/", 1)
        while end >= 0:
            found = by_prefix.get(key[: end + 1])
            if found is not None:
                yield found
            end = key.find("/", end + 1)
        for prefix, watchers in tuple(self._ragged.items()):
            if key.startswith(prefix):
                yield watchers

    def _index(self, prefix: str) -> dict[str, _Watchers]:
        """Prefixes that end with a slash are looked up; others (a whole key, say) are compared one by one."""
        return self._by_prefix if prefix.endswith("/") and len(prefix) > 1 else self._ragged

    def _remove(self, watcher: HubWatcher) -> None:
        index = self._index(watcher.prefix)
        watchers = index.get(watcher.prefix)
        if watchers is not None:
            watchers.remove(watcher)
            if watchers.empty:
                del index[watcher.prefix]


def matches(event: Event, prefix: str, where: Where | None) -> bool:
    """Whether a watcher of this prefix and field gets the event."""
    return event.record.key.startswith(prefix) and (where is None or where.value in values_at(where.path, event))


def values_at(path: tuple[str, ...], event: Event) -> tuple[str, ...]:
    """What stands at the field after the change and, if something else, before it: a watcher of either must know."""
    now = value_at(path, event.record)
    if event.previous is None:
        return (now,)
    before = value_at(path, event.previous)
    return (now,) if before == now else (now, before)


def value_at(path: tuple[str, ...], record: Record) -> str:
    """The string at a field; "" if there is none."""
    value: object = record.object
    for step in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(step)
    return value if isinstance(value, str) else ""
