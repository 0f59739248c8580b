"""The index of the embedded image store: pools, images, snapshots, clients, locks, watches and fences in SQLite.

A change is one transaction, and it is on disk when it returns. Several processes may have the index open; none holds it
longer than a transaction. A file that can't be read is refused and left as it is.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from seatrial.base.env import Env
from seatrial.volumes.rbd import images
from seatrial.volumes.rbd.images import (
    EBUSY,
    EEXIST,
    EINVAL,
    ENOENT,
    ENOTEMPTY,
    ESHUTDOWN,
    Client,
    Image,
    ImageError,
    ImageName,
    Lock,
    Snapshot,
    Watcher,
)

VERSION = 1
FIRST_CLIENT = 4101
SHRINKS = "rbd: shrinking an image is only allowed with the --allow-shrink flag"
HAS_SNAPSHOTS = (
    "rbd: image has snapshots - these must be deleted with 'rbd snap purge' before the image can be removed."
)
HAS_WATCHERS = (
    "rbd: error: image still has watchers\nThis means the image is still open or the client using it crashed. "
    "Try again after closing/unmapping it or waiting 30s for the crashed client to timeout."
)
"""rbd's own words."""
_SCHEMA = """
CREATE TABLE pools (name TEXT PRIMARY KEY);
CREATE TABLE images (
  pool TEXT REFERENCES pools, name TEXT, id TEXT, size INTEGER, features TEXT, created_at REAL, PRIMARY KEY (pool, name)
);
CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT, pool TEXT, image TEXT, name TEXT, size INTEGER, protected INTEGER, taken_at REAL
);
CREATE TABLE clients (number INTEGER PRIMARY KEY, address TEXT UNIQUE, seen_at REAL);
CREATE TABLE locks (pool TEXT, image TEXT, id TEXT, client INTEGER, address TEXT, PRIMARY KEY (pool, image));
CREATE TABLE watches (pool TEXT, image TEXT, client INTEGER, cookie TEXT, PRIMARY KEY (pool, image, client));
CREATE TABLE fences (address TEXT PRIMARY KEY, until REAL);
"""


