"""What the scheduler knows of nodes and the Pods on them, kept up change by change.

Follows pkg/scheduler/backend/cache and framework/types.go (NodeInfo). Counting Pods per selector and node, which the
default spreading asks for with every Pod of a ReplicaSet, is done when Pods come and go, not when it is asked.
"""

from collections import OrderedDict
from collections.abc import Sequence

from sortedcontainers import SortedDict

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.selectors import Selector
from seatrial.scheduler import requests

COUNTED_SELECTORS = 64
HostPort = tuple[str, str, int]
"""(address, protocol, port); address "0.0.0.0" is every address."""


class PodInfo:
    """A Pod, with what is worked out of it once."""

    __slots__ = ("cpu_for_scoring", "host_ports", "key", "memory_for_scoring", "pod", "requests", "uid")

    def __init__(self, pod: JSON) -> None:
        self.pod = pod
        self.key: Key = objects.key(pod)
        self.uid = objects.uid(pod)
        self.requests = {name: amount for name, amount in requests.of_pod(pod).items() if amount}
        self.cpu_for_scoring, self.memory_for_scoring = requests.for_scoring(pod)
        self.host_ports = host_ports(pod)


class NodeInfo:
    """A node (None while only its Pods are known) and the sum of what its Pods ask for."""

    __slots__ = ("allocatable", "cpu_for_scoring", "memory_for_scoring", "name", "node", "pods", "ports", "requested")

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: JSON | None = None
        self.allocatable: dict[str, int] = {}
        self.pods: dict[str, PodInfo] = {}
        self.requested: dict[str, int] = {}
        self.cpu_for_scoring = 0
        self.memory_for_scoring = 0
        self.ports: dict[HostPort, int] = {}

    def count(self, info: PodInfo, sign: int) -> None:
        for name, amount in info.requests.items():
            self.requested[name] = self.requested.get(name, 0) + sign * amount
        self.cpu_for_scoring += sign * info.cpu_for_scoring
        self.memory_for_scoring += sign * info.memory_for_scoring
        for port in info.host_ports:
            self.ports[port] = self.ports.get(port, 0) + sign
            if not self.ports[port]:
                del self.ports[port]


class Snapshot:
    """All nodes in order of name. `next_start` is where the search for feasible nodes goes on (large clusters)."""

    def __init__(self) -> None:
        self.next_start = 0
        self._infos: dict[str, NodeInfo] = {}
        self._nodes: SortedDict = SortedDict()
        self._list: list[NodeInfo] | None = None
        self._where: dict[str, str] = {}
        self._counts: OrderedDict[tuple[str, Selector], dict[str, int]] = OrderedDict()

    @property
    def nodes(self) -> Sequence[NodeInfo]:
        """Nodes that exist."""
        if self._list is None:
            self._list = list(self._nodes.values())
        return self._list

    def get(self, name: str) -> NodeInfo | None:
        found: NodeInfo | None = self._nodes.get(name)
        return found

    def put_node(self, node: JSON) -> None:
        info = self._info(objects.name(node))
        status = node.get("status") or {}
        if info.node is None or (info.node.get("status") or {}).get("allocatable") != status.get("allocatable"):
            info.allocatable = requests.amounts(status.get("allocatable"))
        info.node = node
        if info.name not in self._nodes:
            self._nodes[info.name] = info
            self._list = None

    def drop_node(self, name: str) -> None:
        info = self._nodes.pop(name, None)
        if info is None:
            return
        self._list = None
        info.node = None
        self._forget_if_empty(info)

    def put_pod(self, info: PodInfo, node_name: str) -> None:
        """The Pod is on the node (assumed, or as the API says); replaces what was known of it."""
        self.drop_pod(info.uid)
        node = self._info(node_name)
        node.pods[info.uid] = info
        node.count(info, 1)
        self._where[info.uid] = node_name
        self._tally(info, node_name, 1)

    def drop_pod(self, uid: str) -> None:
        node_name = self._where.pop(uid, None)
        if node_name is None:
            return
        node = self._infos[node_name]
        info = node.pods.pop(uid)
        node.count(info, -1)
        self._tally(info, node_name, -1)
        self._forget_if_empty(node)

    def node_of(self, uid: str) -> str | None:
        return self._where.get(uid)

    def counts(self, namespace: str, selector: Selector) -> dict[str, int]:
        """Node name → how many of its Pods (terminating ones left out) the selector matches; no entry means none."""
        counted = self._counts.get((namespace, selector))
        if counted is None:
            counted = {}
            for node in self._infos.values():
                number = sum(_is_counted(info, namespace, selector) for info in node.pods.values())
                if number:
                    counted[node.name] = number
            self._counts[namespace, selector] = counted
            if len(self._counts) > COUNTED_SELECTORS:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end((namespace, selector))
        return counted

    def _tally(self, info: PodInfo, node_name: str, sign: int) -> None:
        for (namespace, selector), counted in self._counts.items():
            if _is_counted(info, namespace, selector):
                counted[node_name] = counted.get(node_name, 0) + sign

    def _info(self, name: str) -> NodeInfo:
        info = self._infos.get(name)
        if info is None:
            info = self._infos[name] = NodeInfo(name)
        return info

    def _forget_if_empty(self, info: NodeInfo) -> None:
        if info.node is None and not info.pods:
            self._infos.pop(info.name, None)


def host_ports(pod: JSON) -> tuple[HostPort, ...]:
    """Ports that the Pod takes on its node."""
    return tuple(
        (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def _is_counted(info: PodInfo, namespace: str, selector: Selector) -> bool:
    pod = info.pod
    return info.key[0] == namespace and not objects.is_terminating(pod) and selector.matches(objects.labels(pod))
