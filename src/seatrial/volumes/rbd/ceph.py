"""A real Ceph as image store, through its own Python bindings (python3-rados, python3-rbd of 16.2 and later).

Each client is a connection of its own, so that its watches and locks are its own, and a fence hits nobody else.
Blocking calls run in a thread. An unreachable monitor is told after MONITOR_SECONDS.
"""

import asyncio
import importlib
import importlib.machinery
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from seatrial.base.errors import ToolError
from seatrial.volumes.rbd import images, index
from seatrial.volumes.rbd.images import (
    EBUSY,
    EINVAL,
    ENOENT,
    ENOTEMPTY,
    ESHUTDOWN,
    FENCE_SECONDS,
    Client,
    Image,
    ImageError,
    ImageName,
    Lock,
    Snapshot,
    Watcher,
)

T = TypeVar("T")
MONITOR_SECONDS, OPERATION_SECONDS = 10, 30
DEBIAN = Path("/usr/lib/python3/dist-packages")
_LAYERING = 1


def load_bindings() -> tuple[Any, Any]:
    """The modules rados and rbd; the distribution's, if this environment has none. Raises ToolError."""
    try:
        return _module("rados"), _module("rbd")
    except ImportError as error:
        raise ToolError(
            f"Ceph's Python bindings can't be loaded ({error}): install the distribution's python3-rados, python3-rbd"
        ) from None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        file = DEBIAN / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        if not file.exists():
            raise
    loader = importlib.machinery.ExtensionFileLoader(name, str(file))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


