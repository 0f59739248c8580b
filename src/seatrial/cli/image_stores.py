"""Which image store a command works on: a cluster's own, running or not, or the Ceph of a configuration file."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seatrial.base.errors import ToolError

if TYPE_CHECKING:
    from seatrial.volumes.rbd.images import ImageStore

T = TypeVar("T")


def run(work: "Callable[[ImageStore], Awaitable[T]]", name: str, ceph_conf: Path | None) -> T:
    """Do the work with the store. Raises ToolError when there is none, ImageError for what it refuses."""

    async def whole() -> T:
        async with AsyncExitStack() as stack:
            return await work(await open_store(name, ceph_conf, stack))

    return asyncio.run(whole())


async def open_store(name: str, ceph_conf: Path | None, stack: AsyncExitStack) -> "ImageStore":
    """The store, until the stack is closed. Raises ToolError when there is none, ImageError if it can't be opened."""
    from seatrial.base.env import SystemEnv

    if ceph_conf is not None:
        from seatrial.volumes.rbd.ceph import CephStore

        ceph: CephStore = await CephStore.connect_to(ceph_conf)
        stack.push_async_callback(ceph.close)
        return ceph
    from seatrial.volumes.rbd.embedded import EmbeddedStore

    embedded = EmbeddedStore(directory_of(name), SystemEnv())
    stack.push_async_callback(embedded.close)
    return embedded


def directory_of(name: str) -> Path:
    """Where the images of a cluster are, whether it runs or not. Raises ToolError if there are none."""
    from seatrial.cluster import config, state

    folder = config.state_dir(name)
    running = state.read(folder)
    data = Path(running.data_dir) if running and running.data_dir else config.default_data_dir(name)
    candidates = [folder / "images"] if running and not running.data_dir else [data / "images", folder / "images"]
    for directory in candidates:
        if (directory / "index.db").exists():
            return directory
    raise ToolError(
        f"cluster {name} has no images: start it (seatrial up --name {name}), or name a Ceph by --ceph-conf"
    )
