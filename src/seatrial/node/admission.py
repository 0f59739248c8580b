"""Whether a node takes a Pod that was bound to it without a scheduler: the kubelet looks for itself.

Follows pkg/kubelet/lifecycle/predicate.go (1.32). A Pod that a scheduler has placed is not looked at again: that one
went by the same rules. Critical Pods make nobody go here.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.workloads import host_ports, node_affinity, pod_resources, taints

_REJECTED = "Pod was rejected: "
_ORDER = {"cpu": 0, "memory": 1, "ephemeral-storage": 2}


class Refusal(NamedTuple):
    """`reason` and `message` of the event; the Pod's status has the same reason."""

    reason: str
    message: str

    @property
    def status(self) -> JSON:
        """What the Pod's status says then, but for the time."""
        return {"phase": "Failed", "reason": self.reason, "message": f"{_REJECTED}{self.message}"}


def is_due(pod: JSON) -> bool:
    """Whether the Pod is new here, and nobody has looked whether it fits."""
    started = (pod.get("status") or {}).get("startTime")
    return not started and conditions.find(pod, "PodScheduled") is None


def was_refused(pod: JSON) -> bool:
    """Whether the status says that this Pod was never taken."""
    status = pod.get("status") or {}
    return status.get("phase") == "Failed" and (status.get("message") or "").startswith(_REJECTED)


def refusal(pod: JSON, node: JSON, others: Sequence[JSON]) -> Refusal | None:
    """The first reason not to take the Pod. `others`: the Pods that the node works on."""
    if objects.get(pod, "spec", "os", "name", default="linux") != "linux":
        return Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    return next(_refusals(pod, node, others), None)


def _refusals(pod: JSON, node: JSON, others: Sequence[JSON]) -> Iterator[Refusal]:
    yield from _shortages(pod, node, others)
    if not node_affinity.required_matches(pod, node):
        yield _failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    taken = [port for other in others for port in host_ports.of_pod(other)]
    if any(host_ports.clash(one, other) for one in host_ports.of_pod(pod) for other in taken):
        yield _failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    if taints.first_untolerated(pod, taints.of_effect(node, "NoExecute")) is not None:
        yield _failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")


def _failed(predicate: str, why: str) -> Refusal:
    return Refusal(predicate, f"Predicate {predicate} failed: {why}")


def _shortages(pod: JSON, node: JSON, others: Sequence[JSON]) -> Iterator[Refusal]:
    """Extended resources that the node does not know are somebody else's to see to."""
    given = pod_resources.amounts(objects.get(node, "status", "allocatable"))
    if len(others) + 1 > given.get("pods", 0):
        yield _out_of("pods", 1, len(others), given.get("pods", 0))
    used: dict[str, int] = {}
    for other in others:
        pod_resources.add(used, pod_resources.requested(other))
    asked = pod_resources.requested(pod).items()
    for name, amount in sorted(asked, key=lambda item: (_ORDER.get(item[0], 3), item[0])):
        known = name in given or "/" not in name
        if amount and known and amount > given.get(name, 0) - used.get(name, 0):
            yield _out_of(name, amount, used.get(name, 0), given.get(name, 0))


def _out_of(name: str, asked: int, used: int, given: int) -> Refusal:
    text = f"Node didn't have enough resource: {name}, requested: {asked}, used: {used}, capacity: {given}"
    return Refusal(f"OutOf{name}", text)
