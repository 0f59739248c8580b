"""Remedies for Pods that have to go before anything else can happen.

Pods that the rehearsal made have other names outside of it: where a command has to name them, it chooses them by what
they are. A StatefulSet's Pods have their names everywhere.
"""

import shlex
from collections.abc import Iterator, Sequence

from seatrial.api.registry import NODES, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case
from seatrial.rollout import newest
from seatrial.workloads import taints

NOTICED_SECONDS = 5.0
"""How long after a node is known to be silent, in whole seconds, it has its taints, and the scheduler passes it by."""
_FREEING = ("stuck-ordinal", "pod-does-not-end", "finalizer")


def of(case: Case, causes: Sequence[Finding], *, made_up: bool, seconds: float) -> Iterator[Remedy]:
    """`seconds`: when it is clear that they have to go."""
    unnamed = made_up and case.target.resource is not STATEFUL_SETS
    there = {f"pod/{objects.name(life.pod)}": life.pod for life in case.lives if not life.is_new}
    named = {rule: [name for cause in causes if cause.rule == rule for name in cause.objects] for rule in _FREEING}
    where = case.target.namespace
    for pod in named["stuck-ordinal"]:
        if pod in there:
            yield Remedy(f"{pod} deleted", pod, where, action="delete", after=seconds)
    silent = _silent_since(case)
    lost = [pod for pod in named["pod-does-not-end"] if pod in there and there[pod]["spec"].get("nodeName") in silent]
    if lost:
        nodes = {str(there[pod]["spec"]["nodeName"]) for pod in lost}
        known = max(seconds, *(silent[node] + NOTICED_SECONDS for node in nodes))
        yield _forced(case, lost, there, unnamed, known)
        yield from _out_of_service(case, nodes, known)
    kept = [pod for pod, obj in there.items() if objects.finalizers(obj)] if named["finalizer"] else []
    if kept:
        title = f"the finalizers of {'the old Pods' if unnamed else ', '.join(kept)} taken off"
        said = _each(case, "'" + '{"metadata": {"finalizers": null}}' + "'") if unnamed else ""
        patch: JSON = {"metadata": {"finalizers": None}}
        yield Remedy(title, kept[0], where, patch, also=tuple(kept[1:]), after=seconds, said=said)


def _forced(case: Case, lost: Sequence[str], there: dict[str, JSON], unnamed: bool, seconds: float) -> Remedy:
    nodes = sorted({str(there[pod]["spec"]["nodeName"]) for pod in lost})
    whose = f"the Pod{'s' if len(lost) > 1 else ''} on {', '.join(nodes)}" if unnamed else ", ".join(lost)
    said = ""
    if unnamed:
        said = " && ".join(
            f"kubectl delete pods {_chosen(case)} --field-selector=spec.nodeName={node} --grace-period=0 --force"
            for node in nodes
        )
    return Remedy(
        f"{whose} forced away",
        lost[0],
        case.target.namespace,
        action="force-delete",
        also=tuple(lost[1:]),
        after=seconds,
        said=said,
    )


def _out_of_service(case: Case, lost: set[str], seconds: float) -> Iterator[Remedy]:
    """Nodes that are gone for good: their Pods go, and their volumes at once."""
    for node in case.course.all(NODES):
        name = objects.name(node)
        if name in lost:
            taint = {"key": taints.OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
            patch: JSON = {"spec": {"taints": [*taints.of_node(node), taint]}}
            said = f"kubectl taint node {name} {taints.OUT_OF_SERVICE}=nodeshutdown:NoExecute"
            yield Remedy(f"node/{name} out of service", f"node/{name}", "", patch, after=seconds, said=said)


def _each(case: Case, patch: str) -> str:
    """One patch for each Pod: kubectl patches by name only."""
    there = f"kubectl get pods {_chosen(case)} -o name"
    return f"{there} | xargs -I NAME kubectl patch NAME -n {case.target.namespace} --type=merge -p {patch}"


def _chosen(case: Case) -> str:
    return f"-n {case.target.namespace} -l {shlex.quote(newest.selector_of(case.obj))}"


def _silent_since(case: Case) -> dict[str, float]:
    """The nodes that do not report any more, and since when that is known, in seconds after the change."""
    ready = {objects.name(node): conditions.find(node, "Ready") or {} for node in case.course.all(NODES)}
    return {
        name: times.parse_time(each["lastTransitionTime"]) - case.course.began if "lastTransitionTime" in each else 0.0
        for name, each in ready.items()
        if each.get("status") != "True"
    }
