"""The arithmetic of rolling updates: how many Pods each version may have next.

Follows pkg/controller/deployment/{rolling,sync}.go and util/deployment_util.go (1.32). Pure numbers; a `Size` stands
for a ReplicaSet.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.machinery import intstr


@dataclass(frozen=True, slots=True)
class Size:
    """A ReplicaSet in numbers. `desired`: spec.replicas. `max_replicas`: the annotation, None when missing."""

    name: str
    desired: int
    available: int = 0
    created_at: str = ""
    max_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """One step: this ReplicaSet from so many to so many Pods."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a Deployment promises, in Pods."""

    desired: int
    max_surge: int
    max_unavailable: int

    @property
    def min_available(self) -> int:
        return self.desired - self.max_unavailable

    @property
    def max_total(self) -> int:
        return self.desired + self.max_surge


def resolve_fenceposts(max_surge: int | str | None, max_unavailable: int | str | None, desired: int) -> tuple[int, int]:
    """Numbers for surge (rounded up) and unavailability (rounded down); both 0 would be a standstill: then 0 and 1."""
    surge = intstr.scaled(max_surge or 0, desired, round_up=True)
    unavailable = intstr.scaled(max_unavailable or 0, desired, round_up=False)
    return (0, 1) if surge == 0 and unavailable == 0 else (surge, unavailable)


def limits(spec: Mapping[str, Any]) -> Limits:
    """The limits of a Deployment spec."""
    desired, strategy = spec.get("replicas") or 0, spec.get("strategy") or {}
    if strategy.get("type") != "RollingUpdate":
        return Limits(desired, 0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge, unavailable = resolve_fenceposts(rolling.get("maxSurge"), rolling.get("maxUnavailable"), desired)
    return Limits(desired, surge, min(unavailable, desired))


def new_replicas(limit: Limits, total: int, current: int, *, rolling: bool = True) -> int:
    """How many Pods the new ReplicaSet should have. `total`: spec.replicas of all ReplicaSets, the new one included."""
    if not rolling:
        return limit.desired
    if total >= limit.max_total:
        return current
    return current + min(limit.max_total - total, limit.desired - current)


def reconcile_new(limit: Limits, total: int, current: int) -> int:
    """The new ReplicaSet's next size: down to what is wanted at once, up as far as surge allows."""
    return limit.desired if current >= limit.desired else new_replicas(limit, total, current)


def reconcile_old(limit: Limits, old: Sequence[Size], new: Size) -> list[Scaling]:
    """Steps down for the old ReplicaSets (oldest first in `old`): first what is unhealthy anyway, then by budget."""
    old = [size for size in old if size.desired > 0]
    total = sum(size.desired for size in old)
    if total == 0:
        return []
    new_unavailable = new.desired - new.available
    max_scaled_down = total + new.desired - limit.min_available - new_unavailable
    if max_scaled_down <= 0:
        return []
    steps, settled = _cleanup_unhealthy(old, max_scaled_down)
    if not settled:
        return steps
    sizes = {step.name: step.after for step in steps}
    left = [replace(size, desired=sizes.get(size.name, size.desired)) for size in old]
    available = sum(size.available for size in old) + new.available
    return [*steps, *_scale_down(left, available - limit.min_available)]


def _cleanup_unhealthy(old: Sequence[Size], budget: int) -> tuple[list[Scaling], bool]:
    """False when a ReplicaSet reports more available Pods than it should have: its status is of an earlier time, and
    counting on it would take away too many. Upstream fails here and tries again."""
    steps: list[Scaling] = []
    for size in old:
        if budget <= 0:
            break
        count = min(budget, size.desired - size.available)
        if count < 0:
            return steps, False
        if count > 0:
            steps.append(Scaling(size.name, size.desired, size.desired - count))
            budget -= count
    return steps, True


def _scale_down(old: Sequence[Size], budget: int) -> list[Scaling]:
    steps: list[Scaling] = []
    for size in old:
        if budget <= 0:
            break
        count = min(size.desired, budget)
        if count:
            steps.append(Scaling(size.name, size.desired, size.desired - count))
            budget -= count
    return steps


def proportional(limit: Limits, active: Sequence[Size], fallback_max: int) -> list[Scaling]:
    """All active ReplicaSets scaled in proportion; every one is named, also where nothing changes.

    `fallback_max`: status.replicas of the Deployment, for ReplicaSets without the annotation max-replicas.
    """
    to_add = (limit.max_total if limit.desired > 0 else 0) - sum(size.desired for size in active)
    if to_add == 0:
        return [Scaling(size.name, size.desired, size.desired) for size in active]
    ordered = by_size(active, newer_first=to_add > 0)
    added = 0
    targets: list[int] = []
    for size in ordered:
        share = _proportion(limit, size, to_add, added, fallback_max)
        targets.append(size.desired + share)
        added += share
    if targets:
        targets[0] = max(0, targets[0] + to_add - added)
    return [Scaling(size.name, size.desired, target) for size, target in zip(ordered, targets, strict=True)]


def by_size(sizes: Sequence[Size], *, newer_first: bool) -> list[Size]:
    """Largest first; among equals the newer (ties by name downwards), or the older (ties by name upwards)."""
    by_age = sorted(sizes, key=lambda size: (size.created_at, size.name), reverse=newer_first)
    return sorted(by_age, key=lambda size: -size.desired)


def _proportion(limit: Limits, size: Size, to_add: int, added: int, fallback_max: int) -> int:
    if size.desired == 0 or to_add == added:
        return 0
    fraction, allowed = _fraction(limit, size, fallback_max), to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def _fraction(limit: Limits, size: Size, fallback_max: int) -> int:
    if limit.desired == 0:
        return -size.desired
    before = size.max_replicas or fallback_max
    if before == 0:
        return 0
    return round_half_away(size.desired * limit.max_total / before) - size.desired


def round_half_away(value: float) -> int:
    """Go's RoundToInt32: halves go away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)
