"""The data directory of the sqlite engine: its lock, its file, and what is read back from it.

One table, `log`, has a row per change: the revision, what happened, the key, and the object's JSON (for a deletion its
last state). The newest row of a key is its current state. A row is dropped when the change after it is compacted, and
a deletion's with its own. Every row carries a checksum; a file in which anything is wrong is refused and left alone.
Only this process may use the directory: it holds a lock on the file `lock` in it.
"""

import fcntl
import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import orjson

from seatrial.base.errors import CorruptStore, StoreError, StoreInUse, StoreTooNew
from seatrial.store.base import Event, Record
from seatrial.store.keys import ROOT

DATA = "state.db"
LOCK = "lock"
APPLICATION_ID = 0x53454154
"""`SEAT`: stands in the header of the file and tells it from other SQLite files."""
FORMAT = 1
SCHEMA = """
CREATE TABLE log (
  revision INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  checksum INTEGER NOT NULL
);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('compacted', 0);
"""
INSERT = "INSERT INTO log VALUES (?, ?, ?, ?, ?)"
MORE = ", (?, ?, ?, ?, ?)"
ROWS_AT_ONCE = 64
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
TYPES: tuple[ChangeType, ...] = ("ADDED", "MODIFIED", "DELETED")
Row = tuple[int, int, str, bytes, int]


@dataclass(slots=True)
class Recovered:
    """What the file held."""

    current: dict[str, Record] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    revision: int = 0
    compacted: int = 0


class DirectoryLock:
    """An advisory lock that goes away with the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            who = f" (process {holder})" if holder else ""
            raise StoreInUse(
                f"data directory {directory} is in use by another cluster{who}: stop it, or choose another directory"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


def prepare(directory: Path) -> None:
    """Make the directory, readable for its owner only."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"data directory {directory} can't be made: {error.strerror}") from None


def connect(directory: Path) -> sqlite3.Connection:
    """Open the file, making it if there is none; raises CorruptStore or StoreTooNew."""
    path = directory / DATA
    new = not path.exists()
    if new:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=ROWS_AT_ONCE + 16
    )
    try:
        if path.stat().st_size == 0 and not path.with_name(f"{DATA}-wal").exists():
            _create(connection)
        else:
            _check(connection, path)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA cache_size=-16384")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _corrupt(path, str(error)) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA page_size=8192")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(
        f"BEGIN;{SCHEMA}PRAGMA application_id={APPLICATION_ID};PRAGMA user_version={FORMAT};COMMIT;"
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise _corrupt(path, "it was not written by Seatrial")
    if version > FORMAT:
        raise StoreTooNew(
            f"{path} was written by a newer Seatrial (format {version}, this one knows up to {FORMAT}): "
            "use that version, or another data directory"
        )
    connection.execute("PRAGMA journal_mode=WAL")
    problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if problems != ["ok"]:
        raise _corrupt(path, "; ".join(problems))


def _corrupt(path: Path, why: str) -> CorruptStore:
    return CorruptStore(
        f"{path} is damaged: {why}. It is left as it is: restore a copy, or start with another data directory"
    )


def recover(connection: sqlite3.Connection, path: Path) -> Recovered:
    """Read everything back, checking every row; raises CorruptStore."""
    found = Recovered()
    try:
        found.compacted = int(connection.execute("SELECT value FROM meta WHERE name='compacted'").fetchone()[0])
        found.revision = found.compacted
        for row in connection.execute("SELECT revision, type, key, value, checksum FROM log ORDER BY revision"):
            _replay(found, row, path)
    except (sqlite3.DatabaseError, TypeError) as error:
        raise _corrupt(path, str(error)) from None
    return found


def _replay(found: Recovered, row: Row, path: Path) -> None:
    revision, kind, key = row[:3]
    record = _record(row, path)
    previous = found.current.get(key)
    change = TYPES[kind]
    kept = revision > found.compacted
    if kept and revision != found.revision + 1:
        raise _corrupt(path, f"revision {found.revision + 1} is missing")
    if kept and (previous is None) != (change == "ADDED"):
        raise _corrupt(path, f"revision {revision} does not fit what was there before")
    if change == "DELETED":
        found.current.pop(key, None)
    else:
        found.current[key] = record
    if kept:
        found.events.append(Event(change, revision, record, previous))
        found.revision = revision


def _record(row: Row, path: Path) -> Record:
    revision, kind, key, value, checksum = row
    if not 0 <= kind < len(TYPES) or not key.startswith(ROOT) or sum_of(key, value) != checksum:
        raise _corrupt(path, f"revision {revision} is not what was written")
    try:
        obj = orjson.loads(value)
        fits = obj["metadata"]["resourceVersion"] == str(revision)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise _corrupt(path, f"revision {revision} is not an object of that revision")
    return Record(key, revision, obj, value)


def sum_of(key: str, value: bytes) -> int:
    """What a row's checksum must be."""
    return zlib.crc32(value, zlib.crc32(key.encode()))


def row_of(change: ChangeType, record: Record) -> Row:
    """A change as it stands in the table."""
    return (record.revision, TYPES.index(change), record.key, record.data, sum_of(record.key, record.data))


@dataclass(slots=True)
class Compaction:
    """How far the log is compacted, and the rows that nothing needs any more because of that."""

    compacted: int = 0
    revisions: list[int] = field(default_factory=list)

    def add(self, later: "Compaction") -> None:
        self.compacted = max(self.compacted, later.compacted)
        self.revisions += later.revisions


def write(connection: sqlite3.Connection, rows: Sequence[Row], compaction: Compaction | None) -> None:
    """Append changes and drop old ones, all or nothing; when this returns it is on the disk.

    As few statements as can be: after each of them the writer thread has to wait for its turn again, which takes
    milliseconds while the event loop is busy. A single statement is a transaction by itself.
    """
    if compaction is None and len(rows) <= ROWS_AT_ONCE:
        _insert(connection, rows)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            _insert(connection, rows[begin : begin + ROWS_AT_ONCE])
        if compaction is not None:
            _drop(connection, compaction)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    connection.execute(INSERT + MORE * (len(rows) - 1), [value for row in rows for value in row])


def _drop(connection: sqlite3.Connection, compaction: Compaction) -> None:
    gone = json.dumps(compaction.revisions)
    connection.execute("DELETE FROM log WHERE revision IN (SELECT value FROM json_each(?))", (gone,))
    connection.execute("UPDATE meta SET value=? WHERE name='compacted'", (compaction.compacted,))


def obsolete(events: Iterable[Event]) -> list[int]:
    """The rows that compacting these events makes superfluous."""
    gone: list[int] = []
    for event in events:
        if event.previous is not None:
            gone.append(event.previous.revision)
        if event.type == "DELETED":
            gone.append(event.revision)
    return gone
