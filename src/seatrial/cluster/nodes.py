"""The nodes of a running cluster, and the faults that can befall them on demand.

    await cluster.nodes["node-1"].crash()

- crash: power is lost. The agent and its Pods' processes are gone; locks and attachments stay where they are.
- partition: Pods live on and the node's disks are within its reach, but the API is not: no heartbeat, no status.
- pause: the agent stands still while its Pods' processes go on. It wakes up late and still believes what it believed.
- heal: all is well again. A crashed node starts as after a reboot: its Pods are started anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seatrial.api.registry import NODES
from seatrial.machinery import status
from seatrial.node.agent import NodeAgent

FAULTS = ("crash", "partition", "pause", "heal")


@dataclass(frozen=True)
class Node:
    """One node of this cluster."""

    name: str
    _agent: NodeAgent

    @property
    def condition(self) -> str:
        """`well`, `crashed`, `partitioned` or `paused`; what others know of it is in the Node object."""
        return self._agent.condition(self.name)

    async def crash(self) -> None:
        """Returns when no process of its Pods is left. Does nothing to a node that has crashed."""
        await self._agent.crash(self.name)

    async def partition(self) -> None:
        """Raises StatusError (Conflict) for a node that has crashed."""
        self._check_it_lives()
        self._agent.partition(self.name)

    async def pause(self) -> None:
        """Raises StatusError (Conflict) for a node that has crashed."""
        self._check_it_lives()
        self._agent.pause(self.name)

    async def heal(self) -> None:
        """Does nothing to a node that is well."""
        await self._agent.heal(self.name)

    def _check_it_lives(self) -> None:
        if self.condition == "crashed":
            raise status.conflict(NODES, self.name, "the node has crashed; heal it first")


class Nodes(Mapping[str, Node]):
    """By name, in the order in which they came; those that have crashed are still there."""

    def __init__(self, agent: NodeAgent | None) -> None:
        self._agent = agent

    def __getitem__(self, name: str) -> Node:
        if self._agent is None or name not in self._agent.node_names:
            raise KeyError(name)
        return Node(name, self._agent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._agent.node_names if self._agent else ())

    def __len__(self) -> int:
        return len(self._agent.node_names) if self._agent else 0

    async def inflict(self, name: str, fault: str) -> str:
        """Do one of FAULTS to the node; returns its condition. Raises StatusError (NotFound, Conflict, BadRequest)."""
        if fault not in FAULTS:
            raise status.bad_request(f"a node can {', '.join(FAULTS)}; not {fault}")
        node = self.get(name)
        if node is None:
            raise status.not_found(NODES, name)
        await getattr(node, fault)()
        return node.condition
