"""The image store as Rescue needs it: what an image's state is, fencing, breaking a lock."""

from dataclasses import dataclass
from typing import Protocol

from seatrial.base.errors import VolumeError
from seatrial.rescue.evidence import ImageState, Lock, Watcher
from seatrial.volumes.rbd.images import ENOENT, ImageError, ImageName, ImageStore


class Images(Protocol):
    """An image store that can be asked."""

    async def state(self, pool: str, image: str) -> ImageState:
        """Never raises: what goes wrong is the state's `problem`."""
        ...

    async def fence(self, address: str) -> None:
        """From now on nothing that this session writes is taken. Raises VolumeError."""
        ...

    async def break_lock(self, pool: str, image: str, lock_id: str, locker: str) -> None:
        """Raises VolumeError; a lock that is not there is no error."""
        ...


@dataclass(frozen=True)
class NoImages:
    """There is no image store that could be asked."""

    problem: str

    async def state(self, pool: str, image: str) -> ImageState:
        return ImageState(pool, image, problem=self.problem)

    async def fence(self, address: str) -> None:
        raise VolumeError(self.problem)

    async def break_lock(self, pool: str, image: str, lock_id: str, locker: str) -> None:
        raise VolumeError(self.problem)


@dataclass(frozen=True)
class StoreImages:
    """An image store that is open: embedded, in memory, or Ceph."""

    store: ImageStore

    async def state(self, pool: str, image: str) -> ImageState:
        name = ImageName(pool, image)
        try:
            await self.store.info(name)
            locks = [Lock(lock.locker, lock.id, lock.address) for lock in await self.store.locks(name)]
            watchers = [Watcher(each.address, f"client.{each.client}") for each in await self.store.watchers(name)]
            return ImageState(pool, image, locks, watchers, frozenset(await self.store.fences()))
        except ImageError as error:
            return ImageState(pool, image, problem=str(error), missing=error.code == ENOENT)
        except VolumeError as error:
            return ImageState(pool, image, problem=str(error))

    async def fence(self, address: str) -> None:
        await self.store.fence(address)

    async def break_lock(self, pool: str, image: str, lock_id: str, locker: str) -> None:
        try:
            await self.store.remove_lock(ImageName(pool, image), lock_id, locker)
        except ImageError as error:
            if error.code != ENOENT:
                raise
