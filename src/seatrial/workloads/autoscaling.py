"""How many Pods a metric asks for: the arithmetic of the horizontal Pod autoscaler, without its memory.

Follows pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go (1.32). Amounts are thousandths.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, times
from seatrial.workloads import pods as pod_facts

TOLERANCE = 0.1
INITIALIZATION_SECONDS = 300.0
READINESS_DELAY_SECONDS = 30.0


_NO_SAMPLES = "did not receive metrics for targeted pods (pods might be unready)"


class CannotTell(Exception):
    """Why the metric says nothing; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a Pod used: thousandths, measured at `at` (seconds since 1970) over the `window` (seconds) before."""

    milli: int
    at: float
    window: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """`average`: per Pod, in thousandths; `utilization`: in percent of the request, where that was the target."""

    replicas: int
    average: int
    utilization: int | None = None


Samples = Mapping[str, Sample]
"""By name of the Pod."""


@dataclass
class _Groups:
    """Pods by what their samples are worth: `usable` ones, `ignored` (not ready yet), `missing` a sample."""

    ready: int
    usable: dict[str, int]
    ignored: list[str]
    missing: list[str]


def by_utilization(
    current: int,
    target_percent: int,
    resource: str,
    pods: Iterable[JSON],
    samples: Samples,
    now: float,
    container: str = "",
) -> Proposal:
    """So many that each uses the share of its request, or of one container's (GetResourceReplicas)."""
    listed = _require(pods)
    groups = _group(listed, samples, resource, now)
    requests = {objects.name(pod): _request(pod, resource, container) for pod in listed}
    if not groups.usable:
        raise CannotTell(_NO_SAMPLES)
    measured = {name: requests[name] for name in groups.usable}
    if not sum(measured.values()):
        raise CannotTell("no metrics returned matched known pods")

    def ratio(values: Mapping[str, int]) -> float:
        return int(100 * sum(values.values()) / sum(requests[name] for name in values)) / target_percent

    used = sum(groups.usable.values())
    utilization = int(100 * used / sum(measured.values()))
    replicas = _replicas(current, groups, ratio, requests, idle_at_target=False)
    return Proposal(replicas, used // len(groups.usable), utilization)


def by_average(
    current: int, target_milli: int, resource: str, pods: Iterable[JSON], samples: Samples, now: float
) -> Proposal:
    """So many that each uses as much (calcPlainMetricReplicas). `resource` "": another metric."""
    listed = _require(pods)
    groups = _group(listed, samples, resource, now)
    if not groups.usable:
        raise CannotTell(_NO_SAMPLES)
    full = dict.fromkeys((objects.name(pod) for pod in listed), target_milli)

    def ratio(values: Mapping[str, int]) -> float:
        return sum(values.values()) // len(values) / target_milli

    replicas = _replicas(current, groups, ratio, full, idle_at_target=True)
    return Proposal(replicas, sum(groups.usable.values()) // len(groups.usable))


def by_value(current: int, ready: int, value_milli: int, target_milli: int) -> Proposal:
    """In proportion to one value for all Pods together (getUsageRatioReplicaCount)."""
    ratio = value_milli / target_milli
    if not current:
        return Proposal(math.ceil(ratio), value_milli)
    return Proposal(current if _is_near(ratio) else math.ceil(ratio * ready), value_milli)


def by_share_of_value(counted: int, value_milli: int, target_milli: int) -> Proposal:
    """So many that each has its share of one value (GetExternalPerPodMetricReplicas). `counted`: those there are."""
    near = counted > 0 and _is_near(value_milli / (target_milli * counted))
    replicas = counted if near else math.ceil(value_milli / target_milli)
    return Proposal(replicas, math.ceil(value_milli / counted) if counted else value_milli)


def count_ready(pods: Iterable[JSON]) -> int:
    """Running and ready ones."""
    return sum(_phase(pod) == "Running" and pod_facts.is_ready(pod) for pod in _require(pods))


def _require(pods: Iterable[JSON]) -> list[JSON]:
    listed = list(pods)
    if not listed:
        raise CannotTell("no pods returned by selector while calculating replica count")
    return listed


def _replicas(
    current: int,
    groups: _Groups,
    ratio: Callable[[Mapping[str, int]], float],
    full: Mapping[str, int],
    *,
    idle_at_target: bool,
) -> int:
    """Pods without a word are taken to use everything on the way down and nothing on the way up.

    `idle_at_target`: nothing, too, where the others are exactly at the target (calcPlainMetricReplicas alone).
    """
    wanted = ratio(groups.usable)
    unready_count = bool(groups.ignored) and wanted > 1
    if not unready_count and not groups.missing:
        return current if _is_near(wanted) else math.ceil(wanted * groups.ready)
    assumed = dict(groups.usable)
    if wanted < 1:
        assumed.update({name: full[name] for name in groups.missing})
    elif wanted > 1 or idle_at_target:
        assumed.update(dict.fromkeys(groups.missing, 0))
    if unready_count:
        assumed.update(dict.fromkeys(groups.ignored, 0))
    careful = ratio(assumed)
    if _is_near(careful) or (wanted < 1 < careful) or (careful < 1 < wanted):
        return current
    replicas = math.ceil(careful * len(assumed))
    if (careful < 1 and replicas > current) or (careful > 1 and replicas < current):
        return current
    return replicas


def _is_near(ratio: float) -> bool:
    return abs(1 - ratio) <= TOLERANCE


def _group(pods: Iterable[JSON], samples: Samples, resource: str, now: float) -> _Groups:
    groups = _Groups(0, {name: sample.milli for name, sample in samples.items()}, [], [])
    for pod in pods:
        name = objects.name(pod)
        if objects.is_terminating(pod) or _phase(pod) == "Failed":
            groups.usable.pop(name, None)
        elif _phase(pod) == "Pending":
            groups.ignored.append(name)
        elif name not in samples:
            groups.missing.append(name)
        elif resource == "cpu" and _is_starting(pod, samples[name], now):
            groups.ignored.append(name)
        else:
            groups.ready += 1
    for name in groups.ignored:
        groups.usable.pop(name, None)
    return groups


def _is_starting(pod: JSON, sample: Sample, now: float) -> bool:
    """Whether what it uses now says nothing of what it will use."""
    ready = pod_facts.ready_condition(pod)
    started = (pod.get("status") or {}).get("startTime")
    if ready is None or not started:
        return True
    changed = times.parse_time(ready["lastTransitionTime"])
    unready = ready["status"] == "False"
    began = times.parse_time(started)
    if began + INITIALIZATION_SECONDS > now:
        return unready or sample.at < changed + sample.window
    return unready and began + READINESS_DELAY_SECONDS > changed


def _request(pod: JSON, resource: str, only: str) -> int:
    """Of all containers and sidecars together, or of one of them (calculatePodRequests)."""
    spec, total = pod["spec"], 0
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        if only and container["name"] != only:
            continue
        asked = ((container.get("resources") or {}).get("requests") or {}).get(resource)
        if asked is None:
            where = f"container {container['name']} of Pod {objects.name(pod)}"
            raise CannotTell(f"missing request for {resource} in {where}")
        total += quantity.milli(asked)
    return total


def _phase(pod: JSON) -> str:
    return (pod.get("status") or {}).get("phase") or ""
