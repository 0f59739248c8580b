"""PersistentVolumes that are folders of the host: hostPath and local. Nothing is mounted, the folder is there or not.

Follows pkg/volume/hostpath and pkg/volume/local.
"""

from pathlib import Path

from seatrial.base.errors import VolumeError
from seatrial.volumes.base import NodeIdentity, VolumeSpec


class HostFolders:
    """`kind`: hostPath or local. A hostPath that says nothing of its type need not be there before."""

    attachable = False

    def __init__(self, kind: str) -> None:
        self.name = {"hostPath": "kubernetes.io/host-path", "local": "kubernetes.io/local-volume"}[kind]

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        return f"{self.name}/{pod_uid}-{spec.name}"

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        if where is None:
            return None
        return _folder(spec)

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        """It stays as it is."""

    async def abandon(self, node: NodeIdentity) -> None:
        """Nothing is kept of it."""


def _folder(spec: VolumeSpec) -> Path:
    path = Path(spec.source["path"])
    if spec.kind == "hostPath" and (spec.source.get("type") or "") in ("", "DirectoryOrCreate"):
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise VolumeError(f'path "{path}" does not exist')
    return path
