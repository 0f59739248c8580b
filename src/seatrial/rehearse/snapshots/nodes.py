"""The nodes of a rehearsal: as `--nodes` describes them, as Pods name them, or by default. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, times
from seatrial.workloads import claims

DEFAULT_NODES = "3x8cpu,32Gi"
ASSUMED_CAPACITY = {"cpu": "1k", "memory": "10Ti", "pods": "1000"}
"""Of nodes that are known by their names only: room enough."""
_NODES = re.compile(r"(?P<count>[0-9]+)x(?P<cpu>[0-9.]+m?)cpu,(?P<memory>[0-9.]+[KMGTkmgt]?i?)(,(?P<pods>[0-9]+)pods)?")


def with_nodes(loaded: Sequence[JSON], nodes: str, since: float) -> tuple[list[JSON], list[str]]:
    """The objects, among them Nodes, ready `since` (since 1970) if they don't say; and what to tell of these.

    Raises ToolError when there are Nodes, and others are asked for.
    """
    own = [obj for obj in loaded if obj.get("kind") == "Node"]
    if own and nodes:
        raise ToolError("--nodes is for when no Node is known; here there are some")
    made, told = ([], [*_unclear(own)]) if own else assumed(loaded, nodes)
    filled = [ready(obj, since) if obj.get("kind") == "Node" else obj for obj in (*loaded, *made)]
    return filled, [*told, *_gone(filled)]


def assumed(loaded: Sequence[JSON], nodes: str) -> tuple[list[JSON], list[str]]:
    """Nodes as asked for; else those that Pods run on or that own something; else the default. With what to tell."""
    if nodes:
        return parse(nodes), []
    owners = {
        str(each.get("name")): str(each.get("uid"))
        for obj in loaded
        for each in objects.owner_references(obj)
        if each.get("kind") == "Node"
    }
    named = sorted({*owners, *_used(loaded)})
    if not named:
        return parse(DEFAULT_NODES), [f"nodes: {DEFAULT_NODES} (set others with --nodes)"]
    made = [_node(name, ASSUMED_CAPACITY, owners.get(name)) for name in named]
    return made, [f"nodes: only the names of {', '.join(named)} are known; room enough and no taints are assumed"]


def _used(loaded: Iterable[JSON]) -> set[str]:
    """The names of the nodes that Pods run on."""
    pods = (obj for obj in loaded if obj.get("kind") == "Pod" and not claims.has_ended(obj))
    return {str(objects.get(pod, "spec", "nodeName", default="")) for pod in pods} - {""}


def _unclear(own: Sequence[JSON]) -> Iterator[str]:
    """What to tell of Nodes that say less than a kubelet reports."""
    status = {objects.name(node): node.get("status") or {} for node in own}
    sizeless = sorted(name for name, told in status.items() if not (told.get("allocatable") or told.get("capacity")))
    silent = sorted(name for name, told in status.items() if "conditions" not in told)
    if sizeless:
        yield f"nodes: how much room there is on {', '.join(sizeless)} is not known; enough is assumed"
    if silent:
        yield f"nodes: {', '.join(silent)} without conditions; ready is assumed"


def _gone(objs: Sequence[JSON]) -> Iterator[str]:
    """What to tell of nodes that Pods run on and that are not there."""
    names = sorted(_used(objs) - {objects.name(obj) for obj in objs if obj.get("kind") == "Node"})
    if names:
        yield f"nodes: {', '.join(names)} not there, with Pods on them; these are deleted, as of removed nodes"


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


def _node(name: str, amounts: Mapping[str, str], uid: str | None = None) -> JSON:
    known = {"os": "linux", "arch": "amd64"}
    labels = {f"{prefix}kubernetes.io/{name}": value for prefix in ("", "beta.") for name, value in known.items()}
    status = {"capacity": _capacity(amounts), "allocatable": _capacity(amounts)}
    metadata = {"name": name, "labels": labels, **({"uid": uid} if uid else {})}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


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
