"""Rules about the Pods themselves: images, probes, volumes, where they may run."""

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS
from seatrial.machinery import objects, selectors
from seatrial.rehearse.behaviour import probing
from seatrial.rehearse.behaviour.profiles import untagged
from seatrial.rehearse.durations import told
from seatrial.rehearse.rules import places
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads import rolling

VERSION = "pod-template-hash"
"""A label that tells versions apart: anti-affinity that goes by it leaves old and new Pods together."""


def mutable_tag(case: Case) -> Found:
    for container in (*case.containers, *(case.pod_spec.get("initContainers") or ())):
        image = str(container.get("image", ""))
        tag = image.partition("@")[0].removeprefix(untagged(image)).lstrip(":")
        if "@" not in image and tag in ("", "latest"):
            yield (
                f"image {image} has no fixed version: what runs can change with every restart, and can't be undone",
                (case.name,),
            )


def liveness_kills_slow_starter(case: Case) -> Found:
    for container in case.containers:
        behaviours = [case.model.of(life.pod, container) for life in case.lives if life.is_new]
        killed = [each for each in behaviours if each.unhealthy is not None and each.crash is None]
        if killed:
            after = told(min(each.unhealthy or 0.0 for each in killed))
            probe = "startup" if container.get("startupProbe") else "liveness"
            yield (
                f"the {probe} probe of container {container['name']} kills it after {after}, before it answers",
                (case.name,),
            )


def rwo_volume_with_surge(case: Case) -> Found:
    """Two versions at once want one volume that only one node can have."""
    if not case.rolls or rolling.limits(case.spec).max_surge == 0:
        return
    claims = {objects.name(claim): claim for claim in case.there(PERSISTENT_VOLUME_CLAIMS)}
    for volume in case.pod_spec.get("volumes") or ():
        name = str(objects.get(volume, "persistentVolumeClaim", "claimName", default=""))
        modes = set(objects.get(claims.get(name, {}), "spec", "accessModes", default=[]))
        told = _contended(case, name, modes)
        if told:
            yield told, (case.name, f"persistentvolumeclaim/{name}")


def _contended(case: Case, claim: str, modes: set[str]) -> str:
    """Why two versions can't have it; "" where they can, as on the only node that it can be used on."""
    if modes == {"ReadWriteOncePod"}:
        return f"claim {claim} is for one Pod only, and maxSurge starts a new Pod while the old one has it"
    if modes and modes <= {"ReadWriteOnce", "ReadWriteOncePod"} and len(places.with_volume(case, claim)) > 1:
        return (
            f"claim {claim} can be on one node only, and maxSurge starts a new Pod while the old one has it: "
            "on another node it waits for ever"
        )
    return ""


def anti_affinity_as_many_as_nodes(case: Case) -> Found:
    """Required anti-affinity leaves no node for a surge when every node has a replica already."""
    if not case.rolls or not case.has_rolled:
        return
    limits = rolling.limits(case.spec)
    terms = objects.get(
        case.pod_spec, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", default=[]
    )
    for term in terms:
        key = str(term.get("topologyKey", ""))
        own = selectors.from_label_selector(term.get("labelSelector")).matches(case.pod_labels)
        domains = {objects.labels(node).get(key) for node in places.eligible(case)} - {None}
        apart = VERSION not in (term.get("matchLabelKeys") or ())
        if own and apart and limits.max_surge and limits.max_unavailable == 0 and limits.desired >= len(domains):
            yield (
                f"required anti-affinity by {key}, {limits.desired} replicas and {len(domains)} places: none is left "
                "for the surge, and maxUnavailable comes to 0",
                (case.name,),
            )


def slow_pre_stop(case: Case) -> Found:
    """The hook sleeps longer than the Pod has."""
    grace = float(case.pod_spec.get("terminationGracePeriodSeconds", 30))
    for container in case.containers:
        sleeps = probing.sleeps(container, "preStop")
        if sleeps and sleeps >= grace:
            yield (
                f"the preStop hook of container {container['name']} sleeps {told(sleeps)}, and the Pod has "
                f"{told(grace)} to end: it is killed",
                (case.name,),
            )
