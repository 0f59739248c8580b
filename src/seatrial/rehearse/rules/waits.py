"""What a workload waits for though no event tells it: gates, nodes that are silent or not there, a refused ReplicaSet.

Pure.
"""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import NODES
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse.rules.base import Case
from seatrial.workloads.conditions import CREATE_FAILED, PROGRESSING

Seen = tuple[str, str, tuple[str, ...]]
"""(rule, message, objects) of what stands in the way."""


def refused_set(case: Case) -> Iterator[Seen]:
    """A Deployment that may not even make its ReplicaSet."""
    progressing = conditions.find(case.obj, PROGRESSING) or {}
    if progressing.get("reason") == CREATE_FAILED:
        message = str(progressing.get("message", ""))
        rule = "quota-reached" if "exceeded quota" in message else "pods-refused"
        yield rule, f"no ReplicaSet can be created: {message}", (case.name,)


def of_pods(case: Case, pods: Sequence[JSON]) -> Iterator[Seen]:
    """One line for each of the Pods that waits for such a thing."""
    nodes = {objects.name(node): node for node in case.course.all(NODES)}
    for pod in pods:
        name = objects.name(pod)
        for rule, message, others in _of_pod(pod, nodes):
            yield rule, f"pod {name} {message}", (f"pod/{name}", case.name, *others)


def _of_pod(pod: JSON, nodes: dict[str, JSON]) -> Iterator[Seen]:
    """At most one."""
    node = str(pod["spec"].get("nodeName") or "")
    ready = conditions.find(pod, "Ready") or {}
    if (conditions.find(pod, "PodScheduled") or {}).get("reason") == "SchedulingGated":
        gates = ", ".join(str(each.get("name")) for each in pod["spec"].get("schedulingGates") or ())
        yield "scheduling-gate", f"waits for its scheduling gate {gates}: nobody takes it off", ()
    elif node and node not in nodes:
        yield "node-missing", f"is for node {node} (spec.nodeName), and there is no such node", ()
    elif node and not conditions.is_true(nodes[node], "Ready") and ready.get("status") != "True":
        yield "node-not-ready", f"is on {node}, and the node does not report any more", (f"node/{node}",)
    elif ready.get("reason") == "ReadinessGatesNotReady":
        gates = ", ".join(closed_gates(pod))
        yield "readiness-gate", f"waits for its readiness gate {gates}: its containers are ready", ()


def closed_gates(pod: JSON) -> list[str]:
    """The readiness gates that nobody has set to True."""
    gates = (str(each["conditionType"]) for each in pod["spec"].get("readinessGates") or ())
    return [gate for gate in gates if not conditions.is_true(pod, gate)]
