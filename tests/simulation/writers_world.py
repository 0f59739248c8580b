"""A cluster where everything that can go wrong with a volume does, by chance, and a count of who can write."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seatrial.base.errors import SeatrialError
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.rescue.diagnose import hangs
from seatrial.rescue.evidence import ImageState
from seatrial.rescue.gathering import Gatherer
from seatrial.rescue.image_access import StoreImages
from seatrial.rescue.steps import Rescuer
from seatrial.volumes.rbd.images import ImageName, ImageStore
from seatrial.volumes.rbd.memory import MemoryStore
from simulation.test_persistent_volumes import attached, claim, volume

IMAGE = ImageName("mioss", "index-api-image")
SLOWEST_SECONDS = 15.0


class TwoWriters(AssertionError):
    """An image has two nodes that can write to it."""


@dataclass
class SlowStore:
    """A store whose answers take their time, so that faults and rescues come in between; it looks after each."""

    store: ImageStore
    chance: random.Random
    look: Any = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        async def slow(*arguments: Any, **options: Any) -> Any:
            await asyncio.sleep(self.chance.choice((0.0, 0.0, 0.1, 1.0, SLOWEST_SECONDS)))
            result = await method(*arguments, **options)
            if self.look is not None:
                await self.look()
            await asyncio.sleep(self.chance.choice((0.0, 0.0, 1.0)))
            return result

        return slow


@dataclass
class WithoutFences:
    """Images that are rescued without fencing anybody: what must not be done."""

    store: ImageStore
    said: set[str] = field(default_factory=set)

    async def state(self, pool: str, image: str) -> ImageState:
        found = await StoreImages(self.store).state(pool, image)
        return replace(found, fenced=found.fenced | self.said)

    async def fence(self, address: str) -> None:
        """Says that it does, and does not."""
        self.said.add(address)

    async def break_lock(self, pool: str, image: str, lock_id: str, locker: str) -> None:
        assert isinstance(self.store, MemoryStore)
        with _ignored():
            self.store.index.remove_lock(ImageName(pool, image), lock_id, locker, fence=False)


@contextmanager
def _ignored() -> Iterator[None]:
    try:
        yield
    except SeatrialError:
        pass


async def make_image(store: ImageStore) -> None:
    await store.create_pool(IMAGE.pool)
    await store.create(IMAGE, 1 << 30)


@dataclass
class Schedule:
    """What happens, by chance. `fencing` off: rescues take locks without fencing their holders."""

    cluster: Cluster
    chance: random.Random
    fencing: bool = True
    told: list[str] = field(default_factory=list)
    _pods: int = 0

    @property
    def store(self) -> ImageStore:
        assert self.cluster.images is not None
        return self.cluster.images.store

    async def prepare(self) -> None:
        assert self.cluster.images is not None
        plugin = self.cluster.images.plugin
        if IMAGE.pool not in await self.store.pools():
            await make_image(self.store)
        plugin._store = SlowStore(self.store, self.chance, self.check)  # type: ignore[assignment]
        await self.cluster.client.create(PERSISTENT_VOLUMES, volume("index-api-pv"))
        await self.cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
        await asyncio.sleep(2)

    async def writers(self) -> list[str]:
        """The nodes whose mount of the image is not fenced, whatever the API thinks of them."""
        assert self.cluster.images is not None
        held = list(self.cluster.images.plugin.held.items())
        mounted = [(node, each.client) for (node, name), each in held if name == IMAGE and each.mounted]
        return [node for node, client in mounted if await self.store.may_write(IMAGE, client)]

    async def check(self) -> None:
        writers = await self.writers()
        if len(writers) > 1:
            raise TwoWriters(f"{writers} after: {', '.join(self.told)}")

    async def play(self, steps: int) -> None:
        """Raises TwoWriters."""
        actions = (self.start_pod, self.start_pod, self.end_pod, self.force_pod, self.break_node, self.break_node,
                   self.heal_node, self.rescue, self.rescue, self.believe_too_much)  # fmt: skip
        for _ in range(steps):
            action = self.chance.choice(actions)
            with _ignored():
                await action()
            await self.check()
            await asyncio.sleep(self.chance.choice((0.5, 5.0, 40.0)))
            await self.check()

    # --- what can happen ---

    async def start_pod(self) -> None:
        self._pods += 1
        node = self.chance.choice(list(self.cluster.nodes))
        self.told.append(f"p{self._pods} on {node}")
        await self.cluster.client.create(PODS, attached(f"p{self._pods}", node))

    async def end_pod(self) -> None:
        pod = await self._any_pod()
        if pod is not None:
            self.told.append(f"end {objects.name(pod)}")
            await self.cluster.client.delete(PODS, objects.name(pod), "default")

    async def force_pod(self) -> None:
        pod = await self._any_pod()
        if pod is not None:
            self.told.append(f"force {objects.name(pod)}")
            await self.cluster.client.delete(PODS, objects.name(pod), "default", grace_period_seconds=0)

    async def break_node(self) -> None:
        name, fault = self.chance.choice(list(self.cluster.nodes)), self.chance.choice(("crash", "partition", "pause"))
        self.told.append(f"{fault} {name}")
        await getattr(self.cluster.nodes[name], fault)()
        assert self.cluster.images is not None
        if fault == "pause" and self.chance.random() < 0.5:
            # The whole machine stands still, and the image store stops hearing from it.
            self.cluster.images.plugin.silent.add(name)

    async def heal_node(self) -> None:
        name = self.chance.choice(list(self.cluster.nodes))
        self.told.append(f"heal {name}")
        assert self.cluster.images is not None
        self.cluster.images.plugin.silent.discard(name)
        await self.cluster.nodes[name].heal()

    async def rescue(self, powered_off: Sequence[str] = ()) -> None:
        """seatrial rescue --all --fix --yes"""
        images = StoreImages(self.store) if self.fencing else WithoutFences(self.store)
        rescuer = Rescuer(self.cluster.client, images, self.cluster.env, frozenset(powered_off))
        for pod in await Gatherer(self.cluster.client, images).pods("default"):
            looked = await rescuer.look(objects.key(pod)) if hangs(pod) else None
            if looked is not None:
                self.told.append(f"rescue {objects.name(pod)}: {looked[1].verdict.name}")
                await rescuer.fix(looked[1], lambda step: self.told.append(str(step)))

    async def believe_too_much(self) -> None:
        """Somebody says that silent nodes are powered off, and is wrong."""
        silent = [name for name, node in self.cluster.nodes.items() if node.condition != "well"]
        self.told.append(f"believe that {silent} are off")
        await self.rescue(silent)

    async def _any_pod(self) -> JSON | None:
        pods = (await self.cluster.client.list(PODS, "default"))["items"]
        return self.chance.choice(pods) if pods else None
