"""NFS, mounted by the host's own mount.nfs where it has one (pkg/volume/nfs)."""

import asyncio
import shutil
from pathlib import Path

from seatrial.base.errors import VolumeError
from seatrial.volumes.base import NodeIdentity, VolumeSpec

MOUNT_SECONDS = 120.0


class Nfs:
    """See the module."""

    name = "kubernetes.io/nfs"
    attachable = False

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        return f"{self.name}/{pod_uid}-{spec.name}"

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        if where is None:
            return None
        if shutil.which("mount.nfs") is None:
            raise VolumeError("this host has no mount.nfs: install nfs-common (Debian) or nfs-utils")
        await asyncio.to_thread(where.mkdir, parents=True, exist_ok=True)
        options = ",".join([*spec.mount_options, *(["ro"] if spec.read_only else [])])
        source = f"{spec.source['server']}:{spec.source['path']}"
        await _run("mount", "-t", "nfs", *(["-o", options] if options else []), source, str(where))
        return where

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        if where is not None and await asyncio.to_thread(where.is_mount):
            await _run("umount", str(where))

    async def abandon(self, node: NodeIdentity) -> None:
        """An NFS mount holds no lock of ours."""


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), MOUNT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise VolumeError(f"{command[0]} did not end within {MOUNT_SECONDS:.0f} s") from None
    if process.returncode:
        raise VolumeError(
            f"mount failed: exit status {process.returncode}\nOutput: {output.decode(errors='replace').strip()}"
        )
