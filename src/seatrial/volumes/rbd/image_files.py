"""Mounting the images of the embedded store."""

from pathlib import Path

from seatrial.volumes.rbd import mounting
from seatrial.volumes.rbd.embedded import EmbeddedStore
from seatrial.volumes.rbd.images import ImageName
from seatrial.volumes.rbd.mounting import Way


class ImageFiles:
    """`way`: see mounting."""

    def __init__(self, store: EmbeddedStore, way: Way) -> None:
        self._store, self.way = store, way

    async def mount(self, name: ImageName, node: str, where: Path, *, read_only: bool) -> Path:
        return await mounting.mount(self.way, self._store.file_of(name), where, read_only=read_only)

    async def unmount(self, name: ImageName, node: str, where: Path, *, lazily: bool = False) -> None:
        await mounting.unmount(where, lazily=lazily)
