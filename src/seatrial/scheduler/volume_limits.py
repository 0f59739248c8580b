"""How many volumes of a CSI driver a node can have attached: its CSINode says so.

Follows pkg/scheduler/framework/plugins/nodevolumelimits/csi.go (1.32): a volume that several Pods use counts once, one
that is attached without a Pod counts, a driver without a limit takes any number.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.registry import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.api.storage_v1 import csi_node
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import claims
from seatrial.workloads.csi_migration import csi_source

LIMITS = "NodeVolumeLimits"
_TOO_MANY = Rejection(LIMITS, ("node(s) exceed max volume count",), False)
_Attached = tuple[str, str]
"""(driver, handle)."""


def volume_limits(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """The drivers' limits on each node, for Pods with CSI volumes."""
    if not info.pod["spec"].get("volumes"):
        return None
    wanted = set(_of_pod(info.pod, snapshot))
    if not wanted:
        return None
    attachments = _by_node(snapshot)

    def check(node: NodeInfo) -> Rejection | None:
        limits = _limits(node.name, snapshot)
        if not any(driver in limits for driver, _ in wanted):
            return None
        there = set(_attached(node, attachments, snapshot))
        new = Counter(driver for driver, _ in wanted - there)
        old = Counter(driver for driver, _ in there)
        full = any(old[driver] + number > limits[driver] for driver, number in new.items() if driver in limits)
        return _TOO_MANY if full else None

    return check


def _limits(node: str, snapshot: Snapshot) -> dict[str, int]:
    told = snapshot.others.get(CSI_NODES, ("", node))
    counts = {str(each["name"]): objects.get(each, "allocatable", "count") for each in csi_node.drivers(told or {})}
    return {name: int(count) for name, count in counts.items() if count is not None}


def _by_node(snapshot: Snapshot) -> dict[str, list[str]]:
    """Node → names of the volumes that are attached there: grouped once, for all nodes that are looked at."""
    found: dict[str, list[str]] = defaultdict(list)
    for attachment in snapshot.others.list(VOLUME_ATTACHMENTS):
        volume = objects.get(attachment["spec"], "source", "persistentVolumeName", default="")
        found[str(attachment["spec"].get("nodeName"))].append(str(volume))
    return found


def _attached(node: NodeInfo, attachments: dict[str, list[str]], snapshot: Snapshot) -> Iterator[_Attached]:
    for other in node.pods.values():
        yield from _of_pod(other.pod, snapshot)
    for volume in attachments.get(node.name, ()):
        yield from _of_volume(snapshot.others.get(PERSISTENT_VOLUMES, ("", volume)))


def _of_pod(pod: JSON, snapshot: Snapshot) -> Iterator[_Attached]:
    for name in claims.names_of(pod):
        key = objects.namespace(pod), name
        claim = snapshot.others.get(PERSISTENT_VOLUME_CLAIMS, key)
        if claim is None:
            continue
        volume = snapshot.others.get(PERSISTENT_VOLUMES, ("", claim["spec"].get("volumeName") or ""))
        if volume is not None:
            yield from _of_volume(volume)
            continue
        of_class = snapshot.others.get(STORAGE_CLASSES, ("", persistent_volume_claim.class_of(claim)))
        if of_class is not None:
            yield str(of_class.get("provisioner")), f"to be made for {'/'.join(key)}"


def _of_volume(volume: JSON | None) -> Iterator[_Attached]:
    source = csi_source(volume["spec"]) if volume is not None else None
    if source:
        yield str(source["driver"]), str(source["volumeHandle"])
