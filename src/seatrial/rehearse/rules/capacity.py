"""Rules about room: what the surge needs at its peak, and what quotas leave."""

from collections.abc import Mapping
from fractions import Fraction

from seatrial.api.registry import NODES, PODS, RESOURCE_QUOTAS
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads import pod_resources, pods, rolling


def surge_needs_more_than_a_node_has(case: Case) -> Found:
    """At the end of the rehearsal no node could take one more Pod beside those that run."""
    if not case.rolls or rolling.limits(case.spec).max_surge == 0:
        return
    wanted = requests(case.pod_spec)
    if not wanted:
        return
    free = _free(case)
    for resource, need in wanted.items():
        best = max((left[resource] for left in free.values()), default=0.0)
        if need and need > best:
            short = shown(resource, need - best)
            yield (
                f"a surge Pod needs {shown(resource, need)} {resource}, {short} more than any node has left",
                (case.name,),
                "set maxSurge 0 and maxUnavailable 1, or add a node",
            )


def quota_reached(case: Case) -> Found:
    """A quota that has no room for one Pod more than the workload has."""
    if not case.rolls or rolling.limits(case.spec).max_surge == 0:
        return
    wanted = {"pods": 1.0}
    for resource, amount in requests(case.pod_spec).items():
        wanted |= {resource: amount, f"requests.{resource}": amount}
    for quota in case.there(RESOURCE_QUOTAS):
        status = quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        tight = [
            f"{name} {used.get(name, 0)} of {hard[name]}"
            for name, need in wanted.items()
            if name in hard and _number(used.get(name, 0)) + need > _number(hard[name])
        ]
        if tight:
            yield (
                f"resourcequota/{objects.name(quota)} has no room for a surge Pod: {', '.join(tight)} used",
                (f"resourcequota/{objects.name(quota)}", case.name),
                "raise the quota, or set maxSurge 0 and maxUnavailable 1",
            )


def requests(pod_spec: JSON) -> Mapping[str, float]:
    """What the scheduler reserves for one Pod: cpu in cores, memory in bytes."""
    found = pod_resources.total(pod_spec, _asked)
    return {name: float(found[name]) for name in ("cpu", "memory") if found.get(name)}


def _asked(container: JSON) -> dict[str, Fraction]:
    asked = objects.get(container, "resources", "requests", default={})
    return {name: quantity.parse(asked[name]) for name in ("cpu", "memory") if name in asked}


def _free(case: Case) -> Mapping[str, dict[str, float]]:
    """What each node that takes Pods has left."""
    left: dict[str, dict[str, float]] = {}
    for node in filter(_takes, case.course.all(NODES)):
        allocatable = objects.get(node, "status", "allocatable", default={})
        left[objects.name(node)] = {name: _number(allocatable.get(name, 0)) for name in ("cpu", "memory")}
    for pod in case.course.all(PODS):
        node_left = left.get(pod["spec"].get("nodeName") or "")
        if node_left is not None and not pods.is_finished(pod):
            for name, amount in requests(pod["spec"]).items():
                node_left[name] -= amount
    return left


def _takes(node: JSON) -> bool:
    return not objects.get(node, "spec", "unschedulable", default=False)


def _number(value: object) -> float:
    return float(quantity.parse(str(value)))


def shown(resource: str, amount: float) -> str:
    """`500m`, `2`, `1.5Gi`."""
    if resource == "cpu":
        return f"{amount:g}" if amount >= 1 else f"{round(amount * 1000)}m"
    return f"{amount / 2**30:.3g}Gi" if amount >= 2**30 else f"{amount / 2**20:.3g}Mi"
