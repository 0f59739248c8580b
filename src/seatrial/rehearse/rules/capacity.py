"""Rules about room: what the surge needs at its peak, and what quotas leave. CPU in cores, memory in bytes."""

from collections.abc import Mapping
from fractions import Fraction

from seatrial.api.registry import PODS, RESOURCE_QUOTAS
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse.rules import places
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads import pod_resources, pods, quota, rolling

RESOURCES = ("cpu", "memory")
COUNT = "pods"
_STEPS = {"cpu": Fraction(1, 100), "memory": Fraction(2**20)}


def surge_needs_more_than_a_node_has(case: Case) -> Found:
    """At the end of the rehearsal no node that may take it could take one more Pod beside those that run."""
    if not _surges(case):
        return
    room = free(case)
    for resource, need in _needs(case.newest_pod_spec).items():
        best = max((left[resource] for left in room.values()), default=Fraction())
        if room and need > best:
            yield _short(resource, need, best), (case.name,)


def _short(resource: str, need: Fraction, best: Fraction) -> str:
    if resource == COUNT:
        return "a surge Pod finds no node that takes one Pod more, whatever it asks for"
    missing = shown(resource, need - best)
    return f"a surge Pod needs {shown(resource, need)} {resource}, {missing} more than any node has left"


def _surges(case: Case) -> bool:
    """Whether old and new Pods are side by side in this update: a workload that is only scaled has no surge."""
    return case.rolls and case.has_rolled and rolling.limits(case.spec).max_surge > 0


def quota_reached(case: Case) -> Found:
    """A quota of the workload's Pods that has no room for one more than there are."""
    if _surges(case):
        yield from full_quotas(case)


def full_quotas(case: Case) -> Found:
    """Where the workload's next Pod would be one too many."""
    pod: JSON = {"metadata": {}, "spec": case.newest_pod_spec}
    for obj in case.there(RESOURCE_QUOTAS):
        status = obj.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        over = quota.exceeded(_with_one_more(obj, used, pod, case.now), hard)
        if over:
            name = f"resourcequota/{objects.name(obj)}"
            tight = ", ".join(f"{each} {used.get(each, 0)} of {hard[each]}" for each in over)
            yield (
                f"{name} has no room for a surge Pod: {tight} used",
                (name, case.name),
            )


def _with_one_more(obj: JSON, used: JSON, pod: JSON, now: float) -> Mapping[str, str]:
    """What would be used of what the quota counts of such a Pod."""
    measure = quota.evaluator(PODS)
    assert measure is not None
    more = measure.usage(pod, now)
    counted = {name: more[name] for name in quota.concerns(measure, obj, pod) if name in more}
    return quota.added({name: str(used.get(name, "0")) for name in counted}, counted)


def requests(pod_spec: JSON) -> Mapping[str, Fraction]:
    """What the scheduler reserves for one Pod, its overhead included."""
    found = pod_resources.total(pod_spec, _asked)
    pod_resources.add(found, _amounts(pod_spec.get("overhead") or {}))
    return {name: found[name] for name in RESOURCES if found.get(name)}


def _asked(container: JSON) -> dict[str, Fraction]:
    return _amounts(objects.get(container, "resources", "requests", default={}))


def _amounts(given: JSON) -> dict[str, Fraction]:
    return {name: quantity.parse(given[name]) for name in RESOURCES if name in given}


def _needs(pod_spec: JSON) -> Mapping[str, Fraction]:
    return {**requests(pod_spec), COUNT: Fraction(1)}


def free(case: Case) -> Mapping[str, dict[str, Fraction]]:
    """What each node that may take the workload's Pods has left for them: they preempt those of a lower priority."""
    priority = int(case.newest_pod_spec.get("priority") or 0)
    left = {
        objects.name(node): {name: allocatable(node, name) for name in (*RESOURCES, COUNT)}
        for node in places.eligible(case)
    }
    for pod in case.course.all(PODS):
        node_left = left.get(pod["spec"].get("nodeName") or "")
        stays = int(pod["spec"].get("priority") or 0) >= priority
        if node_left is not None and stays and not pods.is_finished(pod):
            for name, amount in _needs(pod["spec"]).items():
                node_left[name] -= amount
    return left


def allocatable(node: JSON, resource: str) -> Fraction:
    return quantity.parse(objects.get(node, "status", "allocatable", resource, default=0))


def rounded(resource: str, amount: Fraction) -> Fraction:
    """Down to what people write: 10m, 1Mi."""
    return amount // _STEPS[resource] * _STEPS[resource]


def shown(resource: str, amount: Fraction) -> str:
    """`500m`, `2`, `1.5Gi`."""
    value = float(amount)
    if resource == "cpu":
        return f"{value:g}" if value >= 1 else f"{round(value * 1000)}m"
    return f"{value / 2**30:.3g}Gi" if value >= 2**30 else f"{value / 2**20:.3g}Mi"
