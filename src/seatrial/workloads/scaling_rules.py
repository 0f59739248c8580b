"""How fast a workload may follow what its metrics ask for: stabilisation windows, policies, least and most.

Follows normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors of pkg/controller/podautoscaler/horizontal.go
(1.32). What happened before is given; nothing is remembered here.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from seatrial.base.types import JSON

DOWNSCALE_WINDOW_SECONDS = 300
UP_FACTOR, UP_MINIMUM = 2, 4


class Moment(NamedTuple):
    """Something that was so at a time: a recommendation, or by how much was scaled."""

    at: float
    number: int


class Told(NamedTuple):
    """Reason and message of a condition."""

    reason: str
    message: str


class Allowed(NamedTuple):
    """`able`: for AbleToScale; `limited`, `told`: for ScalingLimited."""

    replicas: int
    able: Told
    limited: bool
    told: Told


_READY = Told("ReadyForNewScale", "recommended size matches current size")
_DOWN_STABILIZED = Told(
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
_UP_STABILIZED = Told(
    "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation"
)
_WITHIN = Told("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FAST_UP = Told("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_FAST_DOWN = Told("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_TOO_MANY = Told("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW = Told("TooFewReplicas", "the desired replica count is less than the minimum replica count")


def allowed(
    spec: JSON, current: int, wanted: int, recommended: Sequence[Moment], scaled: Sequence[Moment], now: float
) -> Allowed:
    """`recommended`: what was wanted before; `scaled`: by how much, up or down, this autoscaler changed the size."""
    behavior = spec.get("behavior")
    if behavior is None:
        window = [each.number for each in recommended if each.at >= now - DOWNSCALE_WINDOW_SECONDS]
        steady = max([wanted, *window])
        able = _READY if steady == wanted else _DOWN_STABILIZED
        replicas, told = _by_default_rate(spec, current, steady)
    else:
        steady, able = _stabilized(behavior, current, wanted, recommended, now)
        replicas, told = _by_policies(spec, current, steady, scaled, now)
    return Allowed(replicas, able, replicas != steady, told)


def memory_seconds(spec: JSON) -> float:
    """For how long the past matters."""
    behavior = spec.get("behavior")
    if behavior is None:
        return DOWNSCALE_WINDOW_SECONDS
    rules = [behavior[direction] for direction in ("scaleUp", "scaleDown")]
    periods = [policy["periodSeconds"] for each in rules for policy in each["policies"]]
    return float(max(*(_window(each) for each in rules), *periods))


def _window(rules: JSON) -> int:
    seconds = rules.get("stabilizationWindowSeconds")
    return DOWNSCALE_WINDOW_SECONDS if seconds is None else int(seconds)


def _by_default_rate(spec: JSON, current: int, wanted: int) -> tuple[int, Told]:
    fastest = max(UP_FACTOR * current, UP_MINIMUM)
    most, told = (fastest, _TOO_FAST_UP) if spec["maxReplicas"] > fastest else (spec["maxReplicas"], _TOO_MANY)
    if wanted < spec["minReplicas"]:
        return spec["minReplicas"], _TOO_FEW
    return (most, told) if wanted > most else (wanted, _WITHIN)


def _stabilized(
    behavior: JSON, current: int, wanted: int, recommended: Sequence[Moment], now: float
) -> tuple[int, Told]:
    """The least that was wanted in the window for growing, but no less than is there; the most for shrinking."""
    least = most = wanted
    for each in recommended:
        if each.at > now - _window(behavior["scaleUp"]):
            least = min(least, each.number)
        if each.at > now - _window(behavior["scaleDown"]):
            most = max(most, each.number)
    steady = min(max(current, least), most)
    if steady == wanted:
        return steady, _READY
    return steady, _UP_STABILIZED if wanted >= current else _DOWN_STABILIZED


def _by_policies(spec: JSON, current: int, wanted: int, scaled: Sequence[Moment], now: float) -> tuple[int, Told]:
    behavior = spec["behavior"]
    if wanted > current:
        fastest = max(current, _limit(behavior["scaleUp"], current, scaled, now, up=True))
        most, told = (fastest, _TOO_FAST_UP) if spec["maxReplicas"] > fastest else (spec["maxReplicas"], _TOO_MANY)
        return (most, told) if wanted > most else (wanted, _WITHIN)
    if wanted < current:
        slowest = min(current, _limit(behavior["scaleDown"], current, scaled, now, up=False))
        least, told = (slowest, _TOO_FAST_DOWN) if spec["minReplicas"] < slowest else (spec["minReplicas"], _TOO_FEW)
        return (least, told) if wanted < least else (wanted, _WITHIN)
    return wanted, _WITHIN


def _limit(rules: JSON, current: int, scaled: Sequence[Moment], now: float, *, up: bool) -> int:
    """How far the policies let it go: the one that lets it go furthest, or least far (selectPolicy Min)."""
    if rules.get("selectPolicy") == "Disabled":
        return current
    furthest = rules.get("selectPolicy") != "Min"
    proposals = [_proposed(policy, current, scaled, now, up) for policy in rules["policies"]]
    choose: Callable[[Sequence[int]], int] = max if up == furthest else min
    return choose(proposals)


def _proposed(policy: JSON, current: int, scaled: Sequence[Moment], now: float, up: bool) -> int:
    recent = [each.number for each in scaled if each.at > now - policy["periodSeconds"]]
    began, value = current - sum(recent), policy["value"]
    if policy["type"] == "Pods":
        return int(began + value if up else began - value)
    # Rounded so that a small share still moves something (scale up) and the rest stays (scale down).
    return math.ceil(began * (1 + value / 100)) if up else int(began * (1 - value / 100))
