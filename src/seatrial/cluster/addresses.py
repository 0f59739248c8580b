"""Which addresses a cluster uses: a block of this host's, or made-up ones for clusters without processes."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from seatrial.cluster import address_block
from seatrial.cluster.address_block import AddressBlock
from seatrial.node.pod_network import LoopbackNetwork, NamespaceNetwork, PodNetwork, SimulatedNetwork
from seatrial.proxy.decide import HostAddresses

SIMULATED_SERVICES = IPv4Network("10.96.0.0/20")


@dataclass(frozen=True)
class Addresses:
    """`block` is None for a cluster whose addresses nobody answers."""

    services: IPv4Network
    network: PodNetwork
    host: HostAddresses
    block: AddressBlock | None = None

    def release(self) -> None:
        """Let another cluster have the block."""
        if self.block:
            self.block.release()


def simulated() -> Addresses:
    """Addresses in memory only."""
    return Addresses(SIMULATED_SERVICES, SimulatedNetwork(), HostAddresses(0, 0, SIMULATED_SERVICES, ()))


def of_this_host(privileged: bool | None) -> Addresses:
    """A block of this host's addresses. Raises ToolError when all are taken."""
    block = address_block.claim(privileged=privileged)
    lowest = block.lowest_bindable_port
    if block.privileged:
        network: PodNetwork = NamespaceNetwork(block.number, block.pods, block.services)
        nodes = ("127.0.0.1", network.host_ip)
        return Addresses(block.services, network, HostAddresses(lowest, 0, block.services, nodes), block)
    return Addresses(
        block.services,
        LoopbackNetwork(block.pods, lowest),
        HostAddresses(lowest, lowest, block.services, ("127.0.0.1",)),
        block,
    )
