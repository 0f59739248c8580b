"""Which changes of storage are worth another try of a Pod that fits nowhere.

Follows EventsToRegister of pkg/scheduler/framework/plugins/{volumebinding,volumerestrictions,volumezone,
nodevolumelimits} (1.32).
"""

from collections.abc import Callable

from seatrial.api.registry import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.api.resource import Resource
from seatrial.api.storage_v1 import csi_node, storage_class
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler.snapshot import PodInfo
from seatrial.scheduler.volume_filters import BINDING, ZONE, ZONE_LABELS
from seatrial.scheduler.volume_limits import LIMITS
from seatrial.scheduler.volume_restrictions import RESTRICTIONS, share_a_disk
from seatrial.workloads import claims


def storage_changed(resource: Resource, old: JSON | None, new: JSON | None) -> frozenset[str]:
    """The filters that may change their minds about Pods; for a claim only about those that use it."""
    return _OF_KIND[resource](old, new)


def uses(waiting: PodInfo, claim: JSON) -> bool:
    """Whether the claim is one of the Pod's."""
    return waiting.key[0] == objects.namespace(claim) and objects.name(claim) in claims.names_of(waiting.pod)


def frees(gone: JSON, waiting: PodInfo) -> bool:
    """Whether the Pod that went had a disk or a claim that the other one waits for."""
    if objects.namespace(gone) != waiting.key[0]:
        return False
    return share_a_disk(waiting.pod, gone) or not set(claims.named_by(gone)).isdisjoint(claims.named_by(waiting.pod))


def _claim(old: JSON | None, new: JSON | None) -> frozenset[str]:
    if new is None:
        return frozenset()
    return frozenset({BINDING, ZONE} if old is not None else {BINDING, ZONE, LIMITS, RESTRICTIONS})


def _volume(old: JSON | None, new: JSON | None) -> frozenset[str]:
    if new is None:
        return frozenset()
    labels, before = objects.labels(new), objects.labels(old or {})
    moved = old is None or any(labels.get(key) != before.get(key) for key in ZONE_LABELS)
    return frozenset({BINDING, ZONE} if moved else {BINDING})


def _class(old: JSON | None, new: JSON | None) -> frozenset[str]:
    if new is None:
        return frozenset()
    if old is not None:
        return frozenset({BINDING} if old.get("allowedTopologies") != new.get("allowedTopologies") else ())
    waits = new.get("volumeBindingMode") == storage_class.WAIT_FOR_FIRST_CONSUMER
    return frozenset({BINDING, ZONE} if waits else {BINDING})


def _csi_node(old: JSON | None, new: JSON | None) -> frozenset[str]:
    """A limit that was changed matters from 1.34 on; it does no harm before."""
    if new is None:
        return frozenset()
    if old is None:
        return frozenset({BINDING, LIMITS})
    return frozenset({LIMITS} if csi_node.drivers(old) != csi_node.drivers(new) else ())


def _attachment(old: JSON | None, new: JSON | None) -> frozenset[str]:
    return frozenset({LIMITS} if new is None else ())


_OF_KIND: dict[Resource, Callable[[JSON | None, JSON | None], frozenset[str]]] = {
    CSI_NODES: _csi_node,
    PERSISTENT_VOLUMES: _volume,
    PERSISTENT_VOLUME_CLAIMS: _claim,
    STORAGE_CLASSES: _class,
    VOLUME_ATTACHMENTS: _attachment,
}
KINDS = tuple(_OF_KIND)
