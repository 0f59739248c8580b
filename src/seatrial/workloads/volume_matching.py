"""Which PersistentVolume suits a claim: pure.

Follows pkg/controller/volume/persistentvolume/index.go and component-helpers/storage/volume (FindMatchingVolume):
volumes with fewer access modes are tried first; among those with the same modes one that is pre-bound to the claim
wins, else the smallest that is large enough.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, selectors
from seatrial.workloads import node_affinity


def best(volumes: Iterable[JSON], claim: JSON, node: JSON | None = None) -> JSON | None:
    """The volume to bind the claim to. `node`: only volumes that can be used there."""
    modes = set(claim["spec"].get("accessModes") or ())
    suitable = [volume for volume in volumes if modes <= set(volume["spec"].get("accessModes") or ())]
    for group in _by_modes(suitable):
        prebound = [volume for volume in group if is_for(volume, claim) and not why_not(volume, claim)]
        if prebound:
            return prebound[0]
        free = [volume for volume in group if _is_free(volume, claim) and _reaches(volume, node)]
        if free:
            return min(free, key=lambda volume: (size_of(volume), objects.name(volume)))
    return None


def _by_modes(volumes: Sequence[JSON]) -> list[list[JSON]]:
    """Groups of volumes with the same modes, fewer modes first, then by their names."""
    groups: dict[tuple[str, ...], list[JSON]] = {}
    for volume in volumes:
        groups.setdefault(tuple(sorted(volume["spec"]["accessModes"])), []).append(volume)
    return [groups[modes] for modes in sorted(groups, key=lambda modes: (len(modes), modes))]


def is_for(volume: JSON, claim: JSON) -> bool:
    """Whether the volume names this very claim (IsVolumeBoundToClaim)."""
    reference = volume["spec"].get("claimRef") or {}
    if (reference.get("namespace"), reference.get("name")) != objects.key(claim):
        return False
    return reference.get("uid") in (None, "", objects.uid(claim))


def _is_free(volume: JSON, claim: JSON) -> bool:
    spec = volume["spec"]
    available = (volume.get("status") or {}).get("phase") == "Available" and not spec.get("claimRef")
    if not available or objects.is_terminating(volume) or why_not(volume, claim):
        return False
    selector = claim["spec"].get("selector")
    return selector is None or selectors.from_label_selector(selector).matches(objects.labels(volume))


def _reaches(volume: JSON, node: JSON | None) -> bool:
    return node is None or reaches(volume, node)


def reaches(volume: JSON, node: JSON) -> bool:
    """Whether the volume's node affinity, if it has one, allows this node."""
    required = objects.get(volume, "spec", "nodeAffinity", "required")
    return required is None or node_affinity.selector_matches(required, node)


def why_not(volume: JSON, claim: JSON) -> str:
    """What keeps a volume from being bound to a claim that names it; "" if nothing (checkVolumeSatisfyClaim)."""
    if size_of(volume) < quantity.parse(objects.get(claim, "spec", "resources", "requests", "storage", default="0")):
        return "requested PV is too small"
    if persistent_volume_claim.class_of(volume) != persistent_volume_claim.class_of(claim):
        return "storageClassName does not match"
    mode = "Filesystem"
    if (volume["spec"].get("volumeMode") or mode) != (claim["spec"].get("volumeMode") or mode):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def size_of(volume: JSON) -> Fraction:
    """In bytes."""
    return quantity.parse(objects.get(volume, "spec", "capacity", "storage", default="0"))
