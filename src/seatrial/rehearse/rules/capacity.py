"""Rules about room: what the surge needs at its peak, and what quotas leave. CPU in cores, memory in bytes."""

from collections.abc import Mapping
from fractions import Fraction

from seatrial.api.registry import PODS, RESOURCE_QUOTAS
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads import pod_resources, pods, rolling

RESOURCES = ("cpu", "memory")
_STEPS = {"cpu": Fraction(1, 100), "memory": Fraction(2**20)}


def surge_needs_more_than_a_node_has(case: Case) -> Found:
    """At the end of the rehearsal no node could take one more Pod beside those that run."""
    if not case.rolls or rolling.limits(case.spec).max_surge == 0 or _only_grows_too_far(case):
        return
    room = free(case)
    for resource, need in requests(case.newest_pod_spec).items():
        best = max((left[resource] for left in room.values()), default=Fraction())
        if need > best:
            short = shown(resource, need - best)
            yield (
                f"a surge Pod needs {shown(resource, need)} {resource}, {short} more than any node has left",
                (case.name,),
                "set maxSurge 0 and maxUnavailable 1, or add a node",
            )


def _only_grows_too_far(case: Case) -> bool:
    """Then that is what is said, and a surge is not what it is about."""
    return not case.counts.complete and not case.replaces


def quota_reached(case: Case) -> Found:
    """A quota that has no room for one Pod more than the workload has."""
    if not case.rolls or rolling.limits(case.spec).max_surge == 0:
        return
    wanted = {"pods": Fraction(1)}
    for resource, amount in requests(case.pod_spec).items():
        wanted |= {resource: amount, f"requests.{resource}": amount}
    for quota in case.there(RESOURCE_QUOTAS):
        status = quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        tight = [
            f"{name} {used.get(name, 0)} of {hard[name]}"
            for name, need in wanted.items()
            if name in hard and quantity.parse(used.get(name, 0)) + need > quantity.parse(hard[name])
        ]
        if tight:
            yield (
                f"resourcequota/{objects.name(quota)} has no room for a surge Pod: {', '.join(tight)} used",
                (f"resourcequota/{objects.name(quota)}", case.name),
                "raise the quota, or set maxSurge 0 and maxUnavailable 1",
            )


def requests(pod_spec: JSON) -> Mapping[str, Fraction]:
    """What the scheduler reserves for one Pod, its overhead included."""
    found = pod_resources.total(pod_spec, _asked)
    pod_resources.add(found, _amounts(pod_spec.get("overhead") or {}))
    return {name: found[name] for name in RESOURCES if found.get(name)}


def _asked(container: JSON) -> dict[str, Fraction]:
    return _amounts(objects.get(container, "resources", "requests", default={}))


def _amounts(given: JSON) -> dict[str, Fraction]:
    return {name: quantity.parse(given[name]) for name in RESOURCES if name in given}


def free(case: Case) -> Mapping[str, dict[str, Fraction]]:
    """What each node that takes Pods has left for the workload's, which may preempt those of a lower priority."""
    priority = int(case.newest_pod_spec.get("priority") or 0)
    left = {objects.name(node): {name: allocatable(node, name) for name in RESOURCES} for node in case.open_nodes}
    for pod in case.course.all(PODS):
        node_left = left.get(pod["spec"].get("nodeName") or "")
        stays = int(pod["spec"].get("priority") or 0) >= priority
        if node_left is not None and stays and not pods.is_finished(pod):
            for name, amount in requests(pod["spec"]).items():
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