class CephStore:
    """See the module; made by `connect_to`."""

    def __init__(self, configuration: Path, rados: Any, rbd: Any, cluster: Any) -> None:
        self._configuration, self._rados, self._rbd, self._cluster = configuration, rados, rbd, cluster
        self._clients: dict[int, Any] = {}
        self._open: dict[tuple[int, ImageName], tuple[Any, Any]] = {}

    @classmethod
    async def connect_to(cls, configuration: Path) -> Self:
        """Raises ToolError without bindings, ImageError when no monitor answers in time."""
        rados, rbd = load_bindings()
        cluster = await asyncio.to_thread(_connected, rados, configuration)
        return cls(configuration, rados, rbd, cluster)

    async def close(self) -> None:
        for number in list(self._clients):
            await self._run(lambda number=number: self._disconnect(number))  # type: ignore[misc]
        await asyncio.to_thread(self._cluster.shutdown)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    @contextmanager
    def _pool(self, name: str, cluster: Any = None) -> Iterator[Any]:
        try:
            context = (cluster or self._cluster).open_ioctx(name)
        except self._rados.ObjectNotFound:
            raise ImageError(ENOENT, f"rbd: error opening pool '{name}'") from None
        try:
            yield context
        finally:
            context.close()

    @contextmanager
    def _image(self, name: ImageName, *, read_only: bool = True) -> Iterator[Any]:
        with self._pool(name.pool) as context, self._refusals(f"rbd: error opening image {name.image}"):
            image = self._rbd.Image(context, name.image, read_only=read_only)
            try:
                yield image
            finally:
                image.close()

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """librbd's exceptions as errors with their errno."""
        try:
            yield
        except (self._rbd.Error, self._rados.Error) as error:
            code = abs(int(getattr(error, "errno", 0) or 0)) or EINVAL
            raise ImageError(code, what) from None

    # --- pools and images ---

    async def pools(self) -> Sequence[str]:
        return await self._run(lambda: sorted(self._cluster.list_pools()))

    async def create_pool(self, name: str) -> None:
        def create() -> None:
            self._command({"prefix": "osd pool create", "pool": name, "pg_num": 8})
            self._command({"prefix": "osd pool application enable", "pool": name, "app": "rbd"})

        await self._run(create)

    async def images(self, pool: str) -> Sequence[str]:
        def read() -> list[str]:
            with self._pool(pool) as context:
                return sorted(self._rbd.RBD().list(context))

        return await self._run(read)

    async def info(self, name: ImageName) -> Image:
        def read() -> Image:
            with self._image(name) as image:
                features = _names_of(image.features())
                created = image.create_timestamp().timestamp()
                return Image(name, image.id(), image.size(), features, created)

        return await self._run(read)

    async def create(self, name: ImageName, size: int, features: Sequence[str] = ("layering",)) -> None:
        def create() -> None:
            with self._pool(name.pool) as context, self._refusals("rbd: create error"):
                self._rbd.RBD().create(context, name.image, size, old_format=False, features=_LAYERING)

        await self._run(create)

    async def remove(self, name: ImageName) -> None:
        def remove() -> None:
            with self._pool(name.pool) as context, self._refusals("rbd: delete error"):
                try:
                    self._rbd.RBD().remove(context, name.image)
                except self._rbd.ImageHasSnapshots:
                    raise ImageError(ENOTEMPTY, index.HAS_SNAPSHOTS, whole=True) from None
                except self._rbd.ImageBusy:
                    raise ImageError(EBUSY, index.HAS_WATCHERS, whole=True) from None

        await self._run(remove)

    async def resize(self, name: ImageName, size: int, *, allow_shrink: bool = False) -> None:
        def resize() -> None:
            with self._image(name, read_only=False) as image:
                if size < image.size() and not allow_shrink:
                    raise ImageError(EINVAL, index.SHRINKS, whole=True)
                image.resize(size)

        await self._run(resize)

    async def used(self, name: ImageName) -> int:
        def read() -> int:
            total = 0

            def add(_offset: int, length: int, exists: bool) -> None:
                nonlocal total
                total += length if exists else 0

            with self._image(name) as image:
                image.diff_iterate(0, image.size(), None, add, whole_object=True)
            return total

        return await self._run(read)

    # --- snapshots ---

    async def snapshots(self, name: ImageName) -> Sequence[Snapshot]:
        def read() -> list[Snapshot]:
            with self._image(name) as image:
                return [self._snapshot(image, each) for each in image.list_snaps()]

        return await self._run(read)

    def _snapshot(self, image: Any, found: dict[str, Any]) -> Snapshot:
        protected = bool(image.is_protected_snap(found["name"]))
        taken = image.get_snap_timestamp(found["id"]).timestamp()
        return Snapshot(found["id"], found["name"], found["size"], protected, taken)

    async def create_snapshot(self, name: ImageName, snapshot: str) -> None:
        await self._on_snapshot(name, "rbd: failed to create snapshot", lambda image: image.create_snap(snapshot))

    async def remove_snapshot(self, name: ImageName, snapshot: str) -> None:
        def remove(image: Any) -> None:
            try:
                image.remove_snap(snapshot)
            except self._rbd.ImageBusy:
                text = f"rbd: snapshot '{snapshot}' is protected from removal."
                raise ImageError(EBUSY, text, whole=True) from None

        await self._on_snapshot(name, "rbd: failed to remove snapshot", remove)

    async def protect_snapshot(self, name: ImageName, snapshot: str, *, protected: bool) -> None:
        verb = "protecting" if protected else "unprotecting"
        await self._on_snapshot(
            name,
            f"rbd: {verb} snap failed",
            lambda image: image.protect_snap(snapshot) if protected else image.unprotect_snap(snapshot),
        )

    async def _on_snapshot(self, name: ImageName, what: str, work: Callable[[Any], None]) -> None:
        def change() -> None:
            with self._image(name, read_only=False) as image, self._refusals(what):
                work(image)

        await self._run(change)

    # --- clients, locks, watches, fences ---

    async def connect(self, address: str) -> Client:
        """`address` is Ceph's to say."""

        def connect() -> Client:
            cluster = _connected(self._rados, self._configuration)
            number = int(cluster.get_instance_id())
            self._clients[number] = cluster
            return Client(number, str(cluster.get_addrs()))

        return await self._run(connect)

    async def disconnect(self, client: Client) -> None:
        await self._run(lambda: self._disconnect(client.number))

    def _disconnect(self, number: int) -> None:
        for key in [key for key in self._open if key[0] == number]:
            self._close_image(*key)
        cluster = self._clients.pop(number, None)
        if cluster is not None:
            cluster.shutdown()

    async def lose(self, client: Client) -> None:
        """The connection is in this process, and would keep its watches alive. They end at once instead."""
        await self.disconnect(client)

    async def beat(self, clients: Sequence[Client]) -> None:
        """Ceph's watches keep themselves alive."""

    async def locks(self, name: ImageName) -> Sequence[Lock]:
        def read() -> list[Lock]:
            with self._image(name) as image:
                found = image.list_lockers() or {}
                return [Lock(id_, client, address) for client, id_, address in (found or {}).get("lockers", ())]

        return await self._run(read)

    async def add_lock(self, name: ImageName, id: str, client: Client) -> None:
        def lock() -> None:
            with self._refusals("rbd: locking failed"):
                try:
                    self._image_of(name, client).lock_exclusive(id)
                except (self._rbd.ImageBusy, self._rbd.ImageExists):
                    text = "rbd: lock is already held by someone else"
                    raise ImageError(EBUSY, text, whole=True) from None

        await self._run(lock)

    def _image_of(self, name: ImageName, client: Client) -> Any:
        """The image as this client has it open, which is what its watch is."""
        known = self._open.get((client.number, name))
        if known is None:
            cluster = self._clients.get(client.number)
            if cluster is None:
                raise ImageError(ESHUTDOWN, f"rbd: client {client.name} is not connected")
            context = cluster.open_ioctx(name.pool)
            known = self._open[client.number, name] = (context, self._rbd.Image(context, name.image))
        return known[1]

    def _close_image(self, number: int, name: ImageName) -> None:
        context, image = self._open.pop((number, name))
        try:
            image.close()
        except (self._rbd.Error, self._rados.Error):
            pass  # a fenced client can't even say goodbye
        context.close()

    async def remove_lock(self, name: ImageName, id: str, locker: str) -> None:
        def remove() -> None:
            with self._image(name, read_only=False) as image, self._refusals("rbd: releasing lock failed"):
                image.break_lock(locker, id)

        await self._run(remove)

    async def release_lock(self, name: ImageName, id: str, client: Client) -> None:
        def release() -> None:
            with self._refusals("rbd: releasing lock failed"):
                self._image_of(name, client).unlock(id)

        await self._run(release)

    async def watchers(self, name: ImageName) -> Sequence[Watcher]:
        def read() -> list[Watcher]:
            with self._image(name) as image:
                found = [Watcher(each["addr"], each["id"], each["cookie"]) for each in image.watchers_list()]
                return sorted(found, key=lambda watcher: watcher.client)

        return await self._run(read)

    async def watch(self, name: ImageName, client: Client) -> None:
        def watch() -> None:
            with self._refusals(f"rbd: error opening image {name.image}"):
                self._image_of(name, client)

        await self._run(watch)

    async def unwatch(self, name: ImageName, client: Client) -> None:
        if (client.number, name) in self._open:
            await self._run(lambda: self._close_image(client.number, name))

    async def fence(self, address: str, seconds: float = FENCE_SECONDS) -> None:
        wanted = {"prefix": "osd blocklist", "blocklistop": "add", "addr": address, "expire": float(seconds)}
        await self._run(lambda: self._command(wanted))

    async def fences(self) -> Sequence[str]:
        def read() -> list[str]:
            # Ceph writes "listed 2 entries" behind the JSON.
            text = self._command({"prefix": "osd blocklist ls", "format": "json"}).strip() or "[]"
            found, _ = json.JSONDecoder().raw_decode(text)
            return sorted(str(each["addr"]) for each in found)

        return await self._run(read)

    async def may_write(self, name: ImageName, client: Client) -> bool:
        return client.address not in await self.fences()

    def _command(self, command: dict[str, Any]) -> str:
        code, output, problem = self._cluster.mon_command(json.dumps(command), b"", timeout=MONITOR_SECONDS)
        if code:
            raise ImageError(abs(code), f"ceph {command['prefix']}: {problem}")
        return str(output.decode())


def _connected(rados: Any, configuration: Path) -> Any:
    options = {
        "client_mount_timeout": str(MONITOR_SECONDS),
        "rados_mon_op_timeout": str(MONITOR_SECONDS),
        "rados_osd_op_timeout": str(OPERATION_SECONDS),
    }
    cluster = rados.Rados(conffile=str(configuration), conf=options)
    try:
        cluster.connect()
    except rados.Error as error:
        code = abs(int(getattr(error, "errno", 0) or images.ETIMEDOUT))
        raise ImageError(code, f"rbd: couldn't connect to the cluster of {configuration}") from None
    return cluster


_FEATURES = ("layering", "striping", "exclusive-lock", "object-map", "fast-diff", "deep-flatten", "journaling")


def _names_of(bits: int) -> tuple[str, ...]:
    return tuple(name for number, name in enumerate(_FEATURES) if bits & 1 << number)
