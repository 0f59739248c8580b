"""What the scheduler knows of nodes and the Pods on them, kept up change by change.

Follows pkg/scheduler/backend/cache and framework/types.go (NodeInfo). Counting Pods per selector and node, which
spreading and affinity ask for with every Pod of a ReplicaSet, is done when Pods come and go, not when it is asked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from sortedcontainers import SortedDict

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.scheduler import affinity, pod_counts, requests
from seatrial.scheduler.affinity import PodSet
from seatrial.scheduler.node_images import NodeImages
from seatrial.scheduler.pod_counts import PodCounts, Sets
from seatrial.scheduler.term_index import TermIndex
from seatrial.workloads import host_ports, pod_resources, taints
from seatrial.workloads.host_ports import HostPort


class PodInfo:
    """A Pod, with what is worked out of it once."""

    __slots__ = (
        "cpu_for_scoring",
        "host_ports",
        "key",
        "labels",
        "memory_for_scoring",
        "pod",
        "requests",
        "terms",
        "uid",
    )

    def __init__(self, pod: JSON) -> None:
        self.pod = pod
        self.key: Key = objects.key(pod)
        self.uid = objects.uid(pod)
        self.requests = {name: amount for name, amount in pod_resources.requested(pod).items() if amount}
        self.cpu_for_scoring, self.memory_for_scoring = requests.for_scoring(pod)
        self.host_ports = host_ports.of_pod(pod)
        self.labels = objects.labels(pod)
        self.terms = affinity.all_of(pod)

    @property
    def priority(self) -> int:
        """As admission made it of the Pod's priority class."""
        return int(self.pod["spec"].get("priority") or 0)


