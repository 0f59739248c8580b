"""The store on disk: SQLite in WAL mode, one writer thread, group commit.

The current state and the recent log are in memory, so reads never touch the disk. A write waits in a queue; the writer
thread takes all that wait, gives them revisions, checks and encodes them, and commits them in one transaction with
synchronous=FULL. Only then do readers and watchers see them and does the caller hear of it: what was acknowledged
survives `kill -9` and power loss, in the order of its revisions.

If a commit fails (disk full) its writes fail with StoreError, nothing of them is kept, and the next ones get the
revisions they would have had. A key has at most one write in flight: the next one waits, then sees what came of it.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.base.errors import KeyExists, RevisionMismatch, StoreError
from seatrial.base.types import JSON
from seatrial.store import sqlite_file, state
from seatrial.store.base import Event, Page, Record, Where
from seatrial.store.hub import DEFAULT_BUFFER, Hub, HubWatcher
from seatrial.store.sqlite_file import Compaction
from seatrial.store.state import KEEP_BYTES, KEEP_EVENTS, State

LARGEST_BATCH = 512


@dataclass(slots=True)
class _Write:
    """A write that is checked and waits for its commit."""

    change: sqlite_file.ChangeType
    key: str
    object: JSON
    previous: Record | None
    done: asyncio.Future[Record]


_Job = _Write | Compaction | None


class SqliteStore:
    """A Store in a directory. Made by `SqliteStore.open`; used from one event loop."""

    def __init__(
        self,
        directory: Path,
        lock: sqlite_file.DirectoryLock,
        connection: sqlite3.Connection,
        visible: State,
        watch_buffer: int,
        freeze: bool,
    ) -> None:
        self._path, self._lock, self._connection = directory / sqlite_file.DATA, lock, connection
        self._state, self._hub, self._freeze = visible, Hub(watch_buffer), freeze
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, asyncio.Future[Record]] = {}
        self._queue: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="seatrial-store", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        keep_events: int = KEEP_EVENTS,
        keep_bytes: int = KEEP_BYTES,
        watch_buffer: int = DEFAULT_BUFFER,
        freeze: bool = False,
    ) -> "SqliteStore":
        """Lock the directory and read it back; raises StoreInUse, StoreTooNew or CorruptStore."""
        sqlite_file.prepare(directory)
        lock = sqlite_file.DirectoryLock(directory)
        try:
            connection = sqlite_file.connect(directory)
            try:
                found = sqlite_file.recover(connection, directory / sqlite_file.DATA)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise
        visible = State(keep_events, keep_bytes)
        if freeze:
            state.freeze(found.current, found.events)
        visible.restore(found.events, found.current, found.revision, found.compacted)
        store = cls(directory, lock, connection, visible, watch_buffer, freeze)
        store._forget_excess()
        return store

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
        while key in self._pending:
            await self._settled(key)
        if key in self._state.records:
            raise KeyExists(key)
        return await self._submit("ADDED", key, obj, None)

    async def update(self, key: str, obj: JSON, expected_revision: int) -> Record:
        previous = await self._expect(key, expected_revision)
        return await self._submit("MODIFIED", key, obj, previous)

    async def delete(self, key: str, expected_revision: int) -> Record:
        previous = await self._expect(key, expected_revision)
        last = {**previous.object, "metadata": dict(previous.object["metadata"])}
        return await self._submit("DELETED", key, last, previous)

    def watch(self, prefix: str, after_revision: int, where: Where | None = None) -> HubWatcher:
        self._check_open()
        return self._hub.watch(prefix, after_revision, self._state.since(after_revision), where)

    async def compact(self, revision: int) -> None:
        self._check_open()
        self._forget(revision)

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._queue.put(None)
        while self._pending:
            await self._settled(next(iter(self._pending)))
        await asyncio.to_thread(self._thread.join)
        self._hub.close()
        self._connection.close()
        self._lock.release()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("the store is closed")

    async def _settled(self, key: str) -> None:
        """Wait until the write in flight has happened or failed."""
        await asyncio.wait((self._pending[key],))

    async def _expect(self, key: str, revision: int) -> Record:
        while key in self._pending:
            await self._settled(key)
        found = self._state.records.get(key)
        if found is None or found.revision != revision:
            raise RevisionMismatch(key, revision, found.revision if found else 0)
        return found

    async def _submit(self, change: sqlite_file.ChangeType, key: str, obj: JSON, previous: Record | None) -> Record:
        self._check_open()
        done: asyncio.Future[Record] = self._loop.create_future()
        self._pending[key] = done
        self._queue.put(_Write(change, key, obj, previous, done))
        # A caller that is cancelled no longer cares, but its write goes on and others may wait for it.
        return await asyncio.shield(done)

    def _run(self) -> None:
        """The writer thread: the only one that touches the connection and gives out revisions."""
        revision = self._state.revision
        backlog: Compaction | None = None
        open_ = True
        while open_:
            writes, compactions, open_ = _take(self._queue)
            for compaction in compactions:
                if backlog is None:
                    backlog = compaction
                else:
                    backlog.add(compaction)
            if writes or backlog:
                count = self._commit(writes, revision, backlog)
                if count >= 0:
                    revision, backlog = revision + count, None

    def _commit(self, writes: Sequence[_Write], revision: int, compaction: Compaction | None) -> int:
        """Write a batch; how many revisions that made, -1 if it failed.

        The rows of a failed compaction are dropped with a later batch: only all of them together leave a log that
        can be read back.
        """
        good: list[_Write] = []
        events: list[Event] = []
        try:
            for write in writes:
                event = self._event(write, revision + len(events) + 1)
                if event is not None:
                    good.append(write)
                    events.append(event)
            rows = [sqlite_file.row_of(event.type, event.record) for event in events]
            sqlite_file.write(self._connection, rows, compaction)
        except Exception as error:
            self._tell(self._failed, good, error)
            return -1
        if good:
            self._tell(self._committed, good, events)
        return len(events)

    def _event(self, write: _Write, revision: int) -> Event | None:
        """The change, encoded; an object that is no JSON fails alone."""
        try:
            record = state.written(write.key, write.object, revision, self._freeze)
        except TypeError as error:
            self._tell(self._failed, [write], error)
            return None
        return Event(write.change, revision, record, write.previous)

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            # The loop was closed without closing the store: nobody is left who could be told.
            return

    def _committed(self, writes: Sequence[_Write], events: Sequence[Event]) -> None:
        for event in events:
            self._state.apply(event)
            del self._pending[event.record.key]
        self._hub.publish(events)
        for write, event in zip(writes, events, strict=True):
            if not write.done.done():
                write.done.set_result(event.record)
        self._forget_excess()

    def _failed(self, writes: Sequence[_Write], error: Exception) -> None:
        for write in writes:
            del self._pending[write.key]
            if not write.done.done():
                write.done.set_exception(StoreError(f"{self._path} can't be written: {error}"))
                write.done.exception()

    def _forget_excess(self) -> None:
        excess = self._state.excess()
        if excess:
            self._forget(excess)

    def _forget(self, revision: int) -> None:
        gone = self._state.compact(revision)
        if gone and self._open:
            self._queue.put(Compaction(self._state.compacted, sqlite_file.obsolete(gone)))


def _take(waiting: queue.SimpleQueue[_Job]) -> tuple[list[_Write], list[Compaction], bool]:
    """All that waits in the queue, waiting for the first; False: there will be nothing more."""
    writes: list[_Write] = []
    compactions: list[Compaction] = []
    while True:
        job = waiting.get()
        if job is None:
            return writes, compactions, False
        if isinstance(job, _Write):
            writes.append(job)
        else:
            compactions.append(job)
        if waiting.empty() or len(writes) >= LARGEST_BATCH:
            return writes, compactions, True
