"""What a Pod's claims ask of a node: that they can be used at all, and that their volumes can be reached from there.

Follows pkg/scheduler/framework/plugins/{volumebinding,volumerestrictions,volumezone} (1.32).
"""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seatrial.api.storage_v1 import storage_class
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import claims, volume_matching

BINDING, _RESTRICTIONS, _ZONE = "VolumeBinding", "VolumeRestrictions", "VolumeZone"
_UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_CONFLICT = Rejection(BINDING, ("node(s) had volume node affinity conflict",), True)
_NOTHING_TO_BIND = Rejection(BINDING, ("node(s) didn't find available persistent volumes to bind",), True)
_NO_ZONE = Rejection(_ZONE, ("node(s) had no available volume zone",), True)
_IN_USE = Rejection(
    _RESTRICTIONS,
    ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",),
    False,
)
ZONE_LABELS = (
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
)


@dataclass(frozen=True)
class _Claims:
    """A Pod's claims: the volumes of those that are bound, and those that are bound once a node is chosen."""

    volumes: tuple[JSON, ...]
    delayed: tuple[JSON, ...]


def claims_usable(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Before all others: no node helps a Pod whose claims are not there, or not bound (PreFilter of VolumeBinding)."""
    if not info.pod["spec"].get("volumes"):
        return None
    found = _look(info.pod, snapshot)
    if not isinstance(found, str):
        return None
    rejection = Rejection(BINDING, (found,), True, whole=True)
    return lambda node: rejection


def volumes_reachable(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Node affinity and zones of bound volumes; for claims that wait for their first consumer a volume to bind."""
    if not info.pod["spec"].get("volumes"):
        return None
    found = _look(info.pod, snapshot)
    if isinstance(found, str) or not (found.volumes or found.delayed):
        return None
    is_taken = _is_taken(info, snapshot)
    bindable = [_bindable(claim, snapshot) for claim in found.delayed]

    def check(node: NodeInfo) -> Rejection | None:
        obj = node.node or {}
        if is_taken:
            return _IN_USE
        if not all(volume_matching.reaches(volume, obj) for volume in found.volumes):
            return _CONFLICT
        if not all(can_bind(obj) for can_bind in bindable):
            return _NOTHING_TO_BIND
        if not all(_in_zone(volume, node) for volume in found.volumes):
            return _NO_ZONE
        return None

    return check


def _look(pod: JSON, snapshot: Snapshot) -> _Claims | str:
    """The Pod's claims, or why they can't be used."""
    volumes, delayed = [], []
    for name in claims.names_of(pod):
        claim = snapshot.others.get(PERSISTENT_VOLUME_CLAIMS, (objects.namespace(pod), name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if objects.is_terminating(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        bound = claim["spec"].get("volumeName")
        if bound and claims.BIND_COMPLETED in objects.annotations(claim):
            volume = snapshot.others.get(PERSISTENT_VOLUMES, ("", bound))
            if volume is None:
                return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{bound}"'
            volumes.append(volume)
        elif _is_delayed(claim, snapshot):
            delayed.append(claim)
        else:
            return _UNBOUND
    return _Claims(tuple(volumes), tuple(delayed))


def _class_of(claim: JSON, snapshot: Snapshot) -> JSON | None:
    return snapshot.others.get(STORAGE_CLASSES, ("", persistent_volume_claim.class_of(claim)))


def _is_delayed(claim: JSON, snapshot: Snapshot) -> bool:
    mode = (_class_of(claim, snapshot) or {}).get("volumeBindingMode")
    return mode == storage_class.WAIT_FOR_FIRST_CONSUMER


def delayed_claims(pod: JSON, snapshot: Snapshot) -> tuple[JSON, ...]:
    """Those that the Pod's placement has to wait for."""
    found = _look(pod, snapshot) if pod["spec"].get("volumes") else ""
    return found.delayed if isinstance(found, _Claims) else ()


def _bindable(claim: JSON, snapshot: Snapshot) -> Callable[[JSON], bool]:
    """Whether on a node a volume is there for the claim, or can be made for it."""
    volumes = snapshot.others.list(PERSISTENT_VOLUMES)
    provisioner = (_class_of(claim, snapshot) or {}).get("provisioner")

    def can_bind(node: JSON) -> bool:
        if volume_matching.best(volumes, claim, node) is not None:
            return True
        return provisioner not in (None, "", claims.NO_PROVISIONER)

    return can_bind


def _is_taken(info: PodInfo, snapshot: Snapshot) -> bool:
    """Whether a Pod on some node has a claim that one Pod at a time may use: then no node will do."""
    namespace = info.key[0]
    found = (
        (name, snapshot.others.get(PERSISTENT_VOLUME_CLAIMS, (namespace, name))) for name in claims.names_of(info.pod)
    )
    alone = {name for name, claim in found if claim and "ReadWriteOncePod" in claim["spec"]["accessModes"]}
    return bool(alone) and any(
        other.key[0] == namespace and alone & set(claims.names_of(other.pod))
        for node in snapshot.nodes
        for other in node.pods.values()
    )


def _in_zone(volume: JSON, node: NodeInfo) -> bool:
    """Zone labels of a volume have to be the node's; several zones are told apart by `__`."""
    wanted = {key: value for key, value in objects.labels(volume).items() if key in ZONE_LABELS}
    if not wanted or not any(key in node.labels for key in ZONE_LABELS):
        return True
    return all(node.labels.get(key) in value.split("__") for key, value in wanted.items())
