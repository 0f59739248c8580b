"""What a Pod's claims ask of a node: that they can be used at all, and that their volumes can be reached from there.

Follows pkg/scheduler/framework/plugins/{volumebinding,volumezone} (1.32). Storage capacities of CSI drivers are not
known here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seatrial.api.storage_v1 import storage_class
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.scheduler.volume_restrictions import RESTRICTIONS
from seatrial.workloads import claims, volume_matching

BINDING, ZONE = "VolumeBinding", "VolumeZone"
_UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_CONFLICT = "node(s) had volume node affinity conflict"
_NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
_NO_ZONE = Rejection(ZONE, ("node(s) had no available volume zone",), True)
ZONE_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}
"""Labels of volumes that count, and what each is called today on nodes that lack the old one."""


@dataclass(frozen=True)
class Bindings:
    """What becomes of claims that are bound once a node is chosen: they get a volume, or one is made for them."""

    matched: tuple[tuple[JSON, JSON], ...] = ()
    """(claim, volume)."""
    to_provision: tuple[JSON, ...] = ()

    @property
    def volumes(self) -> frozenset[str]:
        """The names of those that are given to claims."""
        return frozenset(objects.name(volume) for _, volume in self.matched)


@dataclass(frozen=True)
class _Claims:
    """A Pod's claims: the volumes of those that are bound, and those that are bound once a node is chosen."""

    volumes: tuple[JSON, ...]
    delayed: tuple[JSON, ...]


