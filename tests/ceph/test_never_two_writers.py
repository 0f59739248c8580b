"""Never two writers on a real Ceph: who can write is found out by writing, through each node's own session."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from ceph.one_node import OneNode
from seatrial.base.errors import VolumeError
from seatrial.rescue.image_access import StoreImages
from seatrial.volumes.base import NodeIdentity, VolumeSpec
from seatrial.volumes.rbd.ceph import CephStore
from seatrial.volumes.rbd.images import ImageName
from seatrial.volumes.rbd.plugin import Rbd

pytestmark = pytest.mark.ceph
IMAGE = ImageName("mioss", "index-api-image")
SPEC = VolumeSpec("v", "index-api-pv", "rbd", {"pool": IMAGE.pool, "image": IMAGE.image}, persistent=True)
NODES = [NodeIdentity(f"node-{number}", "127.0.0.1") for number in (1, 2, 3)]
STEPS = 25


class Schedule:
    """Nodes that mount, let go, die, or stand still and try to write late; rescues that take the lock from them."""

    def __init__(self, store: CephStore, chance: random.Random) -> None:
        self.store, self.chance, self.told = store, chance, list[str]()
        self.plugin = Rbd(store, None)
        self.late: list[tuple[str, Any]] = []
        """Sessions of nodes that the cluster has given up, and that still believe in them."""

    async def play(self) -> int:
        """Returns how many rescues there were."""
        rescues = 0
        for _ in range(STEPS):
            action = self.chance.choice((self.mount, self.mount, self.unmount, self.lose, self.rescue))
            rescues += await action()
            writers = await self.writers()
            assert len(writers) <= 1, f"{writers} after {self.told}"
        return rescues

    async def writers(self) -> list[str]:
        sessions = [(node, held.client) for (node, _), held in self.plugin.held.items()] + self.late
        return [node for node, client in sessions if await asyncio.to_thread(self._writes, client)]

    def _writes(self, client: Any) -> bool:
        try:
            self.store._image_of(IMAGE, client).write(b"x" * 512, 0)
        except self.store._rbd.ConnectionShutdown:
            return False
        return True

    async def mount(self) -> int:
        node = self.chance.choice(NODES)
        self.told.append(f"mount on {node.name}")
        try:
            await self.plugin.mount(SPEC, node, None)
        except VolumeError as error:
            self.told.append(str(error))
        return 0

    async def unmount(self) -> int:
        node = self.chance.choice(NODES)
        self.told.append(f"unmount on {node.name}")
        await self._quietly(lambda: self.plugin.unmount(SPEC, node, None))
        return 0

    async def lose(self) -> int:
        """The cluster loses sight of a node; its session lives on, as of a machine that stands still."""
        node = self.chance.choice(NODES)
        self.told.append(f"lose {node.name}")
        held = self.plugin.held.pop((node.name, IMAGE), None)
        if held is not None:
            self.late.append((node.name, held.client))
        return 0

    async def rescue(self) -> int:
        """Whoever holds the lock is fenced, then loses it: as when somebody says that the node is off."""
        images = StoreImages(self.store)
        state = await images.state(IMAGE.pool, IMAGE.image)
        for lock in state.locks:
            self.told.append(f"rescue from {lock.id}")
            await images.fence(lock.address)
            await images.break_lock(IMAGE.pool, IMAGE.image, lock.id, lock.locker)
        return len(state.locks)

    async def _quietly(self, call: Callable[[], Any]) -> None:
        try:
            await call()
        except VolumeError as error:
            self.told.append(str(error))


@pytest.mark.parametrize("seed", range(3))
def test_no_image_ever_has_two_nodes_that_can_write(ceph_node: OneNode, seed: int) -> None:
    ceph_node.renew_image()

    async def story() -> int:
        store = await CephStore.connect_to(ceph_node.configuration)
        try:
            return await Schedule(store, random.Random(seed)).play()
        finally:
            await store.close()

    assert asyncio.run(story()) > 0
