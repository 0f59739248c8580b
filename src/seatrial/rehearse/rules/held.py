"""A volume that somebody else has: which one it is, who has it, and why that does not end. Pure."""

from collections.abc import Iterator

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse import disk_images
from seatrial.rehearse.lives import hash_of
from seatrial.rehearse.result import Finding, Step
from seatrial.rehearse.rules.base import Case
from seatrial.rollout.obstacles import Obstacle

UNUSED = "where no Pod uses it any more"
RULES = frozenset({"volume-locked", "multi-attach"})


def explain(case: Case, rule: str, obstacle: Obstacle) -> str:
    """One line that names claim, image and holder; "" when the objects don't tell."""
    pod = next((each for each in case.course.all(PODS) if objects.name(each) == obstacle.pod), None)
    if pod is None:
        return ""
    for volume in pod["spec"].get("volumes") or ():
        claim = str(objects.get(volume, "persistentVolumeClaim", "claimName", default=""))
        what = _named(case, volume, claim)
        if what and (objects.get(volume, "name", default="") in obstacle.message or what in obstacle.message or claim):
            return f"the new Pod can't mount {_shown(volume, claim)}: {_held(case, rule, pod, volume, what)}"
    return ""


def holders(case: Case, cause: Finding) -> Iterator[Step]:
    """Who has the volume that the first Pod of the finding waits for, and that it stays so."""
    waiting = [each for each in case.course.all(PODS) if f"pod/{objects.name(each)}" == cause.objects[0]]
    if cause.rule not in RULES or not waiting:
        return
    for volume in waiting[0]["spec"].get("volumes") or ():
        claim = str(objects.get(volume, "persistentVolumeClaim", "claimName", default=""))
        what = _named(case, volume, claim)
        for other in _users(case, waiting[0], volume) if what else ():
            text = f"runs on node/{other['spec']['nodeName']}, and has {_shown(volume, claim)}: {what}"
            yield Step(0.0, f"pod/{objects.name(other)}", text)


def _shown(volume: JSON, claim: str) -> str:
    return f"claim {claim}" if claim else f"volume {volume['name']}"


def _named(case: Case, volume: JSON, claim: str) -> str:
    """`image mioss/index-api-image`, or `volume pv-1`."""
    if not claim:
        images = list(disk_images.named({"kind": "Pod", "spec": {"volumes": [volume]}}))
        return f"image {images[0]}" if images else ""
    bound = next((each for each in case.there(PERSISTENT_VOLUME_CLAIMS) if objects.name(each) == claim), None)
    name = str(objects.get(bound, "spec", "volumeName", default="")) if bound else ""
    persistent = next((each for each in case.course.all(PERSISTENT_VOLUMES) if objects.name(each) == name), None)
    if persistent is None:
        return ""
    images = list(disk_images.named(persistent))
    return f"image {images[0]}" if images else f"volume {name}"


def _held(case: Case, rule: str, pod: JSON, volume: JSON, what: str) -> str:
    verb = "locked by" if rule == "volume-locked" else "attached to"
    holders = list(_users(case, pod, volume))
    if not holders:
        return f"{what} is {verb} a node {UNUSED}"
    other = holders[0]
    node = other["spec"]["nodeName"]
    if case.course.owner_of(other) == case.target and not objects.is_terminating(other):
        if hash_of(other) == hash_of(pod):
            return f"{what} is {verb} {node}, where another of these Pods has it, and stays"
        return f"{what} is {verb} {node}, whose Pod is only removed after the new one is ready"
    still = "is still being deleted" if objects.is_terminating(other) else "has it"
    return f"{what} is {verb} {node}, where pod {objects.name(other)} {still}"


def _users(case: Case, pod: JSON, volume: JSON) -> Iterator[JSON]:
    """Pods on other nodes that have the same volume mounted."""
    wanted = {key: value for key, value in volume.items() if key != "name"}
    for other in case.course.all(PODS):
        elsewhere = other["spec"].get("nodeName") not in ("", None, pod["spec"].get("nodeName"))
        same = any(
            {key: value for key, value in each.items() if key != "name"} == wanted
            for each in other["spec"].get("volumes") or ()
        )
        runs = (other.get("status") or {}).get("phase") == "Running"
        if elsewhere and same and runs and objects.namespace(other) == objects.namespace(pod):
            yield other
