"""The store on disk: SQLite in WAL mode, one writer thread, group commit.

The current state and the recent log are in memory, so reads never touch the disk. Writes gather for one turn of the
event loop; then they get revisions, are encoded, and the writer thread commits them in one transaction with
synchronous=FULL. Only after that do readers and watchers see them and does the caller hear of it: what was
acknowledged survives `kill -9` and power loss, in the order of its revisions.

The loop hands a batch over and stands still until it is committed, for a moment at most; on a slow disk it goes on
and looks again from time to time. Without that a busy loop keeps the interpreter to itself: a thread that waits for
its turn while the loop gives it up often, but never for long, can wait for ever.

If a commit fails (disk full) its writes fail with StoreError, nothing of them is kept, and the next ones get the
revisions they would have had. A key has at most one write in flight: the next one waits, then sees what came of it.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.base.errors import KeyExists, RevisionMismatch, StoreError
from seatrial.base.types import JSON
from seatrial.store import sqlite_file, state
from seatrial.store.base import Event, Page, Record, Where
from seatrial.store.hub import DEFAULT_BUFFER, Hub, HubWatcher
from seatrial.store.sqlite_file import Compaction
from seatrial.store.state import KEEP_BYTES, KEEP_EVENTS, State

LARGEST_BATCH = 512
STAND_STILL_SECONDS = 0.002
"""How long the loop waits for a commit before it goes on; a solid-state disk needs a quarter of that."""
LOOK_AGAIN_SECONDS = 0.001
GIVE_WAY_SECONDS = 0.0003
"""On slow disks: how often the loop looks whether the commit is done, and how long it then lets the thread run."""


@dataclass(slots=True)
class _Write:
    """A write that is checked and waits for its commit."""

    change: sqlite_file.ChangeType
    key: str
    object: JSON
    previous: Record | None
    done: asyncio.Future[Record]


@dataclass(slots=True)
class _Batch:
    """Writes that are committed together, and rows that can go."""

    compaction: Compaction | None = None
    writes: list[_Write] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rows: list[sqlite_file.Row] = field(default_factory=list)
    error: Exception | None = None


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
        self._waiting: list[_Write] = []
        self._backlog: Compaction | None = None
        self._batch: _Batch | None = None
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._flush_is_near = False
        self._open = True
        self._inbox: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._committed = threading.Semaphore(0)
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
        excess = visible.excess()
        if excess:
            store._forget(excess)
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
        while self._pending:
            await self._settled(next(iter(self._pending)))
        self._flush()
        await self._at_rest.wait()
        self._inbox.put(None)
        self._thread.join()
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
        self._waiting.append(_Write(change, key, obj, previous, done))
        self._flush_soon()
        # A caller that is cancelled no longer cares, but its write goes on and others may wait for it.
        return await asyncio.shield(done)

    def _flush_soon(self) -> None:
        if not self._flush_is_near and self._batch is None:
            self._flush_is_near = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Commit what waits, unless a batch is on its way: then it is its turn afterwards."""
        self._flush_is_near = False
        if self._batch is not None or not (self._waiting or self._backlog):
            return
        writes, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
        batch = _Batch(self._backlog)
        for write in writes:
            self._encode(write, batch)
        if not (batch.rows or batch.compaction):
            if self._waiting:
                self._flush_soon()
            return
        self._backlog = None
        self._batch = batch
        self._at_rest.clear()
        self._inbox.put(batch)
        self._look(STAND_STILL_SECONDS)

    def _encode(self, write: _Write, batch: _Batch) -> None:
        """Put a write into the batch; an object that is no JSON fails alone."""
        revision = self._state.revision + len(batch.events) + 1
        try:
            record = state.written(write.key, write.object, revision, self._freeze)
        except TypeError as error:
            self._fail([write], error)
            return
        batch.writes.append(write)
        batch.events.append(Event(write.change, revision, record, write.previous))
        batch.rows.append(sqlite_file.row_of(write.change, record))

    def _look(self, seconds: float) -> None:
        """Let the writer thread run for a moment; take in the batch if that was enough."""
        if self._committed.acquire(timeout=seconds):
            self._land()
        else:
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._look, GIVE_WAY_SECONDS)

    def _land(self) -> None:
        """The batch is committed, or failed: everybody may know."""
        batch, self._batch = self._batch, None
        assert batch is not None
        self._at_rest.set()
        if batch.error is None:
            self._publish(batch)
        else:
            self._keep(batch.compaction)
            self._fail(batch.writes, batch.error)
        if self._waiting:
            self._flush_soon()

    def _publish(self, batch: _Batch) -> None:
        for event in batch.events:
            self._state.apply(event)
            del self._pending[event.record.key]
        self._hub.publish(batch.events)
        for write, event in zip(batch.writes, batch.events, strict=True):
            if not write.done.done():
                write.done.set_result(event.record)
        excess = self._state.excess()
        if excess:
            self._forget(excess)

    def _fail(self, writes: Sequence[_Write], error: Exception) -> None:
        for write in writes:
            del self._pending[write.key]
            if not write.done.done():
                write.done.set_exception(StoreError(f"{self._path} can't be written: {error}"))
                # Marks it as seen: a caller who was cancelled will never ask.
                write.done.exception()

    def _forget(self, revision: int) -> None:
        gone = self._state.compact(revision)
        if gone:
            self._keep(Compaction(self._state.compacted, sqlite_file.obsolete(gone)))
            self._flush_soon()

    def _keep(self, compaction: Compaction | None) -> None:
        """Drop these rows with the next batch: only all of them together leave a log that can be read back."""
        if compaction is not None and self._backlog is not None:
            compaction.add(self._backlog)
        self._backlog = compaction or self._backlog

    def _run(self) -> None:
        """The writer thread: does nothing but commit."""
        while (batch := self._inbox.get()) is not None:
            try:
                sqlite_file.write(self._connection, batch.rows, batch.compaction)
            except Exception as error:
                batch.error = error
            self._committed.release()
