"""Storage that a rehearsal has to assume: classes that nobody knows, and volumes that drivers make. Pure.

Manifests bring claims and claim templates, hardly ever the classes of the cluster that they are for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.storage_v1.storage_class import DEFAULT_ANNOTATIONS, WAIT_FOR_FIRST_CONSUMER
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.volumes import assumed
from seatrial.volumes.base import source_of
from seatrial.workloads import claims
from seatrial.workloads.csi_migration import MIGRATED

CLASS = "StorageClass"
DEFAULT_NAME = "standard"
PROVISIONER = "assumed"
_MOUNTED_BY = {
    **dict.fromkeys(assumed.KINDS, "by every node"),
    **{kind: f"by {driver}" for kind, (driver, _) in MIGRATED.items()},
}
"""In-tree kind of source → by whom a volume is taken to be mounted."""


def classes(known: Sequence[JSON]) -> tuple[list[JSON], list[str]]:
    """Classes that unbound claims ask for, and what to tell of them; none where any class is known.

    Claims and volumes without a class find each other, and so do those of a class that only its volumes name.
    """
    if any(obj.get("kind") == CLASS for obj in known):
        return [], []
    by_hand = {
        persistent_volume_claim.class_of(obj)
        for obj in known
        if obj.get("kind") == "PersistentVolume" and not _is_made(obj)
    }
    asked = [claim for obj in known for claim in _claims(obj)]
    named = {persistent_volume_claim.class_of(claim) for claim in asked} - by_hand - {""}
    has_default = "" not in by_hand and any(map(_asks_for_default, asked))
    names = sorted(named | ({DEFAULT_NAME} if has_default else set()))
    found = [_class(name, is_default=has_default and name == DEFAULT_NAME) for name in names]
    told = f"no {CLASS} is known: {', '.join(names)} assumed to make volumes that every node can mount"
    return found, [told] if found else []


def made(before: Sequence[JSON], now: Sequence[JSON]) -> list[str]:
    """What to tell of the volumes that drivers are taken to have made since. Both: PersistentVolumes.

    Those of classes that were assumed have been told of.
    """
    there = {objects.name(volume) for volume in before}
    by_driver: dict[str, list[str]] = {}
    for volume in now:
        kind, source = source_of(volume)
        driver = str(source.get("driver"))
        if kind == "csi" and driver != PROVISIONER and _is_made(volume) and objects.name(volume) not in there:
            by_driver.setdefault(driver, []).append(str(objects.get(volume, "spec", "claimRef", "name", default="")))
    return [
        f"{driver} assumed to make volumes at once that every node can mount: for {', '.join(sorted(names))}"
        for driver, names in sorted(by_driver.items())
    ]


def mounted(known: Iterable[JSON]) -> list[str]:
    """What to tell of volumes of in-tree kinds, which are mounted by what a simulated node has not."""
    kinds: dict[str, list[str]] = {}
    for obj in known:
        if obj.get("kind") == "PersistentVolume" and isinstance(obj.get("spec"), Mapping):
            kinds.setdefault(source_of(obj)[0], []).append(objects.name(obj))
    return [
        f"{kind} volumes assumed to be mounted {by}: {', '.join(sorted(kinds[kind]))}"
        for kind, by in sorted(_MOUNTED_BY.items())
        if kind in kinds
    ]


def _claims(obj: JSON) -> Iterator[JSON]:
    """The claims of an object that still have no volume, and those that will be made from its templates."""
    spec = obj.get("spec")
    if not isinstance(spec, Mapping):
        return
    if obj.get("kind") == "PersistentVolumeClaim" and not spec.get("volumeName"):
        yield obj
    if obj.get("kind") == "StatefulSet":
        yield from objects.dicts(obj, "spec", "volumeClaimTemplates")
    of_pods = ("spec",) if obj.get("kind") == "Pod" else ("spec", "template", "spec")
    for volume in objects.dicts(obj, *of_pods, "volumes"):
        template = objects.get(volume, "ephemeral", "volumeClaimTemplate")
        if isinstance(template, dict):
            yield template


def _asks_for_default(claim: JSON) -> bool:
    """A class that is named "" is none at all."""
    named = (claim.get("spec") or {}).get("storageClassName")
    return named is None and persistent_volume_claim.CLASS_ANNOTATION not in objects.annotations(claim)


def _is_made(volume: JSON) -> bool:
    return claims.PROVISIONED_BY in objects.annotations(volume)


def _class(name: str, *, is_default: bool) -> JSON:
    annotations = {DEFAULT_ANNOTATIONS[0]: "true"} if is_default else {}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": CLASS,
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": WAIT_FOR_FIRST_CONSUMER,
    }
