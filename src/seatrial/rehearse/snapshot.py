"""What a rehearsal starts from: the objects of a cluster at one moment, and what had to be assumed about it.

Three sources: a live cluster (live.py), dumps (dump.py), or manifests alone. What was read from a cluster is loaded as
it is, Pods running where they run. Manifests have no state yet: they are applied in the rehearsal's cluster, and the
change comes when that has settled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import quantity

DEFAULT_NODES = "3x8cpu,32Gi"
BEGINNING = 1_735_689_600.0
"""When rehearsals of manifests take place: 2025-01-01."""
_NODES = re.compile(r"(?P<count>[0-9]+)x(?P<cpu>[0-9.]+m?)cpu,(?P<memory>[0-9.]+[KMGTkmgt]?i?)(,(?P<pods>[0-9]+)pods)?")


@dataclass(frozen=True)
class Snapshot:
    """`objects` with apiVersion and kind; `taken_at` in seconds since 1970. `assumptions` are lines for people.

    `manifests` are applied after the objects were loaded, before the change, and left to settle.
    """

    objects: Sequence[JSON] = ()
    taken_at: float = BEGINNING
    manifests: Sequence[JSON] = ()
    assumptions: tuple[str, ...] = field(default=())


def of_manifests(manifests: Sequence[JSON], nodes: str = "") -> Snapshot:
    """The manifests on nodes as `--nodes` describes them; Nodes among the manifests are taken instead."""
    own = [obj for obj in manifests if obj.get("kind") == "Node"]
    rest = [obj for obj in manifests if obj.get("kind") != "Node"]
    if own and nodes:
        raise ToolError("--nodes, or Node objects among the manifests: one of them")
    made = own or parse_nodes(nodes or DEFAULT_NODES)
    told = () if own or nodes else (f"nodes: {DEFAULT_NODES} (--nodes says otherwise)",)
    return Snapshot([ready_node(node) for node in made], BEGINNING, rest, told)


def parse_nodes(text: str) -> list[JSON]:
    """`3x8cpu,32Gi` and several of it with + between them → Nodes node-1, node-2, …; `,20pods` limits their Pods.

    Raises ToolError.
    """
    nodes: list[JSON] = []
    for part in text.split("+"):
        found = _NODES.fullmatch(part.strip())
        if not found:
            raise ToolError(f"--nodes takes COUNTxCPUcpu,MEMORY[,PODSpods], as in {DEFAULT_NODES}; got {part!r}")
        capacity = {"cpu": found["cpu"], "memory": found["memory"], "pods": found["pods"] or "110"}
        nodes += [_node(f"node-{len(nodes) + 1 + i}", capacity) for i in range(int(found["count"]))]
    if not nodes:
        raise ToolError("--nodes: at least one node is needed")
    return nodes


def _node(name: str, capacity: JSON) -> JSON:
    capacity = {**capacity, "ephemeral-storage": "100Gi"}
    for amount in capacity.values():
        quantity.parse(amount)
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def ready_node(node: JSON) -> JSON:
    """A Node written by hand may lack what a kubelet reports: it is taken as ready then."""
    status = node.get("status") or {}
    condition = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    filled = {"conditions": [condition], **status}
    return {**node, "spec": node.get("spec") or {}, "status": filled}
