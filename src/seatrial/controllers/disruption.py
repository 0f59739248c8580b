"""Keeps the status of every PodDisruptionBudget: how many of its Pods are healthy, and how many may be evicted.

Mirrors pkg/controller/disruption/disruption.go of release 1.32.

- maxUnavailable and percentages count from the scale of the Pods' controllers; Pods without a controller are left out.
- An eviction that was allowed counts as a disruption until its Pod is seen to be deleted, for at most two minutes.
- A budget that can't be worked out allows nothing, and says why in its condition.
- differs: controllers of Pods are looked up in caches, so kinds that aren't served have no scale; a Pod's condition
  DisruptionTarget is not taken back when the Pod is not deleted after all.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api import registry
from seatrial.api.registry import (
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from seatrial.base.types import JSON, Key
from seatrial.machinery import go_format, objects, selectors, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Decision, Event
from seatrial.workloads import disruption

_SCALED = (REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS)
_SETTLE_SECONDS = 0.02
"""Many Pods of a budget change together; they are looked at once."""


@dataclass(frozen=True)
class View:
    """A budget, the Pods it guards, how many their controllers want, and why that can't be told, if so.

    `unmanaged`: there are Pods without a controller, which the scale leaves out.
    """

    budget: JSON
    pods: tuple[JSON, ...]
    scale: int = 0
    problem: str = ""
    unmanaged: bool = False


async def gather(key: Key, cache: CacheReader) -> View | None:
    budget = cache.get(POD_DISRUPTION_BUDGETS, key)
    if budget is None:
        return None
    selector = selectors.from_label_selector((budget.get("spec") or {}).get("selector"))
    guarded = tuple(pod for pod in cache.list(PODS, key[0]) if selector.matches(objects.labels(pod)))
    if not guarded or not disruption.needs_scale(budget["spec"]):
        return View(budget, guarded)
    scales: dict[str, int] = {}
    for pod in guarded:
        owner = objects.controller_of(pod)
        if owner is None or owner["uid"] in scales:
            continue
        found = _controller(pod, owner, cache)
        if isinstance(found, str):
            return View(budget, guarded, problem=found)
        scales[objects.uid(found)] = (found.get("spec") or {}).get("replicas", 1)
    unmanaged = any(objects.controller_of(pod) is None for pod in guarded)
    return View(budget, guarded, sum(scales.values()), unmanaged=unmanaged)


def _controller(pod: JSON, owner: JSON, cache: CacheReader) -> JSON | str:
    """What decides how many of this Pod there are: its controller, or that one's Deployment; or what is wrong.

    A ReplicaSet that something else controls, or a Deployment that isn't there, counts itself.
    """
    group, _, version = owner["apiVersion"].rpartition("/")
    resource = registry.for_kind(group, version, owner["kind"])
    if resource is not None and resource not in _SCALED:
        return f"{resource.plural}{'.' * bool(group)}{group} does not implement the scale subresource"
    if resource is None:
        return f'no matches for kind "{owner["kind"]}" in version "{owner["apiVersion"]}"'
    namespace = objects.namespace(pod)
    found = cache.get(resource, (namespace, owner["name"]))
    if found is None or objects.uid(found) != owner["uid"]:
        return f'found no controllers for pod "{objects.name(pod)}"'
    above = objects.controller_of(found) if resource is REPLICA_SETS else None
    if above is None or above["kind"] != DEPLOYMENTS.kind:
        return found
    deployment = cache.get(DEPLOYMENTS, (namespace, above["name"]))
    return found if deployment is None or objects.uid(deployment) != above["uid"] else deployment


def decide(view: View, now: float) -> Decision:
    budget = view.budget
    told: list[Event] = []
    if not view.pods:
        told.append(Event(budget, "Normal", "NoPods", "No matching pods found"))
    if view.problem:
        text = f"Failed to calculate the number of expected pods: {view.problem}"
        told.append(Event(budget, "Warning", "CalculateExpectedPodCountFailed", text))
        return Decision(tuple(told), _changed(budget, disruption.failed(budget, view.problem, now)))
    if view.unmanaged:
        told.append(Event(budget, "Warning", "UnmanagedPods", _unmanaged(budget)))
    disrupted, overdue, look_again = _disrupted(view, now)
    goal = _goal(view)
    healthy = disruption.healthy(view.pods, disrupted, now)
    allowed = max(healthy - goal.desired, 0) if goal.expected > 0 else 0
    status: JSON = {
        "observedGeneration": objects.generation(budget),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": goal.desired,
        "expectedPods": goal.expected,
        "conditions": (budget.get("status") or {}).get("conditions") or [],
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    status = disruption.with_condition(status, now)
    return Decision((*told, *overdue), _changed(budget, status), look_again)


def _unmanaged(budget: JSON) -> str:
    selector = go_format.label_selector(budget["spec"].get("selector"))
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, "
        "the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for "
        'these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


def _goal(view: View) -> disruption.Goal:
    spec = view.budget["spec"]
    if disruption.needs_scale(spec):
        return disruption.by_scale(spec, view.scale)
    if spec.get("minAvailable") is not None:
        return disruption.Goal(len(view.pods), spec["minAvailable"])
    return disruption.Goal(0, 0)


def _disrupted(view: View, now: float) -> tuple[dict[str, str], list[Event], float | None]:
    """Pods whose deletion is still to come; those where it has not come in time; when to look again."""
    noted = (view.budget.get("status") or {}).get("disruptedPods") or {}
    kept: dict[str, str] = {}
    overdue: list[Event] = []
    for pod in view.pods:
        name = objects.name(pod)
        if name not in noted or objects.is_terminating(pod):
            continue
        if disruption.evicted_recently(noted, name, now):
            kept[name] = noted[name]
        else:
            budget = "/".join(objects.key(view.budget))
            text = f"Pod was expected by PDB {budget} to be deleted but it wasn't"
            overdue.append(Event(pod, "Warning", "NotDeleted", text))
    soonest = min((times.parse_time(moment) for moment in kept.values()), default=None)
    return kept, overdue, None if soonest is None else max(soonest + disruption.DELETION_SECONDS - now, 0.0)


def _changed(budget: JSON, status: JSON) -> JSON | None:
    return None if budget.get("status") == status else objects.with_status(budget, status)


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _guarding(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """Budgets that the Pod belongs to, or belonged to."""
    pod = new if new is not None else old
    if pod is None:
        return
    for budget in cache.list(POD_DISRUPTION_BUDGETS, objects.namespace(pod)):
        selector = selectors.from_label_selector((budget.get("spec") or {}).get("selector"))
        if any(each is not None and selector.matches(objects.labels(each)) for each in (old, new)):
            yield objects.key(budget)


CONTROLLER = Controller(
    name="disruption",
    primary=POD_DISRUPTION_BUDGETS,
    watches=(
        Watch(POD_DISRUPTION_BUDGETS, _own_key),
        Watch(PODS, _guarding, delay_seconds=_SETTLE_SECONDS),
    ),
    reads=(DEPLOYMENTS, *_SCALED),
    gather=gather,
    decide=decide,
    event_source="controllermanager",
)
