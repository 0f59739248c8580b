"""ImageLocality: a node that has the Pod's images already is better, the more so the larger and commoner they are.

Follows pkg/scheduler/framework/plugins/imagelocality/image_locality.go and backend/cache (1.32). Simulated and process
nodes list no images; those of a live cluster do.
"""

from collections.abc import Sequence

from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot

SMALLEST, LARGEST = 23 * 2**20, 1000 * 2**20
"""Bytes that make a difference: all images together from `SMALLEST` on, up to `LARGEST` per container."""


def image_locality(info: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[int] | None:
    """An image counts with its size, scaled by the share of nodes that have it: no rush to the one that has it."""
    if not snapshot.images.known:
        return None
    spec, total = info.pod["spec"], len(snapshot.nodes)
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    wanted = [name for each in containers if (name := normalized(each.get("image") or "")) in snapshot.images.known]
    worth = {name: int(snapshot.images.size(name) * (len(snapshot.images.known[name]) / total)) for name in wanted}
    if not wanted:
        return None
    span = LARGEST * len(containers) - SMALLEST
    sums = (sum(worth[name] for name in wanted if node.name in snapshot.images.known[name]) for node in nodes)
    return [100 * (min(max(each, SMALLEST), LARGEST * len(containers)) - SMALLEST) // span for each in sums]


def normalized(name: str) -> str:
    """With the tag that is meant when none is given."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"
