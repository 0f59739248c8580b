"""A DaemonSet's Pods: what a new one looks like, which node one is for, and which nodes they may run on.

Follows pkg/controller/daemon/util/daemonset_util.go, and NodeShouldRunDaemonPod of daemon_controller.go (1.32).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seatrial.api.apps_v1 import daemon_set
from seatrial.api.registry import DAEMON_SETS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.workloads import controller_revisions, node_affinity, pods, taints

GENERATION_LABEL = "pod-template-generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def _toleration(key: str, effect: str) -> JSON:
    return {"key": key, "operator": "Exists", "effect": effect}


_TOLERATIONS = (
    _toleration(taints.NOT_READY, "NoExecute"),
    _toleration(taints.UNREACHABLE, "NoExecute"),
    _toleration(taints.DISK_PRESSURE, "NoSchedule"),
    _toleration(taints.MEMORY_PRESSURE, "NoSchedule"),
    _toleration(taints.PID_PRESSURE, "NoSchedule"),
    _toleration(taints.UNSCHEDULABLE, "NoSchedule"),
)
_FOR_HOST_NETWORK = _toleration(taints.NETWORK_UNAVAILABLE, "NoSchedule")


class Fit(NamedTuple):
    """Whether a node should have a Pod, and whether one that is there may stay."""

    should_run: bool
    may_stay: bool


def new_pod(owner: JSON, hashed: str, node_name: str) -> JSON:
    """The Pod for one node, which the scheduler binds there."""
    pod = pods.from_template(owner["spec"]["template"], owner, DAEMON_SETS)
    labels = {
        **pod["metadata"]["labels"],
        GENERATION_LABEL: str(daemon_set.template_generation(owner)),
        controller_revisions.POD_LABEL: hashed,
    }
    spec = {
        **pod["spec"],
        "affinity": _for_node(pod["spec"].get("affinity"), node_name),
        "tolerations": _tolerations(pod["spec"]),
    }
    return {**objects.with_metadata(pod, labels=labels), "spec": spec}


def _tolerations(spec: JSON) -> list[JSON]:
    added = (*_TOLERATIONS, _FOR_HOST_NETWORK) if spec.get("hostNetwork") else _TOLERATIONS
    listed = list(spec.get("tolerations") or ())
    for toleration in added:
        place = next((index for index, each in enumerate(listed) if _same(each, toleration)), None)
        if place is None:
            listed.append(toleration)
        else:
            listed[place] = toleration
    return listed


def _same(one: JSON, other: JSON) -> bool:
    return all((one.get(name) or "") == (other.get(name) or "") for name in ("key", "effect", "operator", "value"))


def _for_node(affinity: JSON | None, node_name: str) -> JSON:
    """The affinity with the node's name in place of whatever was required: the controller has checked that already."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node_name]}]}
    by_node = {**((affinity or {}).get("nodeAffinity") or {}), _REQUIRED: {"nodeSelectorTerms": [term]}}
    return {**(affinity or {}), "nodeAffinity": by_node}


def node_of(pod: JSON) -> str:
    """The node that the Pod is on, or is for; "" when it can't be told."""
    name: str = pod["spec"].get("nodeName") or ""
    if name:
        return name
    terms = objects.get(pod["spec"], "affinity", "nodeAffinity", _REQUIRED, "nodeSelectorTerms", default=())
    for term in terms:
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In" and len(field["values"]) == 1:
                return str(field["values"][0])
    return ""


def fits(owner: JSON, nodes: Iterable[JSON]) -> dict[str, Fit]:
    """Node → whether it should have a Pod. A node that is taken out of scheduling keeps what it has."""
    spec = owner["spec"]["template"].get("spec") or {}
    pod = {"spec": {**spec, "tolerations": _tolerations(spec)}}
    return {objects.name(node): _fit(pod, node) for node in nodes}


def _fit(pod: JSON, node: JSON) -> Fit:
    """By name, selector, affinity and taints."""
    if pod["spec"].get("nodeName") not in (None, "", objects.name(node)):
        return Fit(False, False)
    if not node_affinity.required_matches(pod, node):
        return Fit(False, False)
    if _tolerates(pod, taints.of_effect(node, "NoSchedule", "NoExecute")):
        return Fit(True, True)
    return Fit(False, _tolerates(pod, taints.of_effect(node, "NoExecute")))


def _tolerates(pod: JSON, listed: Sequence[JSON]) -> bool:
    return all(taints.tolerated(pod, taint) for taint in listed)


def is_updated(pod: JSON, owner: JSON, hashed: str) -> bool:
    """Whether the Pod is of the present template, by its revision or by the template's generation."""
    labels = objects.labels(pod)
    if labels.get(controller_revisions.POD_LABEL) == hashed:
        return True
    return bool(labels.get(GENERATION_LABEL) == str(daemon_set.template_generation(owner)))


def oldest_first(listed: Sequence[JSON]) -> list[JSON]:
    """Pods that have a node first, then by age and name."""
    return sorted(
        listed,
        key=lambda pod: (not pod["spec"].get("nodeName"), objects.creation_timestamp(pod), objects.name(pod)),
    )
