"""What would mend an update that hangs: patches and deletions that can be done as they are. Pure; others rehearse them.

Only Pods that are there before the change are named: those that it makes have other names outside of the rehearsal.
"""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import NODES, POD_DISRUPTION_BUDGETS, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case

NO_ROOM = frozenset({
    "no-room", "anti-affinity", "topology-spread", "host-port-taken", "quota-reached", "volume-locked", "multi-attach",
    "volume-not-mounted", "volume-elsewhere", "unschedulable",
})  # fmt: skip
_FREEING = ("stuck-ordinal", "pod-does-not-end", "finalizer")
_CORDONED = "were unschedulable"
"""What the scheduler says of cordoned nodes."""
MOST = 3


def proposals(cases: Sequence[Case], causes: Sequence[Finding], *, made_up: bool = False) -> list[Remedy]:
    """The most promising first, each once. `made_up`: Pods have names that only the rehearsal gave them."""
    rules = {cause.rule for cause in causes}
    found: dict[str, Remedy] = {}
    for case in cases:
        for one in (
            *_of_workload(case, rules),
            *_named(case, causes, made_up),
            *_of_budgets(case, rules),
            *_of_nodes(case, causes),
        ):
            found.setdefault(f"{one.object} {one.title}", one)
    return list(found.values())[:MOST]


def _of_workload(case: Case, rules: set[str]) -> Iterator[Remedy]:
    def propose(title: str, spec: JSON) -> Remedy:
        return Remedy(title, case.name, case.target.namespace, {"spec": spec})

    if case.rolls and case.replaces and rules & NO_ROOM:
        limits: JSON = {"maxSurge": 0, "maxUnavailable": 1}
        yield propose("maxSurge 0", {"strategy": {"type": "RollingUpdate", "rollingUpdate": limits}})
        yield propose("strategy Recreate", {"strategy": {"type": "Recreate", "rollingUpdate": None}})
    if "paused" in rules:
        yield propose("it resumed", {"paused": False})
    if "partition" in rules:
        yield propose("partition 0", {"updateStrategy": {"rollingUpdate": {"partition": 0}}})
    if "on-delete" in rules:
        yield propose("RollingUpdate", {"updateStrategy": {"type": "RollingUpdate"}})


def _named(case: Case, causes: Sequence[Finding], made_up: bool) -> Iterator[Remedy]:
    """Remedies that name Pods: where the names are true, as a StatefulSet's always are."""
    if not made_up or case.target.resource is STATEFUL_SETS:
        yield from _of_pods(case, causes)


def _of_pods(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """Pods that have to go before anything else can happen."""
    there = {f"pod/{objects.name(life.pod)}": life.pod for life in case.lives if not life.is_new}
    named = {rule: [name for cause in causes if cause.rule == rule for name in cause.objects] for rule in _FREEING}
    for pod in named["stuck-ordinal"]:
        if pod in there:
            yield Remedy(f"{pod} deleted", pod, case.target.namespace, action="delete")
    lost = [pod for pod in named["pod-does-not-end"] if pod in there and _was_silent(case, there[pod])]
    if lost:
        title = f"{', '.join(lost)} forced away"
        yield Remedy(title, lost[0], case.target.namespace, action="force-delete", also=tuple(lost[1:]))
    kept = [pod for pod, obj in there.items() if objects.finalizers(obj)] if named["finalizer"] else []
    if kept:
        patch = {"metadata": {"finalizers": None}}
        title = f"the finalizers of {', '.join(kept)} taken off"
        yield Remedy(title, kept[0], case.target.namespace, patch, also=tuple(kept[1:]))


def _was_silent(case: Case, pod: JSON) -> bool:
    """Whether its node had not reported before the change either."""
    name = pod["spec"].get("nodeName")
    return any(
        objects.name(node) == name and not conditions.is_true(node, "Ready") for node in case.course.at_first(NODES)
    )


def _of_nodes(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """Nodes that were cordoned before the change, where the scheduler misses them."""
    if any(_CORDONED in cause.message for cause in causes):
        for node in case.course.at_first(NODES):
            if objects.get(node, "spec", "unschedulable"):
                name = f"node/{objects.name(node)}"
                yield Remedy(f"{name} uncordoned", name, "", {"spec": {"unschedulable": None}})


def _of_budgets(case: Case, rules: set[str]) -> Iterator[Remedy]:
    if "drain-refused" in rules:
        for budget in case.there(POD_DISRUPTION_BUDGETS):
            spec = {"maxUnavailable": 1, "minAvailable": None}
            name = f"poddisruptionbudget/{objects.name(budget)}"
            yield Remedy("a budget that spares one Pod", name, case.target.namespace, {"spec": spec})