def claims_usable(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Before all others: no node helps a Pod whose claims are not there, or not bound (the plugins' PreFilters)."""
    if not info.pod["spec"].get("volumes"):
        return None
    found = _look(info.pod, snapshot)
    return (lambda node: found) if isinstance(found, Rejection) else None


def volumes_bindable(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Node affinity of bound volumes; for claims that wait for their first consumer a volume to bind or to make."""
    found = _usable(info.pod, snapshot)
    if not (found.volumes or found.delayed):
        return None

    def check(node: NodeInfo) -> Rejection | None:
        reasons = []
        if not all(volume_matching.reaches(volume, node.node or {}) for volume in found.volumes):
            reasons.append(_CONFLICT)
        if _bindings(found.delayed, node, snapshot) is None:
            reasons.append(_NOTHING_TO_BIND)
        return Rejection(BINDING, tuple(reasons), True) if reasons else None

    return check


def volumes_in_zone(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Zone labels of bound volumes have to be the node's."""
    volumes = _usable(info.pod, snapshot).volumes
    wanted = [(key, zones) for volume in volumes for key, zones in _zones(volume)]
    if not wanted:
        return None

    def check(node: NodeInfo) -> Rejection | None:
        labels = node.labels
        if not any(key in labels for key in ZONE_LABELS):
            return None
        there = all(labels.get(key, labels.get(ZONE_LABELS[key])) in zones for key, zones in wanted)
        return None if there else _NO_ZONE

    return check


def bindings(pod: JSON, node: str, snapshot: Snapshot) -> Bindings:
    """How the Pod's claims that wait for their first consumer are bound if it goes to this node, which will do."""
    info = snapshot.get(node)
    delayed = _usable(pod, snapshot).delayed
    return (_bindings(delayed, info, snapshot) if info is not None else None) or Bindings()


def _usable(pod: JSON, snapshot: Snapshot) -> _Claims:
    found = _look(pod, snapshot) if pod["spec"].get("volumes") else None
    return found if isinstance(found, _Claims) else _Claims((), ())


def _look(pod: JSON, snapshot: Snapshot) -> _Claims | Rejection:
    """The Pod's claims, or why they can't be used."""
    namespace, get = objects.namespace(pod), snapshot.others.get
    for named in claims.named_by(pod):
        if get(PERSISTENT_VOLUME_CLAIMS, (namespace, named)) is None:
            return _refused(RESTRICTIONS, f'persistentvolumeclaim "{named}" not found')
    found: list[JSON] = []
    for volume in pod["spec"]["volumes"]:
        name = claims.name_of(pod, volume)
        if name is None:
            continue
        claim = get(PERSISTENT_VOLUME_CLAIMS, (namespace, name))
        if claim is None:
            creator = "waiting for ephemeral volume controller to create the persistentvolumeclaim"
            return _refused(BINDING, f'{creator} "{name}"')
        problem = _unusable(claim) or _not_its_own(claim, pod, volume)
        if problem:
            return _refused(BINDING, problem)
        found.append(claim)
    return _sorted(found, snapshot)


def _refused(plugin: str, why: str) -> Rejection:
    return Rejection(plugin, (why,), True, whole=True)


def _unusable(claim: JSON) -> str:
    name = objects.name(claim)
    if objects.get(claim, "status", "phase") == "Lost":
        volume = claim["spec"].get("volumeName") or ""
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    return f'persistentvolumeclaim "{name}" is being deleted' if objects.is_terminating(claim) else ""


def _not_its_own(claim: JSON, pod: JSON, volume: JSON) -> str:
    """An ephemeral volume's claim is made for the Pod; one that has its name by chance is not taken for it."""
    return claims.not_made_for(pod, claim) if volume.get("ephemeral") is not None else ""


def _sorted(found: Iterable[JSON], snapshot: Snapshot) -> _Claims | Rejection:
    volumes, delayed = [], []
    for claim in found:
        name = claim["spec"].get("volumeName")
        if name and claims.BIND_COMPLETED in objects.annotations(claim):
            volumes.append(name)
        elif not name and _is_delayed(claim, snapshot):
            delayed.append(claim)
        else:
            return _refused(BINDING, _UNBOUND)
    there = [(name, snapshot.others.get(PERSISTENT_VOLUMES, ("", name))) for name in volumes]
    for name, volume in there:
        if volume is None:
            return _refused(ZONE, f'persistentvolume "{name}" not found')
    return _Claims(tuple(volume for _, volume in there if volume is not None), tuple(delayed))


def _class_of(claim: JSON, snapshot: Snapshot) -> JSON:
    return snapshot.others.get(STORAGE_CLASSES, ("", persistent_volume_claim.class_of(claim))) or {}


def _is_delayed(claim: JSON, snapshot: Snapshot) -> bool:
    return _class_of(claim, snapshot).get("volumeBindingMode") == storage_class.WAIT_FOR_FIRST_CONSUMER


def _bindings(delayed: Sequence[JSON], node: NodeInfo, snapshot: Snapshot) -> Bindings | None:
    """The smallest claims first; None if one of them can't be bound on this node."""
    if any(claims.selected_node(claim) not in ("", node.name) for claim in delayed):
        return None
    matched: list[tuple[JSON, JSON]] = []
    to_provision = [claim for claim in delayed if claims.selected_node(claim)]
    free = [volume for volume in snapshot.others.list(PERSISTENT_VOLUMES) if objects.name(volume) not in snapshot.kept]
    for claim in sorted((each for each in delayed if not claims.selected_node(each)), key=_asked):
        volume = volume_matching.best(free, claim, node.node)
        if volume is None:
            to_provision.append(claim)
        else:
            matched.append((claim, volume))
            free.remove(volume)
    makes = all(_can_be_made(_class_of(claim, snapshot), node) for claim in to_provision)
    return Bindings(tuple(matched), tuple(to_provision)) if makes else None


def _asked(claim: JSON) -> Fraction:
    return quantity.parse(objects.get(claim, "spec", "resources", "requests", "storage", default="0"))


def _can_be_made(of_class: JSON, node: NodeInfo) -> bool:
    """Whether the class has a provisioner, and allows the node's topology."""
    if of_class.get("provisioner") in (None, "", claims.NO_PROVISIONER):
        return False
    terms = of_class.get("allowedTopologies") or ()
    return not terms or any(_allows(term.get("matchLabelExpressions") or (), node) for term in terms)


def _allows(expressions: Sequence[JSON], node: NodeInfo) -> bool:
    return bool(expressions) and all(node.labels.get(each["key"]) in each["values"] for each in expressions)


def _zones(volume: JSON) -> Iterable[tuple[str, frozenset[str]]]:
    """Several zones are told apart by `__`; a label that is none is passed over."""
    labels = objects.labels(volume)
    for key in ZONE_LABELS:
        zones = [zone.strip() for zone in labels[key].split("__")] if key in labels else []
        if zones and all(zones):
            yield key, frozenset(zones)
