"""Disks whose in-tree plugins are gone: the API keeps their kinds, and CSI drivers serve them.

Follows the plugins of k8s.io/csi-translation-lib (1.32) for the drivers that attach a disk to a node.
"""

from collections.abc import Mapping
from typing import Any

from seatrial.base.types import JSON

MIGRATED: Mapping[str, tuple[str, str]] = {
    "awsElasticBlockStore": ("ebs.csi.aws.com", "volumeID"),
    "azureDisk": ("disk.csi.azure.com", "diskURI"),
    "cinder": ("cinder.csi.openstack.org", "volumeID"),
    "gcePersistentDisk": ("pd.csi.storage.gke.io", "pdName"),
    "vsphereVolume": ("csi.vsphere.vmware.com", "volumePath"),
}
"""Kind of source → (driver, the field that names the disk)."""


def csi_source(sources: Mapping[str, Any]) -> JSON | None:
    """The CSI source of a PersistentVolume's spec or of a volume of a Pod, its own or that of its successor.

    differs: the handle is the disk's name as it stands there; upstream writes zones or projects beside some.
    """
    if sources.get("csi"):
        return dict(sources["csi"])
    for kind, (driver, field) in MIGRATED.items():
        if source := sources.get(kind):
            return {**source, "driver": driver, "volumeHandle": str(source.get(field) or "")}
    return None
