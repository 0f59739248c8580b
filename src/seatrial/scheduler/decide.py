"""Where a Pod goes: pure, given what is known of the nodes.

Follows pkg/scheduler/schedule_one.go: filter, score, and choose one of the best by chance. With more than 100 nodes the
search ends when enough feasible ones are found, and the next one goes on where it ended.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.scheduler import messages, profile, scores
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.profile import Profile
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import node_affinity

MIN_FEASIBLE = 100
MIN_PERCENTAGE = 5
_NOT_NAMED = Rejection("NodeAffinity", ("node(s) didn't satisfy plugin(s) [NodeAffinity]",), True)


@dataclass(frozen=True, slots=True)
class Binding:
    """The node for the Pod, and how many nodes were looked at and found feasible."""

    node: str
    evaluated: int
    feasible: int


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node will do. `diagnosis`: what each says, in the order in which they were asked."""

    message: str
    diagnosis: tuple[tuple[str, Rejection], ...]

    @property
    def rejected_by(self) -> tuple[str, ...]:
        """The filters that would have to change their mind."""
        return tuple(dict.fromkeys(rejection.filter for _, rejection in self.diagnosis))


def decide(
    snapshot: Snapshot,
    info: PodInfo,
    chance: random.Random,
    rules: Profile = profile.CURRENT,
) -> Binding | Unschedulable:
    """The node for the Pod, or why there is none.

    Moves `snapshot.next_start` on when not all nodes had to be looked at. Pods of at least this one's priority for
    which a node is being cleared count as there.
    """
    feasible, rejections = _find_feasible(snapshot, info, rules)
    if not feasible:
        return Unschedulable(_message(rejections, rules), tuple(rejections))
    evaluated = len(feasible) + len(rejections)
    if len(feasible) == 1:
        return Binding(feasible[0].name, evaluated, 1)
    totals = scores.total(rules.scorers, info, feasible, snapshot)
    best = max(totals)
    candidates = [node for node, score in zip(feasible, totals, strict=True) if score == best]
    chosen = candidates[0] if len(candidates) == 1 else candidates[chance.randrange(len(candidates))]
    return Binding(chosen.name, evaluated, len(feasible))


def checks_for(snapshot: Snapshot, info: PodInfo, rules: Profile) -> list[Check]:
    """What the Pod asks of a node, as things are in the snapshot now."""
    return [check for each in rules.filters if (check := each(info, snapshot)) is not None]


def first_rejection(checks: Sequence[Check], node: NodeInfo) -> Rejection | None:
    """Why the node is out, as the first check that refuses it says; None: it will do."""
    for check in checks:
        rejection = check(node)
        if rejection is not None:
            return rejection
    return None


def _message(rejections: Sequence[tuple[str, Rejection]], rules: Profile) -> str:
    if not rejections:
        return messages.NO_NODES
    first = rejections[0][1]
    if first.whole:
        return messages.impossible(len(rejections), rules.reasons(first))
    reasons = (reason for _, rejection in rejections for reason in rules.reasons(rejection))
    return messages.unavailable(len(rejections), reasons)


def enough_feasible(nodes: int) -> int:
    """How many feasible nodes end the search (numFeasibleNodesToFind with the adaptive default)."""
    if nodes <= MIN_FEASIBLE:
        return nodes
    percentage = max(MIN_PERCENTAGE, 50 - nodes // 125)
    return max(MIN_FEASIBLE, nodes * percentage // 100)


def _find_feasible(
    snapshot: Snapshot, info: PodInfo, rules: Profile
) -> tuple[list[NodeInfo], list[tuple[str, Rejection]]]:
    asked_first = _named_node(snapshot, info)
    checks = checks_with_nominated(snapshot, info, rules)
    if asked_first is not None and first_rejection(checks, asked_first) is None:
        return [asked_first], []
    named = node_affinity.named_nodes(info.pod) if rules.looks_at_named_nodes_only else None
    if named:
        return _among(named, checks, snapshot)
    nodes = snapshot.nodes
    wanted = enough_feasible(len(nodes))
    start = snapshot.next_start % len(nodes) if wanted < len(nodes) else 0
    feasible: list[NodeInfo] = []
    rejections: list[tuple[str, Rejection]] = []
    for index in range(len(nodes)):
        node = nodes[(start + index) % len(nodes)]
        rejection = first_rejection(checks, node)
        if rejection is not None:
            rejections.append((node.name, rejection))
            continue
        feasible.append(node)
        if len(feasible) == wanted:
            break
    if wanted < len(nodes):
        snapshot.next_start = (start + len(feasible) + len(rejections)) % len(nodes)
    return feasible, rejections


def _among(
    names: frozenset[str], checks: Sequence[Check], snapshot: Snapshot
) -> tuple[list[NodeInfo], list[tuple[str, Rejection]]]:
    """Only these nodes are looked at (PreFilterResult); should none do, the others have a common reason."""
    looked_at = [node for name in sorted(names) if (node := snapshot.get(name)) is not None]
    found = [(node, first_rejection(checks, node)) for node in looked_at]
    feasible = [node for node, rejection in found if rejection is None]
    rejections = [(node.name, rejection) for node, rejection in found if rejection is not None]
    if not feasible:
        rejections += [(node.name, _NOT_NAMED) for node in snapshot.nodes if node.name not in names]
    return feasible, rejections


def _named_node(snapshot: Snapshot, info: PodInfo) -> NodeInfo | None:
    """The node that was cleared for the Pod is tried before all others (evaluateNominatedNode)."""
    nominated = snapshot.nominated.get(info.uid)
    return snapshot.get(nominated[1]) if nominated is not None else None


def checks_with_nominated(snapshot: Snapshot, info: PodInfo, rules: Profile) -> list[Check]:
    """A node has to do both with and without the Pods that are to come to it (RunFilterPluginsWithNominatedPods)."""
    checks = checks_for(snapshot, info, rules)
    expected = [
        (other, node)
        for other, node in snapshot.nominated.values()
        if other.uid != info.uid and other.priority >= info.priority
    ]
    if not expected:
        return checks

    def with_them(node: NodeInfo) -> Rejection | None:
        here = [(other, name) for other, name in expected if name == node.name]
        if not here:
            return None
        with snapshot.with_pods(here):
            return first_rejection(checks_for(snapshot, info, rules), node)

    return [with_them, *checks]
