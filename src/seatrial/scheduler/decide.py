"""Where a Pod goes: pure, given what is known of the nodes.

Follows pkg/scheduler/schedule_one.go: filter, score, and choose one of the best by chance. With more than 100 nodes the
search ends when enough feasible ones are found, and the next one goes on where it ended.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.machinery.selectors import Selector
from seatrial.scheduler import messages, scores
from seatrial.scheduler.filters import FILTERS, Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot

MIN_FEASIBLE = 100
MIN_PERCENTAGE = 5


@dataclass(frozen=True, slots=True)
class Binding:
    """The node for the Pod, and how many nodes were looked at and found feasible."""

    node: str
    evaluated: int
    feasible: int


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node will do. `diagnosis`: what each says, in the order of their names."""

    message: str
    diagnosis: tuple[Rejection, ...]

    @property
    def rejected_by(self) -> tuple[str, ...]:
        """The filters that would have to change their mind."""
        return tuple(dict.fromkeys(rejection.filter for rejection in self.diagnosis))


def decide(
    snapshot: Snapshot, info: PodInfo, chance: random.Random, selector: Selector | None = None
) -> Binding | Unschedulable:
    """`selector`: what the Pod's Services and controller select, for the default spreading.

    Moves `snapshot.next_start` on when not all nodes had to be looked at.
    """
    feasible, rejections = _find_feasible(snapshot, info)
    if not feasible:
        preempts = info.pod["spec"].get("preemptionPolicy") != "Never"
        return Unschedulable(messages.unschedulable(rejections, preempts), tuple(rejections))
    evaluated = len(feasible) + len(rejections)
    if len(feasible) == 1:
        return Binding(feasible[0].name, evaluated, 1)
    totals = scores.total(info, feasible, snapshot, selector)
    best = max(totals)
    candidates = [node for node, score in zip(feasible, totals, strict=True) if score == best]
    chosen = candidates[0] if len(candidates) == 1 else candidates[chance.randrange(len(candidates))]
    return Binding(chosen.name, evaluated, len(feasible))


def enough_feasible(nodes: int) -> int:
    """How many feasible nodes end the search (numFeasibleNodesToFind with the adaptive default)."""
    if nodes <= MIN_FEASIBLE:
        return nodes
    percentage = max(MIN_PERCENTAGE, 50 - nodes // 125)
    return max(MIN_FEASIBLE, nodes * percentage // 100)


def _find_feasible(snapshot: Snapshot, info: PodInfo) -> tuple[list[NodeInfo], list[Rejection]]:
    checks = [check for filter_ in FILTERS if (check := filter_(info, snapshot)) is not None]
    nodes = snapshot.nodes
    wanted = enough_feasible(len(nodes))
    start = snapshot.next_start % len(nodes) if wanted < len(nodes) else 0
    feasible: list[NodeInfo] = []
    rejections: list[Rejection] = []
    for index in range(len(nodes)):
        node = nodes[(start + index) % len(nodes)]
        rejection = _first_rejection(checks, node)
        if rejection is not None:
            rejections.append(rejection)
            continue
        feasible.append(node)
        if len(feasible) == wanted:
            break
    if wanted < len(nodes):
        snapshot.next_start = (start + len(feasible) + len(rejections)) % len(nodes)
    return feasible, rejections


def _first_rejection(checks: Sequence[Check], node: NodeInfo) -> Rejection | None:
    for check in checks:
        rejection = check(node)
        if rejection is not None:
            return rejection
    return None
