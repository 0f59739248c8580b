"""Who has to go so that a Pod of higher priority can come: pure, given what is known of the nodes.

Follows pkg/scheduler/framework/preemption/preemption.go and plugins/defaultpreemption/default_preemption.go (1.32). The
snapshot is tried without the victims, and is as before afterwards.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, selectors, times
from seatrial.scheduler import decide, messages
from seatrial.scheduler.framework import Rejection
from seatrial.scheduler.profile import Profile
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot

MIN_CANDIDATES = 100
MIN_CANDIDATES_PERCENTAGE = 10
BY_SCHEDULER = "PreemptionByScheduler"
STILL_ITS_TURN = frozenset({messages.NEVER, messages.VICTIMS_GO})
"""Answers after which a node that was cleared for the Pod stays its own; all others give it up."""
_LOWEST = 2**31
"""Added to priorities in sums, so that many low ones are not better than a few high ones."""


@dataclass(frozen=True, slots=True)
class Preemption:
    """The node, and the Pods that have to leave it, the most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int
    """How many of them a budget would rather keep."""


def find(
    snapshot: Snapshot,
    info: PodInfo,
    failure: decide.Unschedulable,
    rules: Profile,
    chance: random.Random,
    now: float,
) -> Preemption | str:
    """Where others should go; or why that can't be, as the messages have it ("" where no node is there)."""
    diagnosis = dict(failure.diagnosis)
    if not diagnosis:
        return ""
    reason = _not_eligible(snapshot, info, diagnosis)
    if reason:
        return reason
    helpful = [name for name, rejection in failure.diagnosis if not rejection.final]
    statuses: dict[str, Sequence[str]] = dict.fromkeys(diagnosis, (messages.NOT_HELPFUL,))
    candidates: list[Preemption] = []
    start = chance.randrange(len(helpful)) if helpful else 0
    wanted = _candidates_wanted(len(helpful))
    for name in (*helpful[start:], *helpful[:start]):
        tried = _try(snapshot, info, name, rules, now)
        if isinstance(tried, Preemption):
            candidates.append(tried)
            if len(candidates) >= wanted and any(not each.violations for each in candidates):
                break
        else:
            statuses[name] = tried
    if candidates:
        return _best(candidates, now)
    return messages.unavailable(len(statuses), (reason for reasons in statuses.values() for reason in reasons))


def _candidates_wanted(nodes: int) -> int:
    return min(nodes, max(MIN_CANDIDATES, nodes * MIN_CANDIDATES_PERCENTAGE // 100))


def _not_eligible(snapshot: Snapshot, info: PodInfo, diagnosis: Mapping[str, Rejection]) -> str:
    """Why the Pod may not preempt others (PodEligibleToPreemptOthers); "" if it may."""
    if info.pod["spec"].get("preemptionPolicy") == "Never":
        return messages.NEVER
    nominated = snapshot.nominated.get(info.uid)
    node = snapshot.get(nominated[1]) if nominated is not None else None
    if node is None or (node.name in diagnosis and diagnosis[node.name].final):
        return ""
    going = any(each.priority < info.priority and _is_preempted(each.pod) for each in node.pods.values())
    return messages.VICTIMS_GO if going else ""


def _is_preempted(pod: JSON) -> bool:
    reason = (conditions.find(pod, "DisruptionTarget") or {}).get("reason")
    return objects.is_terminating(pod) and reason == BY_SCHEDULER


def _try(snapshot: Snapshot, info: PodInfo, name: str, rules: Profile, now: float) -> Preemption | Sequence[str]:
    """The fewest and least important Pods of the node without which the Pod fits (SelectVictimsOnNode)."""
    node = snapshot.get(name)
    lower = [each for each in node.pods.values() if each.priority < info.priority] if node is not None else []
    if node is None or not lower:
        return (messages.NO_VICTIMS,)

    def rejection() -> Rejection | None:
        return decide.first_rejection(decide.checks_with_nominated(snapshot, info, rules), node)

    gone = dict.fromkeys(lower)
    for each in lower:
        snapshot.drop_pod(each.uid)
    try:
        refused = rejection()
        if refused is not None:
            return rules.reasons(refused)
        return _spare(snapshot, node, gone, rejection, now)
    finally:
        for each in gone:
            snapshot.put_pod(each, name)


def _spare(
    snapshot: Snapshot,
    node: NodeInfo,
    gone: dict[PodInfo, None],
    rejection: Callable[[], Rejection | None],
    now: float,
) -> Preemption:
    """Let Pods stay as long as the other still fits: those that budgets protect first, then the important ones."""
    ordered = sorted(gone, key=lambda each: _importance(each, now))
    protected = _protected(ordered, snapshot.others.list(POD_DISRUPTION_BUDGETS))
    violations = 0
    for each in (*protected, *(each for each in ordered if each not in protected)):
        snapshot.put_pod(each, node.name)
        if rejection() is None:
            del gone[each]
            continue
        snapshot.drop_pod(each.uid)
        violations += each in protected
    return Preemption(node.name, tuple(each for each in ordered if each in gone), violations)


def _importance(info: PodInfo, now: float) -> tuple[int, float]:
    """Sorts the most important first: higher priority, then running for longer."""
    return -info.priority, _started(info, now)


def _started(info: PodInfo, now: float) -> float:
    started = (info.pod.get("status") or {}).get("startTime")
    return times.parse_time(started) if started else now


def _protected(ordered: Iterable[PodInfo], budgets: Sequence[JSON]) -> list[PodInfo]:
    """Those whose going breaks a budget, if all go in this order."""
    left = [(each.get("status") or {}).get("disruptionsAllowed", 0) for each in budgets]
    protected = []
    for info in ordered:
        breaks = False
        for index, budget in enumerate(budgets):
            if _guards(budget, info):
                left[index] -= 1
                breaks = breaks or left[index] < 0
        if breaks:
            protected.append(info)
    return protected


def _guards(budget: JSON, info: PodInfo) -> bool:
    if objects.namespace(budget) != info.key[0] or not info.labels:
        return False
    if info.key[1] in objects.get(budget, "status", "disruptedPods", default={}):
        return False
    selector = selectors.from_label_selector((budget.get("spec") or {}).get("selector"))
    return not selector.empty and selector.matches(info.labels)


def _best(candidates: Sequence[Preemption], now: float) -> Preemption:
    """Fewest violated budgets; lowest priorities; fewest Pods; those that began last (pickOneNodeForPreemption)."""

    def cost(each: Preemption) -> tuple[int, int, int, int, float]:
        priorities = [victim.priority for victim in each.victims]
        highest = max(priorities, default=-_LOWEST)
        began = min((_started(v, now) for v in each.victims if v.priority == highest), default=now)
        return each.violations, highest, sum(p + _LOWEST for p in priorities), len(priorities), -began

    return min(candidates, key=cost)
