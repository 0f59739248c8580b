"""The nodes of a rehearsal: as `--nodes` describes them, as Pods name them, or by default. Pure."""

import re
from collections.abc import Mapping, Sequence

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, times

DEFAULT_NODES = "3x8cpu,32Gi"
ASSUMED_CAPACITY = {"cpu": "1k", "memory": "10Ti", "pods": "1000"}
"""Of nodes that are known by their names only: room enough."""
_NODES = re.compile(r"(?P<count>[0-9]+)x(?P<cpu>[0-9.]+m?)cpu,(?P<memory>[0-9.]+[KMGTkmgt]?i?)(,(?P<pods>[0-9]+)pods)?")


def assumed(loaded: Sequence[JSON], nodes: str) -> tuple[list[JSON], str]:
    """Nodes as asked for; else those that the Pods say they run on; else the default. With what to tell of it."""
    if nodes:
        return parse(nodes), ""
    names = {str(objects.get(obj, "spec", "nodeName", default="")) for obj in loaded if obj.get("kind") == "Pod"}
    named = sorted(names - {""})
    if not named:
        return parse(DEFAULT_NODES), f"nodes: {DEFAULT_NODES} (set others with --nodes)"
    made = [_node(name, ASSUMED_CAPACITY) for name in named]
    return made, f"nodes: only the names of {', '.join(named)} are known; room enough and no taints are assumed"


def parse(text: str) -> list[JSON]:
    """`3x8cpu,32Gi` and several of it with + between them → Nodes node-1, node-2, …; `,20pods` limits their Pods.

    Raises ToolError.
    """
    nodes: list[JSON] = []
    for part in text.split("+"):
        found = _NODES.fullmatch(part.strip())
        if not found or not (_is_amount(found["cpu"]) and _is_amount(found["memory"])):
            raise ToolError(f"--nodes takes COUNTxCPUcpu,MEMORY[,PODSpods], as in {DEFAULT_NODES}; got {part!r}")
        capacity = {"cpu": found["cpu"], "memory": found["memory"], "pods": found["pods"] or "110"}
        nodes += [_node(f"node-{len(nodes) + 1 + i}", capacity) for i in range(int(found["count"]))]
    if not nodes:
        raise ToolError("--nodes: at least one node is needed")
    return nodes


def _is_amount(text: str) -> bool:
    try:
        return quantity.parse(text) > 0
    except ValueError:
        return False


def _node(name: str, amounts: Mapping[str, str]) -> JSON:
    known = {"os": "linux", "arch": "amd64"}
    labels = {f"{prefix}kubernetes.io/{name}": value for prefix in ("", "beta.") for name, value in known.items()}
    status = {"capacity": _capacity(amounts), "allocatable": _capacity(amounts)}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def _capacity(amounts: Mapping[str, str]) -> JSON:
    return {**amounts, "ephemeral-storage": "100Gi"}


def ready(node: JSON, since: float) -> JSON:
    """A Node written by hand may lack what a kubelet reports: it is ready then, `since` this moment (since 1970)."""
    status = node.get("status") or {}
    began = times.format_time(since)
    condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": began}
    amounts = status.get("allocatable") or status.get("capacity") or _capacity(ASSUMED_CAPACITY)
    filled = {
        "conditions": [condition],
        **status,
        "allocatable": amounts,
        "capacity": status.get("capacity") or amounts,
    }
    labels = {"kubernetes.io/hostname": objects.name(node), **objects.labels(node)}
    return {
        **node,
        "metadata": {**node["metadata"], "labels": labels},
        "spec": node.get("spec") or {},
        "status": filled,
    }
