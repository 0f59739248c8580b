"""Mounting images of a real Ceph where the kernel has neither rbd nor nbd: rbd-fuse shows a pool's images as files.

rbd-fuse is a Ceph client of its own, with a watch of its own: whoever fences a node fences the image's watchers, too.
"""

import asyncio
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from seatrial.base.errors import VolumeError
from seatrial.volumes.rbd import mounting
from seatrial.volumes.rbd.images import ImageName
from seatrial.volumes.rbd.mounting import Way

SHOWN_SECONDS, LOOK_SECONDS = 30.0, 0.1
END_SECONDS = 10.0


class CephFiles:
    """One rbd-fuse for each node and image. `way`: how the files are mounted, see mounting."""

    def __init__(self, configuration: Path, way: Way) -> None:
        self._configuration, self.way = configuration, way
        self._shown: dict[tuple[str, ImageName], Process] = {}

    async def mount(self, name: ImageName, node: str, where: Path, *, read_only: bool) -> Path:
        files = _files(where)
        if (node, name) not in self._shown:
            await asyncio.to_thread(files.mkdir, parents=True, exist_ok=True)
            self._shown[node, name] = await self._show(name, files)
        try:
            return await mounting.mount(self.way, files / name.image, where, read_only=read_only)
        except VolumeError:
            await self._hide(name, node, files)
            raise

    async def _show(self, name: ImageName, files: Path) -> Process:
        command = ("rbd-fuse", "-f", "-c", str(self._configuration), "-p", name.pool, "-r", name.image, str(files))
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        except FileNotFoundError:
            raise VolumeError("this host has no rbd-fuse: install the distribution's package of this name") from None
        try:
            async with asyncio.timeout(SHOWN_SECONDS):
                while not await asyncio.to_thread((files / name.image).exists):
                    if process.returncode is not None:
                        raise VolumeError(f"rbd: map failed exit status {process.returncode}")
                    await asyncio.sleep(LOOK_SECONDS)
        except (TimeoutError, VolumeError) as error:
            await _end(process)
            raise VolumeError(
                str(error) or f"rbd: map failed: {name} did not appear in {SHOWN_SECONDS:.0f} s"
            ) from None
        return process

    async def unmount(self, name: ImageName, node: str, where: Path, *, lazily: bool = False) -> None:
        await mounting.unmount(where, lazily=lazily)
        await self._hide(name, node, _files(where), at_once=lazily)

    async def _hide(self, name: ImageName, node: str, files: Path, *, at_once: bool = False) -> None:
        process = self._shown.pop((node, name), None)
        if process is not None:
            await _end(process, at_once=at_once)
        await mounting.unmount(files, lazily=True)


def _files(where: Path) -> Path:
    """Beside the mount, not below it."""
    return where.with_name(f"{where.name}.pool")


async def _end(process: Process, *, at_once: bool = False) -> None:
    """`at_once`: as when a host loses power, without a word to Ceph."""
    if process.returncode is None:
        process.kill() if at_once else process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
