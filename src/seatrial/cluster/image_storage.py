"""The RBD images of a cluster: where they are, who may use them, and the plugin that mounts them.

Simulated nodes have images in memory only. Others have them in a folder of the cluster's. A folder is one cluster's at
a time: node names are only unique inside a cluster, and locks are held in nodes' names.
"""

import asyncio
import fcntl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seatrial.aio.tasks import Supervisor
from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.cluster.config import ClusterConfig
from seatrial.volumes.rbd import mounting
from seatrial.volumes.rbd.images import ImageError, ImageStore
from seatrial.volumes.rbd.plugin import Mounter, Rbd


@dataclass(frozen=True)
class ImageStorage:
    """`shown`: what and where, for people."""

    store: ImageStore
    plugin: Rbd
    shown: str


def directory_of(config: ClusterConfig, folder: Path) -> Path:
    """Where a cluster's images are: beside its data, or, where it keeps none, in its own folder."""
    return (config.data_dir or folder) / "images"


async def open_storage(
    config: ClusterConfig, env: Env, folder: Path, stack: AsyncExitStack, images: ImageStore | None = None
) -> ImageStorage:
    """Open it until the stack is closed, or use `images`, which are in memory.

    Raises ToolError for a folder that is in use or can't be read.
    """
    if images is not None:
        store, mounter, shown = images, None, "in memory"
    else:
        store, mounter, shown = await _open(config, env, folder, stack)
    plugin = Rbd(store, mounter)
    supervisor = Supervisor("images")
    supervisor.spawn(plugin.run(), "beat")
    stack.push_async_callback(supervisor.stop)
    return ImageStorage(store, plugin, shown)


async def _open(
    config: ClusterConfig, env: Env, folder: Path, stack: AsyncExitStack
) -> tuple[ImageStore, Mounter | None, str]:
    if config.simulated:
        from seatrial.volumes.rbd.memory import MemoryStore

        memory = MemoryStore(env)
        stack.push_async_callback(memory.close)
        return memory, None, "in memory"
    way = mounting.choose()
    await _unmount_leftovers(folder / "pods" / "mounts")
    if config.ceph_conf is not None:
        return await _open_ceph(config.ceph_conf, way, stack)
    from seatrial.volumes.rbd.embedded import EmbeddedStore
    from seatrial.volumes.rbd.image_files import ImageFiles

    directory = directory_of(config, folder)
    stack.callback(_claim(directory).close)
    try:
        embedded = EmbeddedStore(directory, env)
    except ImageError as error:
        raise ToolError(str(error)) from None
    stack.push_async_callback(embedded.close)
    return embedded, ImageFiles(embedded, way), f"{directory} ({_WAYS[way]})"


async def _open_ceph(configuration: Path, way: mounting.Way, stack: AsyncExitStack) -> tuple[ImageStore, Mounter, str]:
    from seatrial.volumes.rbd.ceph import CephStore
    from seatrial.volumes.rbd.ceph_files import CephFiles

    if way == "folder":
        raise ToolError("images of a real Ceph can be mounted by root only, with mkfs.ext4 and rbd-fuse")
    try:
        ceph = await CephStore.connect_to(configuration)
    except ImageError as error:
        raise ToolError(str(error)) from None
    stack.push_async_callback(ceph.close)
    return ceph, CephFiles(configuration, way), f"Ceph of {configuration} ({_WAYS[way]})"


_WAYS = {"loop": "ext4 on loop devices", "fuse": "ext4 through FUSE", "folder": "plain folders"}


def _claim(directory: Path) -> IO[str]:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (directory / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ToolError(f"the images in {directory} are in use by another cluster") from None
    return lock


async def _unmount_leftovers(mounts: Path) -> None:
    """A cluster that was killed has left its mounts."""
    for where in await asyncio.to_thread(lambda: sorted(mounts.glob("*/*"))):
        await mounting.unmount(where, lazily=True)
