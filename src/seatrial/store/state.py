"""What the engines in this process keep in memory: the current objects in key order, and the recent changes.

Revisions are consecutive: each change has the next one, so the log is a plain list in which a revision is an index.
The log is bounded by number and by bytes; what falls off its end is compacted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import orjson
from sortedcontainers import SortedList

from seatrial.base.errors import Compacted, StoreError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.store.base import Event, Page, Record

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]

KEEP_EVENTS = 10_000
"""A client that reconnects resumes from the log, and the pages of a list are read from it. At the 2,500 writes per
second of a storm that is four seconds, in quiet times hours; etcd under a kube-apiserver keeps five minutes."""
KEEP_BYTES = 16 * 1024 * 1024
"""Encoded size of the kept events. Decoded, an object takes about five times as much."""


@dataclass(slots=True)
class State:
    """The visible state; changed only by `apply` and `compact`."""

    keep_events: int = KEEP_EVENTS
    keep_bytes: int = KEEP_BYTES
    records: dict[str, Record] = field(default_factory=dict)
    revision: int = 0
    compacted: int = 0
    _keys: SortedList = field(default_factory=SortedList)
    _log: list[Event] = field(default_factory=list)
    _forgotten: int = 0
    """How many entries at the head of `_log` are compacted already; they are cut off in one go from time to time."""
    _bytes: int = 0

    def restore(self, events: Sequence[Event], current: dict[str, Record], revision: int, compacted: int) -> None:
        """Begin with what a data file held."""
        self.records, self._keys = current, SortedList(current)
        self.revision, self.compacted = revision, compacted
        self._log = list(events)
        self._bytes = sum(len(event.record.data) for event in events)

    def apply(self, event: Event) -> None:
        """Make a change visible."""
        key = event.record.key
        if event.type == "DELETED":
            del self.records[key]
            self._keys.remove(key)
        else:
            if event.type == "ADDED":
                self._keys.add(key)
            self.records[key] = event.record
        self.revision = event.revision
        self._log.append(event)
        self._bytes += len(event.record.data)

    def list(self, prefix: str, start: str, limit: int, revision: int) -> Page:
        first = max(prefix, start)
        if revision and revision != self.revision:
            return self._list_at(prefix, first, limit, revision)
        begin, end = self._keys.bisect_left(first), self._keys.bisect_left(after_prefix(prefix))
        stop = min(end, begin + limit) if limit else end
        records = self.records
        return Page([records[key] for key in self._keys.islice(begin, stop)], self.revision, max(0, end - stop))

    def count(self, prefix: str) -> int:
        return int(self._keys.bisect_left(after_prefix(prefix)) - self._keys.bisect_left(prefix))

    def since(self, revision: int) -> Sequence[Event]:
        """The events after `revision`."""
        if revision < self.compacted:
            raise Compacted(revision, self.compacted)
        return self._log[self._forgotten + max(0, revision - self.compacted) :]

    def excess(self) -> int:
        """Up to which revision to compact to bring the log back to its bounds (0: it is not an eighth above them)."""
        kept, size = len(self._log) - self._forgotten, self._bytes
        if kept <= self.keep_events * 9 // 8 and size <= self.keep_bytes * 9 // 8:
            return 0
        drop = max(0, kept - self.keep_events)
        for event in self._log[self._forgotten : self._forgotten + drop]:
            size -= len(event.record.data)
        while size > self.keep_bytes and drop < kept:
            size -= len(self._log[self._forgotten + drop].record.data)
            drop += 1
        return self.compacted + drop

    def compact(self, revision: int) -> Sequence[Event]:
        """Forget the events up to `revision` and return them."""
        count = min(revision, self.revision) - self.compacted
        if count <= 0:
            return ()
        gone = self._log[self._forgotten : self._forgotten + count]
        self._forgotten += count
        self.compacted += count
        self._bytes -= sum(len(event.record.data) for event in gone)
        if self._forgotten * 2 > len(self._log):
            del self._log[: self._forgotten]
            self._forgotten = 0
        return gone

    def _list_at(self, prefix: str, first: str, limit: int, revision: int) -> Page:
        if revision > self.revision:
            raise StoreError(f"revision {revision} is in the future, the newest is {self.revision}")
        then = {key: self.records[key] for key in self._keys.irange(first, after_prefix(prefix), (True, False))}
        for event in reversed(self.since(revision)):
            key = event.record.key
            if key < first or not key.startswith(prefix):
                continue
            if event.previous is None:
                then.pop(key, None)
            else:
                then[key] = event.previous
        keys = sorted(then)
        wanted = keys[:limit] if limit else keys
        return Page([then[key] for key in wanted], revision, len(keys) - len(wanted))


def after_prefix(prefix: str) -> str:
    """The first string that sorts after everything with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"


def written(key: str, obj: JSON, revision: int, freeze: bool) -> Record:
    """The record of a new state: the resourceVersion is put into `obj`, which is encoded, once and for all."""
    obj.setdefault("metadata", {})["resourceVersion"] = str(revision)
    data = orjson.dumps(obj)
    return Record(key, revision, objects.freeze(obj) if freeze else obj, data)


def deleted(record: Record, revision: int, freeze: bool) -> Record:
    """The record of an object's deletion: its last state with the deletion's revision."""
    return written(record.key, {**record.object, "metadata": dict(record.object["metadata"])}, revision, freeze)


def freeze(current: dict[str, Record], events: list[Event]) -> None:
    """Replace what was read from a file by frozen copies, in place."""
    frozen: dict[int, Record] = {}

    def copy(record: Record) -> Record:
        if record.revision not in frozen:
            frozen[record.revision] = Record(record.key, record.revision, objects.freeze(record.object), record.data)
        return frozen[record.revision]

    for key, record in current.items():
        current[key] = copy(record)
    events[:] = [
        Event(event.type, event.revision, copy(event.record), event.previous and copy(event.previous))
        for event in events
    ]
