"""kubernetes.io/rbd as provisioner: an image for each claim (pkg/volume/rbd, rbdVolumeProvisioner)."""

from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.volumes.rbd.images import DEFAULT_POOL, ENOENT, ImageError, ImageName, ImageStore

MIB = 1 << 20


class RbdProvisioner:
    """Parameters of a class: `monitors`, `pool`, `fsType`. Sizes are whole MiB, rounded up."""

    def __init__(self, store: ImageStore, env: Env) -> None:
        self._store, self._env = store, env

    async def provision(self, claim: JSON, storage_class: JSON, name: str) -> JSON:
        parameters = storage_class.get("parameters") or {}
        image = ImageName(parameters.get("pool") or DEFAULT_POOL, f"kubernetes-dynamic-pvc-{self._env.new_uid()}")
        asked = objects.get(claim, "spec", "resources", "requests", "storage")
        await self._store.create(image, _whole(asked))
        monitors = (parameters.get("monitors") or "127.0.0.1:6789").split(",")
        source = {"monitors": monitors, "pool": image.pool, "image": image.image, "user": "admin"}
        return {"rbd": {**source, "fsType": parameters.get("fsType") or "ext4"}}

    async def delete(self, volume: JSON) -> None:
        source = volume["spec"]["rbd"]
        try:
            await self._store.remove(ImageName(source["pool"], source["image"]))
        except ImageError as error:
            if error.code != ENOENT:
                raise

    async def resize(self, volume: JSON, capacity: str) -> None:
        source = volume["spec"]["rbd"]
        await self._store.resize(ImageName(source["pool"], source["image"]), _whole(capacity))


def _whole(amount: str) -> int:
    return -(-int(quantity.parse(amount)) // MIB) * MIB
