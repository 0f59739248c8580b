"""VolumeRestrictions: disks that one Pod of a node at a time may use, and claims that one Pod at a time may use.

Follows pkg/scheduler/framework/plugins/volumerestrictions/volume_restrictions.go (1.32). Only volumes that stand in
Pods themselves are disks here; those behind claims are told apart by their access modes.
"""

from collections.abc import Callable

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS
from seatrial.base.types import JSON
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import claims

RESTRICTIONS = "VolumeRestrictions"
_DISK_TAKEN = Rejection(RESTRICTIONS, ("node(s) had no available disk",), False)
_CLAIM_TAKEN = Rejection(
    RESTRICTIONS,
    ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",),
    False,
)
_DEFAULT_POOL = "rbd"


def volume_restrictions(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Whether the node has a Pod with one of the disks; and, on all nodes alike, whether some Pod has the claim."""
    if not info.pod["spec"].get("volumes"):
        return None
    disks, is_claimed = bool(_disks(info.pod)), _is_claimed(info, snapshot)
    if not disks and not is_claimed:
        return None

    def check(node: NodeInfo) -> Rejection | None:
        if disks and any(share_a_disk(info.pod, other.pod) for other in node.pods.values()):
            return _DISK_TAKEN
        return _CLAIM_TAKEN if is_claimed else None

    return check


def share_a_disk(pod: JSON, other: JSON) -> bool:
    """Whether both use a disk that not both of them only read (isVolumeConflict)."""
    theirs = _disks(other)
    return bool(theirs) and any(
        kind in volume and _SAME[kind](volume[kind], their[kind])
        for volume in _disks(pod)
        for their in theirs
        for kind in _SAME.keys() & their.keys()
    )


def _disks(pod: JSON) -> list[JSON]:
    return [volume for volume in pod["spec"].get("volumes") or () if not _SAME.keys().isdisjoint(volume)]


def _same_image(one: JSON, other: JSON) -> bool:
    if set(one["monitors"]).isdisjoint(other["monitors"]) or one["image"] != other["image"]:
        return False
    same_pool = (one.get("pool") or _DEFAULT_POOL) == (other.get("pool") or _DEFAULT_POOL)
    return same_pool and not _both_read(one, other)


def _both_read(one: JSON, other: JSON) -> bool:
    return bool(one.get("readOnly") and other.get("readOnly"))


_SAME: dict[str, Callable[[JSON, JSON], bool]] = {
    "rbd": _same_image,
    "iscsi": lambda one, other: one["iqn"] == other["iqn"] and not _both_read(one, other),
    "gcePersistentDisk": lambda one, other: one["pdName"] == other["pdName"] and not _both_read(one, other),
    "awsElasticBlockStore": lambda one, other: bool(one["volumeID"] == other["volumeID"]),
}


def _is_claimed(info: PodInfo, snapshot: Snapshot) -> bool:
    namespace = info.key[0]
    found = (
        (name, snapshot.others.get(PERSISTENT_VOLUME_CLAIMS, (namespace, name))) for name in claims.named_by(info.pod)
    )
    alone = {name for name, claim in found if claim and "ReadWriteOncePod" in claim["spec"].get("accessModes", ())}
    return bool(alone) and any(
        other.key[0] == namespace and not alone.isdisjoint(claims.named_by(other.pod))
        for node in snapshot.nodes
        for other in node.pods.values()
    )
