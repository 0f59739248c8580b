"""How far each controller is scaled next. Pure.

Follows pkg/kubectl/rolling_updater.go (scaleUp, scaleDown). The command line fixes one Pod of surge and none
unavailable; both may be counts or percentages here.
"""

from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import conditions, intstr, objects

MAX_SURGE = 1
MAX_UNAVAILABLE = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the update keeps to: at least `minimum` Pods available, at most `maximum` at all."""

    desired: int
    surge: int
    minimum: int

    @property
    def maximum(self) -> int:
        return self.desired + self.surge


@dataclass(frozen=True, slots=True)
class Sizes:
    """spec.replicas of both."""

    old: int
    new: int


def replicas(rc: JSON) -> int:
    """spec.replicas."""
    return int(rc["spec"].get("replicas") or 0)


def bounds(desired: int, surge: int | str = MAX_SURGE, unavailable: int | str = MAX_UNAVAILABLE) -> Bounds:
    """What holds for an update to `desired` Pods. With neither surge nor unavailability, one may be unavailable."""
    surging = intstr.scaled(surge, desired, True)
    missing = intstr.scaled(unavailable, desired, False)
    if not surging and not missing:
        missing = 1
    return Bounds(desired, surging, max(0, desired - missing))


def finished(sizes: Sizes, limits: Bounds) -> bool:
    return sizes.new == limits.desired and sizes.old == 0


def scale_up(sizes: Sizes, limits: Bounds) -> int | None:
    """The new controller's next size; None when it stays as it is."""
    if sizes.new == limits.desired:
        return None
    increment = limits.maximum - (sizes.old + sizes.new)
    if sizes.old == 0:
        increment = limits.desired - sizes.new
    return min(sizes.new + increment, limits.desired) if increment > 0 else None


def scale_down(sizes: Sizes, limits: Bounds, new_available: int) -> int | None:
    """The old controller's next size; None when it stays.

    Only new Pods that aren't available count as missing: old ones that are broken must not hold the update up.
    """
    if sizes.old == 0:
        return None
    decrement = (sizes.old + sizes.new) - limits.minimum - (sizes.new - new_available)
    if decrement <= 0:
        return None
    if sizes.new == limits.desired and new_available == limits.desired:
        return 0
    return max(0, sizes.old - decrement)


def is_available(pod: JSON) -> bool:
    """Ready, and nobody has deleted it."""
    return not objects.is_terminating(pod) and conditions.is_true(pod, "Ready")


def has_desired_replicas(rc: JSON) -> bool:
    """Whether the controller's manager has seen its size and reached it."""
    status = rc.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= objects.generation(rc)
    return seen and int(status.get("replicas") or 0) == replicas(rc)


def announcement(old: JSON, new: JSON, limits: Bounds) -> str:
    """The line before the first step."""
    return (
        f"Scaling up {objects.name(new)} from {replicas(new)} to {limits.desired}, "
        f"scaling down {objects.name(old)} from {replicas(old)} to 0 "
        f"(keep {limits.minimum} pods available, don't exceed {limits.maximum} pods)"
    )
