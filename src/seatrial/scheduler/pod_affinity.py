"""InterPodAffinity: which nodes a Pod's affinity to other Pods, and theirs to it, leave; and which are better.

Follows pkg/scheduler/framework/plugins/interpodaffinity/{filtering,scoring}.go (1.32).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from seatrial.scheduler import affinity
from seatrial.scheduler.affinity import Term
from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot

NAME = "InterPodAffinity"
HARD_WEIGHT = 1
"""How much a Pod's required affinity to the one that comes counts in scores (hardPodAffinityWeight)."""

_NOT_TOGETHER = Rejection(NAME, ("node(s) didn't match pod affinity rules",), True)
_NOT_APART = Rejection(NAME, ("node(s) didn't match pod anti-affinity rules",), False)
_OTHERS_KEEP_APART = Rejection(NAME, ("node(s) didn't satisfy existing pods anti-affinity rules",), False)

Domain = tuple[str, str]
"""(topology key, value)."""


def pod_affinity(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Its required terms, then the anti-affinity of the Pods that are there."""
    together = affinity.required(info.pod, together=True) if info.terms else ()
    apart = affinity.required(info.pod, together=False) if info.terms else ()
    kept_off = _kept_off(info, snapshot)
    if not (together or apart or kept_off):
        return None
    present = [_domains(term.topology_key, snapshot.counts(*(each.pods for each in together)), snapshot)
               for term in together]  # fmt: skip
    taken = {domain for term in apart for domain in _domains(term.topology_key, snapshot.counts(term.pods), snapshot)}
    is_first = not any(present) and all(_means(term, info, snapshot) for term in together)

    keys = [term.topology_key for term in apart]

    def check(node: NodeInfo) -> Rejection | None:
        labels = node.labels
        if together and not is_together(labels):
            return _NOT_TOGETHER
        if taken and any((key, labels.get(key)) in taken for key in keys):
            return _NOT_APART
        if kept_off and not kept_off.isdisjoint(labels.items()):
            return _OTHERS_KEEP_APART
        return None

    def is_together(labels: Mapping[str, str]) -> bool:
        if any(term.topology_key not in labels for term in together):
            return False
        found = (
            (term.topology_key, labels[term.topology_key]) in there
            for term, there in zip(together, present, strict=True)
        )
        return is_first or all(found)

    return check


def _kept_off(info: PodInfo, snapshot: Snapshot) -> set[Domain]:
    """The domains of Pods whose anti-affinity keeps this one off."""
    found = snapshot.terms.matching(info.key[0], info.labels, snapshot.namespace_labels(info.key[0]))
    return {
        domain
        for term, nodes in found
        if not term.together and not term.weight
        for domain in _domains(term.topology_key, nodes, snapshot)
    }


def _domains(topology_key: str, counts: Mapping[str, int], snapshot: Snapshot) -> Counter[Domain]:
    """How many of the Pods that are counted per node each domain has."""
    domains: Counter[Domain] = Counter()
    for name, number in counts.items():
        node = snapshot.get(name)
        if number and node is not None and topology_key in node.labels:
            domains[topology_key, node.labels[topology_key]] += number
    return domains


def _means(term: Term, info: PodInfo, snapshot: Snapshot) -> bool:
    return term.pods.matches(info.key[0], info.labels, snapshot.namespace_labels(info.key[0]))


def preferred_neighbours(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
    """The weights of its own preferences, and those of the Pods that are there for it."""
    weights: Counter[Domain] = Counter()
    for term in info.terms:
        if term.weight:
            _weigh(weights, term, term.weight, snapshot.counts(term.pods), snapshot)
    for term, there in snapshot.terms.matching(info.key[0], info.labels, snapshot.namespace_labels(info.key[0])):
        if term.weight or term.together:
            _weigh(weights, term, term.weight or HARD_WEIGHT, there, snapshot)
    if not weights:
        return None
    keys = sorted({key for key, _ in weights})
    sums = [sum(weights[key, node.labels[key]] for key in keys if key in node.labels) for node in nodes]
    least, most = min(sums), max(sums)
    return [int(100 * ((each - least) / (most - least))) for each in sums] if most > least else None


def _weigh(weights: Counter[Domain], term: Term, weight: int, counts: Mapping[str, int], snapshot: Snapshot) -> None:
    for domain, number in _domains(term.topology_key, counts, snapshot).items():
        weights[domain] += number * (weight if term.together else -weight)
