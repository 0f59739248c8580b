"""Volumes that real nodes mount with what Seatrial has not: on simulated nodes they are taken to work."""

from pathlib import Path

from seatrial.volumes.base import NodeIdentity, VolumeSpec

KINDS = ("azureFile", "fc", "flexVolume", "iscsi", "portworxVolume")
"""Those that Kubernetes 1.32 still mounts, by a plugin of its own or by a driver that attaches nothing."""

ATTACHED = ("fc", "iscsi")
"""Those that have to be attached before; nothing has to be done for it, it is only counted."""


class Assumed:
    """`kind`: one of KINDS."""

    def __init__(self, kind: str) -> None:
        self.name = f"kubernetes.io/{kind}"
        self.attachable = kind in ATTACHED

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        return f"{self.name}/{pod_uid}-{spec.name}"

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        return None

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        """Nothing is mounted."""

    async def abandon(self, node: NodeIdentity) -> None:
        """Nothing is kept of it."""
