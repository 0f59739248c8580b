"""kubernetes.io/rbd: locks an image for a node, mounts it there, and gives both back.

Follows pkg/volume/rbd of Kubernetes 1.4 to 1.5: an advisory lock `kubelet_lock_magic_<node>` is taken before the mount
and removed after the unmount; whatever keeps the lock from being had is told as "locked by other nodes"; a lock that a
crash has left behind stays, and is the node's own again when it comes back. Better: ids are compared whole (node1 is no
part of node10), an unlock that fails is tried again, and a mount that fails leaves no lock behind.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seatrial.base.errors import VolumeError
from seatrial.volumes.base import NodeIdentity, VolumeSpec
from seatrial.volumes.rbd.images import EBUSY, Client, ImageError, ImageName, ImageStore

LOCK_PREFIX = "kubelet_lock_magic_"
BEAT_SECONDS = 10.0


class Mounter(Protocol):
    """Makes images folders of this host."""

    async def mount(self, name: ImageName, node: str, where: Path, *, read_only: bool) -> Path: ...
    async def unmount(self, name: ImageName, node: str, where: Path, *, lazily: bool = False) -> None: ...


@dataclass
class Held:
    """An image that a node has. `path` None: on a simulated node. `mounted`: Pods can write to it."""

    client: Client
    where: Path | None
    path: Path | None = None
    locked: bool = False
    mounted: bool = False


class Rbd:
    """See the module. Call `run` beside it: it keeps the watches of living nodes alive."""

    name = "kubernetes.io/rbd"
    attachable = False

    def __init__(self, store: ImageStore, mounter: Mounter | None) -> None:
        self._store, self._mounter = store, mounter
        self.held: dict[tuple[str, ImageName], Held] = {}
        self.silent: set[str] = set()
        """Nodes whose watches are not kept alive: nobody hears of them."""
        self._turns: dict[tuple[str, ImageName], asyncio.Lock] = {}
        self.end_writers: Callable[[str, str], Awaitable[None]] = _nobody
        """(node, unique name): returns when no process of that node has the volume any more."""

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        name = image_of(spec)
        return f"{self.name}/{name.pool}:{name.image}"

    async def run(self) -> None:
        """For ever: tell the store that the clients of living nodes are alive."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            alive = [held.client for (node, _), held in self.held.items() if node not in self.silent]
            if alive:
                await self._store.beat(alive)

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        name = image_of(spec)
        async with self._turn(node, name):
            held = self.held.get((node.name, name))
            if held is None:
                held = await self._map(spec, name, node, where)
                self.held[node.name, name] = held
            return held.path

    async def _map(self, spec: VolumeSpec, name: ImageName, node: NodeIdentity, where: Path | None) -> Held:
        try:
            await self._store.info(name)
            await self._end_fenced(name)
            client = await self._store.connect(node.address)
        except ImageError as error:
            raise VolumeError(f"rbd: map failed exit status {error.code} {error}") from None
        held = Held(client, where)
        try:
            if not spec.read_only:
                await self._lock(name, node, client)
                held.locked = True
            await self._store.watch(name, client)
            if where is not None and self._mounter is not None:
                held.path = await self._mounter.mount(name, node.name, where, read_only=spec.read_only)
            held.mounted = True
        except VolumeError:
            await self._give_back(name, node, held)
            raise
        return held

    async def _lock(self, name: ImageName, node: NodeIdentity, client: Client) -> None:
        """A lock of this node's own, left by a crash, is taken over: its client is gone, and would be fenced else."""
        mine = lock_id(node.name)
        for lock in await self._store.locks(name):
            if lock.id != mine:
                raise VolumeError(f"rbd: image {name.image} is locked by other nodes")
            await self._store.remove_lock(name, lock.id, lock.locker)
        try:
            await self._store.add_lock(name, mine, client)
        except ImageError as error:
            if error.code != EBUSY:
                raise
            raise VolumeError(f"rbd: image {name.image} is locked by other nodes") from None

    async def _end_fenced(self, name: ImageName) -> None:
        """Take the image away from nodes whose session is fenced, before anybody else gets it.

        differs: with a kernel's rbd device each write of a fenced node fails by itself. What is mounted from a file of
        this host knows of no fence, so the processes that have it are ended, as cutting their power would.
        """
        fenced = set(await self._store.fences())
        for key, held in list(self.held.items()):
            if key[1] != name or held.client.address not in fenced:
                continue
            await self.end_writers(key[0], f"{self.name}/{name.pool}:{name.image}")
            if held.where is not None and self._mounter is not None:
                await self._mounter.unmount(name, key[0], held.where, lazily=True)
            if self.held.get(key) is held:
                del self.held[key]

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        name = image_of(spec)
        async with self._turn(node, name):
            held = self.held.get((node.name, name))
            if held is None:
                return
            if held.where is not None and self._mounter is not None:
                await self._mounter.unmount(name, node.name, held.where)
            held.mounted = False
            await self._give_back(name, node, held)
            if self.held.get((node.name, name)) is held:
                del self.held[node.name, name]

    async def _give_back(self, name: ImageName, node: NodeIdentity, held: Held) -> None:
        """Watch, lock and session; what is gone already is no error: somebody has broken the lock."""
        await self._store.unwatch(name, held.client)
        if held.locked:
            mine = [
                lock
                for lock in await self._store.locks(name)
                if (lock.id, lock.locker) == (lock_id(node.name), held.client.name)
            ]
            for lock in mine:
                await self._store.release_lock(name, lock.id, held.client)
            held.locked = False
        await self._store.disconnect(held.client)

    async def abandon(self, node: NodeIdentity) -> None:
        """Mounts are gone with the node; locks stay, and watches until their time is up."""
        for owner, name in [key for key in self.held if key[0] == node.name]:
            held = self.held.pop((owner, name))
            if held.where is not None and self._mounter is not None:
                await self._mounter.unmount(name, node.name, held.where, lazily=True)
            await self._store.lose(held.client)

    def _turn(self, node: NodeIdentity, name: ImageName) -> asyncio.Lock:
        return self._turns.setdefault((node.name, name), asyncio.Lock())


async def _nobody(node: str, volume: str) -> None:
    """There are no processes."""


def lock_id(node: str) -> str:
    """The id of a node's locks."""
    return LOCK_PREFIX + node.strip().lower()


def node_of(id: str) -> str:
    """The node behind a lock's id; "" for locks of others."""
    return id.removeprefix(LOCK_PREFIX) if id.startswith(LOCK_PREFIX) else ""


def image_of(spec: VolumeSpec) -> ImageName:
    """The image that an rbd volume names."""
    return ImageName(str(spec.source.get("pool") or "rbd"), str(spec.source["image"]))
