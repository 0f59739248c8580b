"""Which of the feasible nodes is best: the score plugins of kube-scheduler 1.32 with their default weights.

Each scorer gives every node 0 to 100. Left out: image locality (nothing is pulled here), and inter-Pod affinity and the
Pod's own spread constraints, which come with their filters.
"""

import math
from collections.abc import Callable, Sequence

from seatrial.machinery import objects
from seatrial.machinery.selectors import Selector
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import node_affinity, taints

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
DEFAULT_SPREADING = ((HOSTNAME, 3), (ZONE, 5))
"""(topology key, maxSkew) as kube-scheduler's system default (plugins/podtopologyspread/plugin.go)."""

Scorer = Callable[[PodInfo, Sequence[NodeInfo], Snapshot, Selector | None], list[int] | None]


def least_allocated(
    info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None
) -> list[int] | None:
    """NodeResourcesFit: the more is left of CPU and memory, the better."""
    scores = []
    for node in nodes:
        total = weights = 0
        for capacity, used in (
            (node.allocatable.get("cpu", 0), node.cpu_for_scoring + info.cpu_for_scoring),
            (node.allocatable.get("memory", 0), node.memory_for_scoring + info.memory_for_scoring),
        ):
            if capacity:
                weights += 1
                total += (capacity - used) * 100 // capacity if used <= capacity else 0
        scores.append(total // weights if weights else 0)
    return scores


def balanced_allocation(
    info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None
) -> list[int] | None:
    """NodeResourcesBalancedAllocation: CPU and memory should fill up alike."""
    cpu, memory = info.requests.get("cpu", 0), info.requests.get("memory", 0)
    scores = []
    for node in nodes:
        cpus, memories = node.allocatable.get("cpu", 0), node.allocatable.get("memory", 0)
        if cpus and memories:
            used_cpu = min(1.0, (node.requested.get("cpu", 0) + cpu) / cpus)
            used_memory = min(1.0, (node.requested.get("memory", 0) + memory) / memories)
            scores.append(int((1 - abs(used_cpu - used_memory) / 2) * 100))
        else:
            scores.append(100)
    return scores


def preferred_taints(
    info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None
) -> list[int] | None:
    """TaintToleration: the fewer PreferNoSchedule taints that the Pod doesn't tolerate, the better."""
    if not any(taints.of_node(node.node or {}) for node in nodes):
        return None
    counts = [
        sum(not taints.tolerated(info.pod, taint) for taint in taints.of_effect(node.node or {}, "PreferNoSchedule"))
        for node in nodes
    ]
    most = max(counts)
    return [100 - 100 * count // most for count in counts] if most else None


def preferred_affinity(
    info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None
) -> list[int] | None:
    """NodeAffinity: the weights of the preferences that match."""
    terms = list(node_affinity.preferences(info.pod))
    if not terms:
        return None
    weights = [node_affinity.preference_weight(terms, node.node or {}) for node in nodes]
    most = max(weights)
    return [100 * weight // most for weight in weights] if most else None


def spreading(
    info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None
) -> list[int] | None:
    """PodTopologySpread with the system's default constraints: Pods of one Service and ReplicaSet keep apart."""
    if selector is None or info.pod["spec"].get("topologySpreadConstraints"):
        return None
    counts = snapshot.counts(info.key[0], selector)
    zones = [objects.labels(node.node or {}).get(ZONE) for node in nodes]
    per_zone: dict[str | None, int] = {zone: 0 for zone in zones if zone}
    if per_zone:
        for node in snapshot.nodes:
            zone = objects.labels(node.node or {}).get(ZONE)
            if zone in per_zone:
                per_zone[zone] += counts.get(node.name, 0)
    host_weight, zone_weight = math.log(len(nodes) + 2), math.log(len(per_zone) + 2)
    (_, host_skew), (_, zone_skew) = DEFAULT_SPREADING
    raw = []
    for node, zone in zip(nodes, zones, strict=True):
        score = counts.get(node.name, 0) * host_weight + host_skew - 1
        if zone:
            score += per_zone[zone] * zone_weight + zone_skew - 1
        raw.append(round(score))
    most, least = max(raw), min(raw)
    return [100 * (most + least - score) // most for score in raw] if most else None


SCORERS: tuple[tuple[Scorer, int], ...] = (
    (preferred_taints, 3),
    (preferred_affinity, 2),
    (spreading, 2),
    (least_allocated, 1),
    (balanced_allocation, 1),
)
"""(scorer, weight). None from a scorer: it makes no difference for this Pod."""


def total(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, selector: Selector | None) -> list[int]:
    """One number per node, in their order."""
    sums = [0] * len(nodes)
    for scorer, weight in SCORERS:
        scores = scorer(info, nodes, snapshot, selector)
        if scores is not None:
            sums = [old + weight * new for old, new in zip(sums, scores, strict=True)]
    return sums
