"""seatrial.dev/host-path: a folder of this host for each claim, below one folder; it has no size of its own."""

import asyncio
import shutil
from pathlib import Path

from seatrial.base.errors import VolumeError
from seatrial.base.types import JSON

NAME = "seatrial.dev/host-path"


class HostProvisioner:
    """`folder` None: on simulated nodes, where there are no folders."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def provision(self, claim: JSON, storage_class: JSON, name: str) -> JSON:
        path = (self._folder or Path("/simulated")) / name
        if self._folder is not None:
            await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True)
        return {"hostPath": {"path": str(path), "type": ""}}

    async def delete(self, volume: JSON) -> None:
        if self._folder is None:
            return
        path = Path(volume["spec"]["hostPath"]["path"])
        if path.parent != self._folder:
            raise VolumeError(f"{path} is not below {self._folder}: it was not made here, and stays")
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def resize(self, volume: JSON, capacity: str) -> None:
        """A folder grows by itself."""
