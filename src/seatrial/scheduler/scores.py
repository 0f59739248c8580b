"""Which of the feasible nodes is best: the score plugins of kube-scheduler 1.32.

Affinity between Pods and spreading score in the files of their filters, images in one of their own; `profile.py` has
the list of all with their weights.
"""

from collections.abc import Iterable, Sequence

from seatrial.scheduler.framework import Scorer
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import node_affinity, taints


def least_allocated(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
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


def balanced_allocation(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
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


def preferred_taints(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
    """TaintToleration: the fewer PreferNoSchedule taints that the Pod doesn't tolerate, the better."""
    if not snapshot.tainted:
        return None
    counts = [
        sum(not taints.tolerated(info.pod, taint) for taint in taints.of_effect(node.node or {}, "PreferNoSchedule"))
        for node in nodes
    ]
    most = max(counts)
    return [100 - 100 * count // most for count in counts] if most else None


def preferred_affinity(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
    """NodeAffinity: the weights of the preferences that match."""
    terms = list(node_affinity.preferences(info.pod))
    if not terms:
        return None
    weights = [node_affinity.preference_weight(terms, node.node or {}) for node in nodes]
    most = max(weights)
    return [100 * weight // most for weight in weights] if most else None


def total(
    scorers: Iterable[tuple[Scorer, int]],
    info: PodInfo,
    nodes: Sequence[NodeInfo],
    snapshot: Snapshot,
) -> list[int]:
    """One number per node, in their order: the sum of what the scorers give, each with its weight."""
    sums = [0] * len(nodes)
    for scorer, weight in scorers:
        scores = scorer(info, nodes, snapshot)
        if scores is not None:
            sums = [old + weight * new for old, new in zip(sums, scores, strict=True)]
    return sums