class CorruptIndex(ImageError):
    """The index file is not one, or of another version; the images are untouched."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(EINVAL, f"{path} can't be used as an image index ({why}); the images beside it are untouched")


class Index:
    """`path`: the file, or `:memory:`."""

    def __init__(self, path: str, env: Env) -> None:
        self._env, self._path = env, path
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise CorruptIndex(path, str(error)) from None

    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        version = int(run("PRAGMA user_version").fetchone()[0])
        if version not in (0, VERSION):
            raise CorruptIndex(self._path, f"its version is {version}, this Seatrial knows {VERSION}")
        if version == 0:
            with self._change():
                if run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    if int(run("PRAGMA user_version").fetchone()[0]) == VERSION:
                        return
                    raise CorruptIndex(self._path, "it is another kind of database")
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    run(statement)
                run("INSERT INTO pools VALUES (?)", (images.DEFAULT_POOL,))
                run(f"PRAGMA user_version={VERSION}")

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        return self._database.execute(query, values).fetchall()

    # --- pools and images ---

    def pools(self) -> list[str]:
        return [str(name) for (name,) in self._rows("SELECT name FROM pools ORDER BY name")]

    def create_pool(self, name: str) -> None:
        """A pool that is there stays as it is, as with ceph."""
        with self._change():
            self._rows("INSERT OR IGNORE INTO pools VALUES (?)", name)

    def images(self, pool: str) -> list[str]:
        self._require_pool(pool)
        return [str(name) for (name,) in self._rows("SELECT name FROM images WHERE pool=? ORDER BY name", pool)]

    def _require_pool(self, pool: str) -> None:
        if not self._rows("SELECT 1 FROM pools WHERE name=?", pool):
            raise ImageError(ENOENT, f"rbd: error opening pool '{pool}'")

    def info(self, name: ImageName) -> Image:
        self._require_pool(name.pool)
        found = self._rows(
            "SELECT id, size, features, created_at FROM images WHERE pool=? AND name=?", name.pool, name.image
        )
        if not found:
            raise ImageError(ENOENT, f"rbd: error opening image {name.image}")
        id_, size, features, created_at = found[0]
        return Image(name, str(id_), int(str(size)), tuple(str(features).split(",")), float(str(created_at)))

    def create(self, name: ImageName, size: int, features: Sequence[str]) -> None:
        with self._change():
            self._require_pool(name.pool)
            if self._rows("SELECT 1 FROM images WHERE pool=? AND name=?", name.pool, name.image):
                raise ImageError(EEXIST, "rbd: create error")
            id_ = f"{self._env.random.getrandbits(48):012x}"
            row = (name.pool, name.image, id_, size, ",".join(features), self._env.now())
            self._rows("INSERT INTO images VALUES (?,?,?,?,?,?)", *row)

    def remove(self, name: ImageName) -> None:
        with self._change():
            self.info(name)
            if self.snapshots(name):
                raise ImageError(ENOTEMPTY, HAS_SNAPSHOTS, whole=True)
            if self.watchers(name):
                raise ImageError(EBUSY, HAS_WATCHERS, whole=True)
            for table, column in (("images", "name"), ("locks", "image"), ("watches", "image")):
                self._rows(f"DELETE FROM {table} WHERE pool=? AND {column}=?", name.pool, name.image)

    def resize(self, name: ImageName, size: int, *, allow_shrink: bool) -> None:
        with self._change():
            if size < self.info(name).size and not allow_shrink:
                raise ImageError(EINVAL, SHRINKS, whole=True)
            self._rows("UPDATE images SET size=? WHERE pool=? AND name=?", size, name.pool, name.image)

    # --- snapshots ---

    def snapshots(self, name: ImageName) -> list[Snapshot]:
        self.info(name)
        query = "SELECT id, name, size, protected, taken_at FROM snapshots WHERE pool=? AND image=? ORDER BY id"
        return [
            Snapshot(int(str(id_)), str(label), int(str(size)), bool(protected), float(str(taken_at)))
            for id_, label, size, protected, taken_at in self._rows(query, name.pool, name.image)
        ]

    def create_snapshot(self, name: ImageName, snapshot: str) -> Snapshot:
        with self._change():
            size = self.info(name).size
            if any(each.name == snapshot for each in self.snapshots(name)):
                raise ImageError(EEXIST, "rbd: failed to create snapshot")
            row = (name.pool, name.image, snapshot, size, self._env.now())
            query = "INSERT INTO snapshots (pool, image, name, size, protected, taken_at) VALUES (?,?,?,?,0,?)"
            self._rows(query, *row)
            return self.snapshot(name, snapshot)

    def snapshot(self, name: ImageName, snapshot: str) -> Snapshot:
        for each in self.snapshots(name):
            if each.name == snapshot:
                return each
        raise ImageError(ENOENT, f"rbd: failed to open snapshot '{snapshot}'")

    def remove_snapshot(self, name: ImageName, snapshot: str) -> Snapshot:
        with self._change():
            found = self.snapshot(name, snapshot)
            if found.protected:
                raise ImageError(EBUSY, f"rbd: snapshot '{snapshot}' is protected from removal.", whole=True)
            self._rows("DELETE FROM snapshots WHERE id=?", found.id)
            return found

    def protect_snapshot(self, name: ImageName, snapshot: str, *, protected: bool) -> None:
        with self._change():
            found = self.snapshot(name, snapshot)
            if found.protected == protected:
                verb = "protecting" if protected else "unprotecting"
                raise ImageError(EBUSY if protected else EINVAL, f"rbd: {verb} snap failed")
            self._rows("UPDATE snapshots SET protected=? WHERE id=?", int(protected), found.id)

    # --- clients, locks, watches, fences ---

    def connect(self, address: str) -> Client:
        with self._change():
            (last,) = self._rows("SELECT coalesce(max(number), ?) FROM clients", FIRST_CLIENT)[0]
            client = Client(int(str(last)) + 1 + self._env.random.randrange(20), self._fresh(address))
            self._rows("INSERT INTO clients VALUES (?,?,?)", client.number, client.address, self._env.now())
            return client

    def _fresh(self, address: str) -> str:
        while True:
            whole = f"{address}:0/{self._env.random.getrandbits(32)}"
            if not self._rows("SELECT 1 FROM clients WHERE address=?", whole):
                return whole

    def disconnect(self, client: Client) -> None:
        with self._change():
            self._rows("DELETE FROM watches WHERE client=?", client.number)

    def beat(self, clients: Sequence[Client]) -> None:
        with self._change():
            for client in clients:
                self._rows("UPDATE clients SET seen_at=? WHERE number=?", self._env.now(), client.number)

    def locks(self, name: ImageName) -> list[Lock]:
        self.info(name)
        found = self._rows("SELECT id, client, address FROM locks WHERE pool=? AND image=?", name.pool, name.image)
        return [Lock(str(id_), f"client.{client}", str(address)) for id_, client, address in found]

    def add_lock(self, name: ImageName, id: str, client: Client) -> None:
        with self._change():
            self._require_welcome(client)
            if self.locks(name):
                raise ImageError(EBUSY, "rbd: lock is already held by someone else", whole=True)
            self._rows("INSERT INTO locks VALUES (?,?,?,?,?)", name.pool, name.image, id, client.number, client.address)

    def remove_lock(self, name: ImageName, id: str, locker: str, *, fence: bool) -> None:
        with self._change():
            held = [lock for lock in self.locks(name) if (lock.id, lock.locker) == (id, locker)]
            if not held:
                raise ImageError(ENOENT, "rbd: releasing lock failed")
            self._rows("DELETE FROM locks WHERE pool=? AND image=?", name.pool, name.image)
            if fence:
                self._fence(held[0].address, images.FENCE_SECONDS)

    def watchers(self, name: ImageName) -> list[Watcher]:
        self.info(name)
        query = (
            "SELECT address, client, cookie FROM watches JOIN clients ON client = number "
            "WHERE pool=? AND image=? AND seen_at > ? ORDER BY client"
        )
        found = self._rows(query, name.pool, name.image, self._env.now() - images.WATCH_SECONDS)
        fenced = set(self.fences())
        return [
            Watcher(str(address), int(str(client)), int(str(cookie)))
            for address, client, cookie in found
            if address not in fenced
        ]

    def watch(self, name: ImageName, client: Client) -> None:
        with self._change():
            self._require_welcome(client)
            self.info(name)
            cookie = 18446462598732840961 + len(self._rows("SELECT 1 FROM watches WHERE client=?", client.number))
            # Cookies are text: they are larger than SQLite's numbers.
            row = (name.pool, name.image, client.number, str(cookie))
            self._rows("INSERT OR REPLACE INTO watches VALUES (?,?,?,?)", *row)

    def unwatch(self, name: ImageName, client: Client) -> None:
        with self._change():
            query = "DELETE FROM watches WHERE pool=? AND image=? AND client=?"
            self._rows(query, name.pool, name.image, client.number)

    def fence(self, address: str, seconds: float) -> None:
        with self._change():
            self._fence(address, seconds)

    def _fence(self, address: str, seconds: float) -> None:
        self._rows("INSERT OR REPLACE INTO fences VALUES (?,?)", address, self._env.now() + seconds)

    def fences(self) -> list[str]:
        found = self._rows("SELECT address FROM fences WHERE until > ? ORDER BY address", self._env.now())
        return [str(address) for (address,) in found]

    def _require_welcome(self, client: Client) -> None:
        if client.address in self.fences():
            raise ImageError(ESHUTDOWN, f"rbd: client {client.name} is fenced")
