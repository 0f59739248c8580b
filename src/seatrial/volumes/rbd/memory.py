"""An image store without images' bytes, for simulated nodes: the same index, in memory, with its rules and errors."""

from collections.abc import Sequence

from seatrial.base.env import Env
from seatrial.volumes.rbd.images import FENCE_SECONDS, Client, Image, ImageName, Lock, Snapshot, Watcher
from seatrial.volumes.rbd.index import Index


class MemoryStore:
    """See the module. Nothing of it is shared with another process."""

    def __init__(self, env: Env) -> None:
        self.index = Index(":memory:", env)

    async def pools(self) -> Sequence[str]:
        return self.index.pools()

    async def create_pool(self, name: str) -> None:
        self.index.create_pool(name)

    async def images(self, pool: str) -> Sequence[str]:
        return self.index.images(pool)

    async def info(self, name: ImageName) -> Image:
        return self.index.info(name)

    async def create(self, name: ImageName, size: int, features: Sequence[str] = ("layering",)) -> None:
        self.index.create(name, size, features)

    async def remove(self, name: ImageName) -> None:
        self.index.remove(name)

    async def resize(self, name: ImageName, size: int, *, allow_shrink: bool = False) -> None:
        self.index.resize(name, size, allow_shrink=allow_shrink)

    async def used(self, name: ImageName) -> int:
        self.index.info(name)
        return 0

    async def snapshots(self, name: ImageName) -> Sequence[Snapshot]:
        return self.index.snapshots(name)

    async def create_snapshot(self, name: ImageName, snapshot: str) -> None:
        self.index.create_snapshot(name, snapshot)

    async def remove_snapshot(self, name: ImageName, snapshot: str) -> None:
        self.index.remove_snapshot(name, snapshot)

    async def protect_snapshot(self, name: ImageName, snapshot: str, *, protected: bool) -> None:
        self.index.protect_snapshot(name, snapshot, protected=protected)

    async def connect(self, address: str) -> Client:
        return self.index.connect(address)

    async def disconnect(self, client: Client) -> None:
        self.index.disconnect(client)

    async def lose(self, client: Client) -> None:
        """Nobody beats for it any more: that is all."""

    async def beat(self, clients: Sequence[Client]) -> None:
        self.index.beat(clients)

    async def locks(self, name: ImageName) -> Sequence[Lock]:
        return self.index.locks(name)

    async def add_lock(self, name: ImageName, id: str, client: Client) -> None:
        self.index.add_lock(name, id, client)

    async def remove_lock(self, name: ImageName, id: str, locker: str) -> None:
        self.index.remove_lock(name, id, locker, fence=True)

    async def release_lock(self, name: ImageName, id: str, client: Client) -> None:
        self.index.remove_lock(name, id, client.name, fence=False)

    async def watchers(self, name: ImageName) -> Sequence[Watcher]:
        return self.index.watchers(name)

    async def watch(self, name: ImageName, client: Client) -> None:
        self.index.watch(name, client)

    async def unwatch(self, name: ImageName, client: Client) -> None:
        self.index.unwatch(name, client)

    async def fence(self, address: str, seconds: float = FENCE_SECONDS) -> None:
        self.index.fence(address, seconds)

    async def fences(self) -> Sequence[str]:
        return self.index.fences()

    async def may_write(self, name: ImageName, client: Client) -> bool:
        return client.address not in self.index.fences()

    async def close(self) -> None:
        self.index.close()
