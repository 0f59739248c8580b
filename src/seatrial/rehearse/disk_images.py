"""The RBD images that a rehearsal's volumes name: they are there, and locked by whoever has them mounted.

The API of Kubernetes does not tell who holds a lock. A node whose running Pods use an image has it locked; a lock that
nobody holds any more is made by the fault lock-left-behind.
"""

from collections.abc import Iterable, Iterator

from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.volumes.rbd import images as rbd_images
from seatrial.volumes.rbd import plugin
from seatrial.volumes.rbd.images import ImageError, ImageName
from seatrial.volumes.rbd.memory import MemoryStore

SIZE = 2**31
GONE_NODE, GONE_ADDRESS = "a-node-that-is-gone", "192.0.2.1"


class Images:
    """The store that the nodes mount from, in memory."""

    def __init__(self, env: Env) -> None:
        self.store = MemoryStore(env)
        self._made: set[ImageName] = set()

    async def make(self, loaded: Iterable[JSON]) -> None:
        """Every image that a PersistentVolume or a Pod names."""
        for name in sorted({found for obj in loaded for found in named(obj)}):
            if name in self._made:
                continue
            if name.pool not in await self.store.pools():
                await self.store.create_pool(name.pool)
            await self.store.create(name, SIZE)
            self._made.add(name)

    @property
    def names(self) -> list[ImageName]:
        """All that there are, in order."""
        return sorted(self._made)

    def find(self, text: str) -> ImageName | None:
        """The one that `POOL/IMAGE`, or `IMAGE` alone, means; None where there is none, or several."""
        found = [name for name in self._made if text in (str(name), name.image)]
        return found[0] if len(found) == 1 else None

    async def leave_lock(self, name: ImageName) -> None:
        """From now on the image is locked by a node that is gone, whoever had it before."""
        for lock in await self.store.locks(name):
            self.store.index.remove_lock(name, lock.id, lock.locker, fence=False)
        client = await self.store.connect(GONE_ADDRESS)
        await self.store.add_lock(name, plugin.lock_id(GONE_NODE), client)


def named(obj: JSON) -> Iterator[ImageName]:
    """The images that an object's volumes name."""
    spec = obj.get("spec") or {}
    pod_spec = spec if obj.get("kind") == "Pod" else objects.get(spec, "template", "spec", default={})
    for source in (spec.get("rbd"), *(volume.get("rbd") for volume in objects.dicts(pod_spec, "volumes"))):
        if isinstance(source, dict) and source.get("image"):
            try:
                yield rbd_images.parse(f"{source.get('pool') or rbd_images.DEFAULT_POOL}/{source['image']}")
            except ImageError:
                continue