class NodeInfo:
    """A node (None while only its Pods are known) and the sum of what its Pods ask for."""

    __slots__ = (
        "allocatable",
        "cpu_for_scoring",
        "labels",
        "memory_for_scoring",
        "name",
        "node",
        "pods",
        "ports",
        "requested",
        "taints",
        "unschedulable",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: JSON | None = None
        self.labels: Mapping[str, str] = {}
        self.taints: Sequence[JSON] = ()
        self.unschedulable = False
        self.allocatable: dict[str, int] = {}
        self.pods: dict[str, PodInfo] = {}
        self.requested: dict[str, int] = {}
        self.cpu_for_scoring = 0
        self.memory_for_scoring = 0
        self.ports: dict[HostPort, int] = {}

    def count(self, info: PodInfo, sign: int) -> None:
        """What a Pod asks for is added (sign 1), or given back (-1)."""
        for name, amount in info.requests.items():
            self.requested[name] = self.requested.get(name, 0) + sign * amount
        self.cpu_for_scoring += sign * info.cpu_for_scoring
        self.memory_for_scoring += sign * info.memory_for_scoring
        for port in info.host_ports:
            self.ports[port] = self.ports.get(port, 0) + sign
            if not self.ports[port]:
                del self.ports[port]


class Others(Protocol):
    """Objects of other kinds that filters look at: the informers' caches."""

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        """One object; None when there is none."""
        ...

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        """All of a kind, or those of a namespace."""
        ...


class Nothing:
    """There are no other objects."""

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        return None

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        return ()


class Snapshot:
    """All nodes in order of name. `next_start` is where the search for feasible nodes goes on (large clusters).

    `nominated`: Pods (by uid) for which others were made to go, and the node that they are to have. `kept`: volumes
    that are being bound to the claims of Pods that have a node now.
    """

    def __init__(self, others: Others | None = None) -> None:
        self.others: Others = others or Nothing()
        self.terms = TermIndex()
        self.images = NodeImages()
        self.nominated: dict[str, tuple[PodInfo, str]] = {}
        self.kept: set[str] = set()
        self.next_start = 0
        self.tainted: dict[str, None] = {}
        self.cordoned: dict[str, None] = {}
        """Names of nodes with taints, and of unschedulable ones: most Pods need not look for them."""
        self._infos: dict[str, NodeInfo] = {}
        self._nodes: SortedDict = SortedDict()
        self._list: list[NodeInfo] | None = None
        self._where: dict[str, str] = {}
        self._counts = PodCounts(self._count_anew)
        self._namespaces: dict[str, Mapping[str, str]] = {}

    @property
    def nodes(self) -> Sequence[NodeInfo]:
        """Nodes that exist."""
        if self._list is None:
            self._list = list(self._nodes.values())
        return self._list

    def get(self, name: str) -> NodeInfo | None:
        """The node, if it exists."""
        found: NodeInfo | None = self._nodes.get(name)
        return found

    def put_node(self, node: JSON) -> None:
        """The node as it is now."""
        info = self._info(objects.name(node))
        status = node.get("status") or {}
        if info.node is None or (info.node.get("status") or {}).get("allocatable") != status.get("allocatable"):
            info.allocatable = pod_resources.amounts(status.get("allocatable"))
        info.node = node
        self.images.put(info.name, status.get("images") or ())
        info.labels, info.taints = objects.labels(node), taints.of_node(node)
        info.unschedulable = bool((node.get("spec") or {}).get("unschedulable"))
        _note(self.tainted, info.name, bool(info.taints))
        _note(self.cordoned, info.name, info.unschedulable)
        if info.name not in self._nodes:
            self._nodes[info.name] = info
            self._list = None

    def drop_node(self, name: str) -> None:
        """The node is gone; its Pods are known until they go, too."""
        info = self._nodes.pop(name, None)
        if info is None:
            return
        self._list = None
        info.node = None
        self.images.drop(name)
        _note(self.tainted, name, False)
        _note(self.cordoned, name, False)
        self._forget_if_empty(info)

    def put_pod(self, info: PodInfo, node_name: str) -> None:
        """The Pod is on the node (assumed, or as the API says); replaces what was known of it."""
        self.drop_pod(info.uid)
        node = self._info(node_name)
        node.pods[info.uid] = info
        node.count(info, 1)
        self._where[info.uid] = node_name
        self.terms.count(info.terms, node_name, 1)
        self._tally(info, node_name, 1)

    def drop_pod(self, uid: str) -> None:
        """The Pod is on no node any more."""
        node_name = self._where.pop(uid, None)
        if node_name is None:
            return
        node = self._infos[node_name]
        info = node.pods.pop(uid)
        node.count(info, -1)
        self.terms.count(info.terms, node_name, -1)
        self._tally(info, node_name, -1)
        self._forget_if_empty(node)

    def node_of(self, uid: str) -> str | None:
        """The name of the node that the Pod is on."""
        return self._where.get(uid)

    @contextmanager
    def with_pods(self, added: Iterable[tuple[PodInfo, str]]) -> Iterator[None]:
        """As if these Pods were on these nodes."""
        missing = [(info, node) for info, node in added if info.uid not in self._where]
        for info, node in missing:
            self.put_pod(info, node)
        try:
            yield
        finally:
            for info, _ in missing:
                self.drop_pod(info.uid)

    def counts(self, *sets: PodSet) -> Mapping[str, int]:
        """Node name → how many of its Pods are in all of the sets; no entry means none."""
        return self._counts.of(sets)

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """Empty for one that is not known."""
        return self._namespaces.get(namespace, {})

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """What is counted by labels of namespaces is counted anew when they change."""
        if self._namespaces.get(name) != labels:
            self._namespaces[name] = labels
            self._counts.namespaces_changed()

    def drop_namespace(self, name: str) -> None:
        """The namespace is gone, after its Pods."""
        self._namespaces.pop(name, None)

    def _count_anew(self, sets: Sets) -> dict[str, int]:
        numbers = {
            node.name: sum(self._is_in(sets, info) for info in node.pods.values()) for node in self._infos.values()
        }
        return {name: number for name, number in numbers.items() if number}

    def _is_in(self, sets: Sets, info: PodInfo) -> bool:
        return pod_counts.is_in(sets, info.pod, self.namespace_labels(info.key[0]))

    def _tally(self, info: PodInfo, node_name: str, sign: int) -> None:
        self._counts.tally(info.labels, lambda sets: self._is_in(sets, info), node_name, sign)

    def _info(self, name: str) -> NodeInfo:
        info = self._infos.get(name)
        if info is None:
            info = self._infos[name] = NodeInfo(name)
        return info

    def _forget_if_empty(self, info: NodeInfo) -> None:
        if info.node is None and not info.pods:
            self._infos.pop(info.name, None)


def _note(names: dict[str, None], name: str, holds: bool) -> None:
    if holds:
        names[name] = None
    else:
        names.pop(name, None)
