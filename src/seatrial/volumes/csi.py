"""Volumes of CSI drivers. Seatrial runs no drivers: on simulated nodes each is taken to work, elsewhere there is none.

Attaching is the attach/detach controller's, as in Kubernetes, so that a volume for one node can't be on two.
"""

from pathlib import Path

from seatrial.base.errors import VolumeError
from seatrial.volumes.base import NodeIdentity, VolumeSpec


class Csi:
    """See the module."""

    name = "kubernetes.io/csi"
    attachable = True

    def unique_name(self, spec: VolumeSpec, pod_uid: str) -> str:
        handle = spec.source.get("volumeHandle") or f"{pod_uid}-{spec.name}"
        return f"{self.name}/{spec.source.get('driver', '')}^{handle}"

    async def mount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> Path | None:
        if where is not None:
            driver = spec.source.get("driver", "")
            raise VolumeError(
                "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name "
                f"{driver} not found in the list of registered CSI drivers"
            )
        return None

    async def unmount(self, spec: VolumeSpec, node: NodeIdentity, where: Path | None) -> None:
        """Nothing is mounted."""

    async def abandon(self, node: NodeIdentity) -> None:
        """Its attachment stays: a VolumeAttachment says so."""
