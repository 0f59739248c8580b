"""What a PodDisruptionBudget's status says of the Pods it guards: counts, and whether one may be evicted now.

Follows pkg/controller/disruption/disruption.go and pkg/apis/policy's pdbhelper (1.32).
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import conditions, intstr, objects, times
from seatrial.workloads import pods

DISRUPTION_ALLOWED = "DisruptionAllowed"
SYNC_FAILED = "SyncFailed"
DELETION_SECONDS = 120.0
"""An evicted Pod that is still there after this time was not deleted, and counts again."""


class Goal(NamedTuple):
    """How many Pods there should be, and how many of them must stay healthy."""

    expected: int
    desired: int


def by_scale(spec: JSON, scale: int) -> Goal:
    """A budget that depends on how many Pods their controllers want: maxUnavailable, or a share in minAvailable."""
    if spec.get("maxUnavailable") is not None:
        return Goal(scale, max(scale - intstr.scaled(spec["maxUnavailable"], scale, round_up=True), 0))
    return Goal(scale, intstr.scaled(spec["minAvailable"], scale, round_up=True))


def needs_scale(spec: JSON) -> bool:
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def evicted_recently(disrupted: Mapping[str, str], name: str, now: float) -> bool:
    return name in disrupted and times.parse_time(disrupted[name]) + DELETION_SECONDS > now


def healthy(guarded: Iterable[JSON], disrupted: Mapping[str, str], now: float) -> int:
    """Ready Pods that nobody is about to delete."""
    return sum(
        not objects.is_terminating(pod)
        and not evicted_recently(disrupted, objects.name(pod), now)
        and pods.is_ready(pod)
        for pod in guarded
    )


def with_condition(status: JSON, now: float) -> JSON:
    """The status with DisruptionAllowed as `disruptionsAllowed` says."""
    allowed = status["disruptionsAllowed"] > 0
    return _conditioned(status, allowed, "SufficientPods" if allowed else "InsufficientPods", "", now)


def failed(budget: JSON, why: str, now: float) -> JSON:
    """The status of a budget that can't be worked out: nothing may be evicted."""
    status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
    return _conditioned(status, False, SYNC_FAILED, why, now)


def _conditioned(status: JSON, allowed: bool, reason: str, message: str, now: float) -> JSON:
    condition = {
        "type": DISRUPTION_ALLOWED,
        "status": "True" if allowed else "False",
        **({"observedGeneration": status["observedGeneration"]} if status.get("observedGeneration") else {}),
        "lastTransitionTime": times.format_time(now),
        "reason": reason,
        "message": message,
    }
    return {**status, "conditions": conditions.put(status.get("conditions") or (), condition)}
