"""PodTopologySpread: Pods of one kind evenly over zones, hosts, whatever labels of nodes tell apart.

Follows pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering,scoring}.go (1.32).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import selectors
from seatrial.machinery.selectors import Requirement, Selector
from seatrial.scheduler import default_selector
from seatrial.scheduler.affinity import PodSet
from seatrial.scheduler.framework import Check, Rejection, Scorer
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import node_affinity, taints

NAME = "PodTopologySpread"
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
_TOO_UNEVEN = Rejection(NAME, ("node(s) didn't match pod topology spread constraints",), False)
_NO_LABEL = Rejection(NAME, ("node(s) didn't match pod topology spread constraints (missing required label)",), True)


@dataclass(frozen=True, slots=True)
class Constraint:
    """One topologySpreadConstraint. `honors_affinity`, `honors_taints`: nodes that the Pod may not use don't count."""

    topology_key: str
    max_skew: int
    selector: Selector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


def constraints(pod: JSON, when_unsatisfiable: str) -> Sequence[Constraint]:
    """Those of the Pod's constraints that say `DoNotSchedule` or `ScheduleAnyway`."""
    listed: Iterable[JSON] = pod["spec"].get("topologySpreadConstraints") or ()
    return [_constraint(each, pod) for each in listed if each["whenUnsatisfiable"] == when_unsatisfiable]


def _constraint(given: JSON, pod: JSON) -> Constraint:
    selector = selectors.from_label_selector(given.get("labelSelector"))
    labels = (pod["metadata"].get("labels")) or {}
    own = tuple(Requirement(key, "in", (labels[key],)) for key in given.get("matchLabelKeys") or () if key in labels)
    return Constraint(
        given["topologyKey"],
        given["maxSkew"],
        Selector((*selector.requirements, *own), nothing=selector.nothing) if own else selector,
        given.get("minDomains") or 1,
        given.get("nodeAffinityPolicy") != "Ignore",
        given.get("nodeTaintsPolicy") == "Honor",
    )


def topology_spread(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """The constraints that must hold: no domain may have more than maxSkew Pods above the emptiest one."""
    hard = constraints(info.pod, "DoNotSchedule")
    if not hard:
        return None
    keys = [constraint.topology_key for constraint in hard]
    counted = [(constraint, _per_domain(constraint, keys, info, snapshot)) for constraint in hard]
    rules = [(constraint, domains, _emptiest(constraint, domains), constraint.selector.matches(info.labels))
             for constraint, domains in counted]  # fmt: skip

    def check(node: NodeInfo) -> Rejection | None:
        labels = node.labels
        for constraint, domains, emptiest, itself in rules:
            value = labels.get(constraint.topology_key)
            if value is None:
                return _NO_LABEL
            if domains.get(value, 0) + itself - emptiest > constraint.max_skew:
                return _TOO_UNEVEN
        return None

    return check


def _emptiest(constraint: Constraint, domains: Mapping[str, int]) -> int:
    return min(domains.values(), default=0) if len(domains) >= constraint.min_domains else 0


def _counts(constraint: Constraint, info: PodInfo, snapshot: Snapshot) -> Mapping[str, int]:
    """The Pods that count, per node: none of those that go, and none at all for a selector of everything."""
    if constraint.selector.empty:
        return {}
    return snapshot.counts(PodSet(frozenset((info.key[0],)), constraint.selector, terminating=False))


def _per_domain(constraint: Constraint, keys: Sequence[str], info: PodInfo, snapshot: Snapshot) -> dict[str, int]:
    """Value of the topology key → Pods there. Only nodes that have all keys count, and that the policies include."""
    counts, included = _counts(constraint, info, snapshot), _inclusion(constraint, info.pod)
    domains: dict[str, int] = {}
    for node in snapshot.nodes:
        labels = node.labels
        if any(key not in labels for key in keys) or not included(node):
            continue
        value = labels[constraint.topology_key]
        domains[value] = domains.get(value, 0) + counts.get(node.name, 0)
    return domains


def _inclusion(constraint: Constraint, pod: JSON) -> Callable[[NodeInfo], bool]:
    """nodeAffinityPolicy and nodeTaintsPolicy."""
    by_affinity = constraint.honors_affinity and node_affinity.is_asked_for(pod)

    def included(node: NodeInfo) -> bool:
        if by_affinity and not node_affinity.required_matches(pod, node.node or {}):
            return False
        return not constraint.honors_taints or taints.first_untolerated(pod, node.taints) is None

    return included


def spreading(defaults: Sequence[tuple[str, int]], needs_all_keys: bool) -> Scorer:
    """Scores by the constraints that should hold; for Pods without any by `defaults`, (topology key, maxSkew).

    `needs_all_keys`: the defaults, too, leave out nodes that lack one of the labels.
    """

    def score(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
        if info.pod["spec"].get("topologySpreadConstraints"):
            return _scores(constraints(info.pod, "ScheduleAnyway"), True, info, nodes, snapshot)
        selector = default_selector.of(info.pod, snapshot.others)
        if selector is None:
            return None
        wanted = [Constraint(key, skew, selector) for key, skew in defaults]
        return _scores(wanted, needs_all_keys, info, nodes, snapshot)

    return score


def _scores(
    soft: Sequence[Constraint], needs_all_keys: bool, info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot
) -> list[int] | None:
    if not soft:
        return None
    keys = [constraint.topology_key for constraint in soft]
    raw: list[float | None] = [0.0] * len(nodes)
    if needs_all_keys:
        raw = [None if any(key not in node.labels for key in keys) else 0.0 for node in nodes]
    scored = [node for node, score in zip(nodes, raw, strict=True) if score is not None]
    for constraint in soft:
        numbers, domains = _soft_counts(constraint, keys if needs_all_keys else (), info, nodes, scored, snapshot)
        weight, base = math.log(domains + 2), constraint.max_skew - 1
        raw = [
            score if score is None or number is None else score + (number * weight + base)
            for score, number in zip(raw, numbers, strict=True)
        ]
    return _normalized([None if score is None else round(score) for score in raw])


def _soft_counts(
    constraint: Constraint,
    keys: Sequence[str],
    info: PodInfo,
    nodes: Sequence[NodeInfo],
    scored: Sequence[NodeInfo],
    snapshot: Snapshot,
) -> tuple[list[int | None], int]:
    """Pods in each node's domain (None: it is in none), and how many domains there are.

    A host is its own domain; nodes without the label are one together, in which nobody has a score.
    """
    counts, key = _counts(constraint, info, snapshot), constraint.topology_key
    if key == HOSTNAME:
        return [counts.get(node.name, 0) if key in node.labels else None for node in nodes], len(scored)
    domains = {node.labels.get(key, ""): 0 for node in scored}
    included = _inclusion(constraint, info.pod)
    for name, number in counts.items():
        node = snapshot.get(name)
        if node is None or node.labels.get(key, "") not in domains or not included(node):
            continue
        if all(each in node.labels for each in keys):
            domains[node.labels.get(key, "")] += number
    values = [node.labels.get(key) for node in nodes]
    return [None if value is None else domains.get(value, 0) for value in values], len(domains)


def _normalized(raw: Sequence[int | None]) -> list[int]:
    """The fewer the better; nodes that are left out get nothing."""
    given = [score for score in raw if score is not None]
    most, least = max(given, default=0), min(given, default=0)
    return [0 if score is None else 100 * (most + least - score) // most if most else 100 for score in raw]
