"""Which nodes a Pod may run on, by what it says of itself: one function per filter plugin of kube-scheduler 1.32.

Affinity between Pods, spreading and volumes have files of their own; `profile.py` has the list of all.
"""

from seatrial.scheduler.framework import Check, Rejection
from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot
from seatrial.workloads import host_ports, node_affinity, taints


def node_unschedulable(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Cordoned nodes, unless the Pod tolerates the taint that stands for it."""
    if not snapshot.cordoned or taints.tolerated(info.pod, {"key": taints.UNSCHEDULABLE, "effect": "NoSchedule"}):
        return None
    rejection = Rejection("NodeUnschedulable", ("node(s) were unschedulable",), True)

    def check(node: NodeInfo) -> Rejection | None:
        return rejection if node.unschedulable else None

    return check


def node_name(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """spec.nodeName, where somebody set it."""
    wanted = info.pod["spec"].get("nodeName")
    if not wanted:
        return None
    rejection = Rejection("NodeName", ("node(s) didn't match the requested node name",), True)
    return lambda node: None if node.name == wanted else rejection


def taint_toleration(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """The first NoSchedule or NoExecute taint that the Pod doesn't tolerate."""
    if not snapshot.tainted:
        return None

    def check(node: NodeInfo) -> Rejection | None:
        taint = taints.first_untolerated(info.pod, node.taints) if node.taints else None
        if taint is None:
            return None
        text = f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"
        return Rejection("TaintToleration", (text,), True)

    return check


def required_node_affinity(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """nodeSelector and required node affinity."""
    if not node_affinity.is_asked_for(info.pod):
        return None
    rejection = Rejection("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), True)
    return lambda node: None if node_affinity.required_matches(info.pod, node.node or {}) else rejection


def conflicting_terms(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Before all others: terms that name no node in common (PreFilter of NodeAffinity)."""
    if node_affinity.named_nodes(info.pod) != frozenset():
        return None
    rejection = Rejection("NodeAffinity", ("pod affinity terms conflict",), True, whole=True)
    return lambda node: rejection


def node_ports(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Host ports that are still free."""
    wanted = info.host_ports
    if not wanted:
        return None
    rejection = Rejection("NodePorts", ("node(s) didn't have free ports for the requested pod ports",), False)
    return lambda node: (
        rejection if any(host_ports.clash(one, other) for one in wanted for other in node.ports) else None
    )


def node_resources_fit(info: PodInfo, snapshot: Snapshot) -> Check | None:
    """Room for one more Pod, and for everything that it asks for."""
    asked = sorted(info.requests.items(), key=lambda item: (_RESOURCE_ORDER.get(item[0], 3), item[0]))

    def check(node: NodeInfo) -> Rejection | None:
        allocatable, requested = node.allocatable, node.requested
        short = []
        if len(node.pods) + 1 > allocatable.get("pods", 0):
            short.append("Too many pods")
        for name, amount in asked:
            if amount > allocatable.get(name, 0) - requested.get(name, 0):
                short.append(f"Insufficient {name}")
        return Rejection("NodeResourcesFit", tuple(short), False) if short else None

    return check


_RESOURCE_ORDER = {"cpu": 0, "memory": 1, "ephemeral-storage": 2}
