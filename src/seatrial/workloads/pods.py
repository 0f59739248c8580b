"""Pods as their controllers see them: active, ready, available; which goes first; and how a new one is made.

Follows pkg/api/v1/pod/util.go and pkg/controller/controller_utils.go (ActivePodsWithRanks, GetPodFromTemplate) of 1.32.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import names, objects, times
from seatrial.machinery.gvk import ResourceRef

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_FINISHED = ("Succeeded", "Failed")
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_NOTHING: JSON = {}


def ready_condition(pod: JSON) -> JSON | None:
    """The condition Ready, whatever its status."""
    for condition in (pod.get("status") or _NOTHING).get("conditions") or ():
        if condition["type"] == "Ready":
            found: JSON = condition
            return found
    return None


def is_ready(pod: JSON) -> bool:
    condition = ready_condition(pod)
    return condition is not None and condition.get("status") == "True"


def ready_since(pod: JSON) -> float | None:
    """When the Pod became ready (whole seconds); None when it isn't, or nobody knows."""
    condition = ready_condition(pod)
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return times.parse_time(condition["lastTransitionTime"])


def is_available(pod: JSON, min_ready_seconds: int, now: float) -> bool:
    """Ready for longer than `min_ready_seconds` (just as long is not enough), or ready at all where that is 0."""
    if not min_ready_seconds:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + min_ready_seconds < now


def is_finished(pod: JSON) -> bool:
    return (pod.get("status") or _NOTHING).get("phase") in _FINISHED


def is_active(pod: JSON) -> bool:
    """Neither finished nor being deleted: what counts as a replica."""
    return not is_finished(pod) and not objects.is_terminating(pod)


def deletion_cost(pod: JSON) -> int:
    """The annotation pod-deletion-cost; 0 for none and for what is no 32-bit number in plain form."""
    text = objects.annotations(pod).get(DELETION_COST)
    if text is None:
        return 0
    try:
        cost = int(text)
    except ValueError:
        return 0
    plain = text == str(cost) and -(1 << 31) <= cost < 1 << 31
    return cost if plain else 0


def active_per_node(pods: Iterable[JSON]) -> Counter[str]:
    """How many active Pods each node has."""
    return Counter((pod.get("spec") or _NOTHING).get("nodeName") or "" for pod in pods if is_active(pod))


class _Standing(NamedTuple):
    """What decides how soon a Pod is deleted, in the order in which it is looked at."""

    assigned: bool
    phase: int
    ready: bool
    cost: int
    doubled: int
    ready_at: float | None
    restarts: int
    sidecar_restarts: int
    created_at: float | None
    uid: str
    pod: JSON


def by_deletion(pods: Sequence[JSON], related_per_node: Mapping[str, int], now: float) -> list[JSON]:
    """The Pods, first to be deleted first. `related_per_node`: active Pods of all ReplicaSets of the same owner."""
    standings = [_standing(pod, related_per_node) for pod in pods]

    def compare(one: _Standing, other: _Standing) -> int:
        return _compare(one, other, now)

    return [standing.pod for standing in sorted(standings, key=cmp_to_key(compare))]


def _standing(pod: JSON, related_per_node: Mapping[str, int]) -> _Standing:
    status, node = pod.get("status") or _NOTHING, (pod.get("spec") or _NOTHING).get("nodeName") or ""
    ready = is_ready(pod)
    created_at = objects.creation_timestamp(pod)
    restarts, sidecar_restarts = _restarts(pod)
    return _Standing(
        assigned=bool(node),
        phase=_PHASES.get(status.get("phase") or "", 0),
        ready=ready,
        cost=deletion_cost(pod),
        doubled=-related_per_node.get(node, 0),
        ready_at=ready_since(pod) if ready else None,
        restarts=-restarts,
        sidecar_restarts=-sidecar_restarts,
        created_at=times.parse_time(created_at) if created_at else None,
        uid=objects.uid(pod),
        pod=pod,
    )


def _restarts(pod: JSON) -> tuple[int, int]:
    """Most restarts of a container, and of a restartable init container."""
    status = pod.get("status") or _NOTHING
    sidecars = {
        container.get("name")
        for container in (pod.get("spec") or _NOTHING).get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    }
    regular = [each.get("restartCount") or 0 for each in status.get("containerStatuses") or ()]
    special = [
        each.get("restartCount") or 0
        for each in status.get("initContainerStatuses") or ()
        if each.get("name") in sidecars
    ]
    return max(regular, default=0), max(special, default=0)


def _compare(one: _Standing, other: _Standing, now: float) -> int:
    before, after = one[:5], other[:5]
    if before != after:
        return -1 if before < after else 1
    if one.ready and other.ready and one.ready_at != other.ready_at:
        return _younger_first(one, other, one.ready_at, other.ready_at, now)
    if one[6:8] != other[6:8]:
        return -1 if one[6:8] < other[6:8] else 1
    if one.created_at != other.created_at:
        return _younger_first(one, other, one.created_at, other.created_at, now)
    return 0


def _younger_first(one: _Standing, other: _Standing, at: float | None, other_at: float | None, now: float) -> int:
    """On a logarithmic scale of ages, so that Pods of about the same age are chosen from at random (by uid)."""
    if at is None or other_at is None:
        return -1 if at is None else 1
    difference = _magnitude(now - at) - _magnitude(now - other_at)
    if difference:
        return difference
    return -1 if one.uid < other.uid else 1


def _magnitude(age: float) -> int:
    """log2 of the age in nanoseconds."""
    nanoseconds = age * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1


def from_template(template: Mapping[str, Any], owner: JSON, resource: ResourceRef) -> JSON:
    """A new Pod, ready to be created as often as wanted: its name is generated. Shares its spec with the template."""
    metadata = template.get("metadata") or {}
    made: JSON = {
        "generateName": name_prefix(objects.name(owner)),
        "namespace": objects.namespace(owner),
        "labels": metadata.get("labels") or {},
        "ownerReferences": [objects.owner_reference(owner, resource)],
    }
    for field in ("annotations", "finalizers"):
        if metadata.get(field):
            made[field] = metadata[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template.get("spec") or {}}


def name_prefix(owner_name: str) -> str:
    """`<owner>-`, or without the dash where that could not begin a name."""
    prefix = f"{owner_name}-"
    return owner_name if names.dns1123_subdomain(f"{prefix[:-1]}a") else prefix
