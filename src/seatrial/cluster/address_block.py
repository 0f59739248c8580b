"""Which addresses of this host a cluster uses, so that several clusters on one host do not collide.

There are 16 blocks. A cluster claims one by binding an abstract Unix socket: that name space is exactly the network
namespace in which collisions happen, it is common to all users of the host, and the kernel frees the name when the
process ends, even by kill -9.

As root, Services get 10.96.<16*B>.0/20 and Pods 10.244.<16*B>.0/20; blocks that overlap with a route of the host are
left alone. Without privileges they get 127.96.<16*B>.0/20 and 127.244.<16*B>.0/20, which Linux answers as they are.
"""

import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Network

from seatrial.base.errors import ToolError
from seatrial.node import network_namespace
from seatrial.node.netlink import Netlink

BLOCKS = 16
PORT_START = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """The addresses of one cluster. The first Service address is that of the Service `kubernetes`."""

    number: int
    services: IPv4Network
    pods: IPv4Network
    privileged: bool
    lowest_bindable_port: int
    claim: socket.socket

    @property
    def kubernetes_ip(self) -> str:
        return str(self.services.network_address + 1)

    def release(self) -> None:
        """Give the block back; otherwise it is given back when the process ends."""
        self.claim.close()


def claim(*, privileged: bool | None = None) -> AddressBlock:
    """The first free block. `privileged` None: find out whether network namespaces can be made here."""
    if privileged is None:
        privileged = may_make_networks()
    for number in range(BLOCKS):
        services, pods = _networks(number, privileged)
        held = _hold(number, privileged)
        if held is None:
            continue
        if privileged and _is_used_by_host((services, pods), number):
            held.close()
            continue
        return AddressBlock(number, services, pods, privileged, _lowest_bindable_port(privileged), held)
    raise ToolError(f"no free addresses: all {BLOCKS} address blocks of this host are in use; stop a cluster first")


def may_make_networks() -> bool:
    """Whether this process can make network namespaces, bridges and device pairs: tried in one that is thrown away."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_try_networks).result()


def _try_networks() -> bool:
    try:
        namespace = network_namespace.create()
    except OSError:
        return False
    with open(namespace, "rb", closefd=True, buffering=0):
        try:
            with Netlink() as host:
                if not host.may_configure():
                    return False
            with network_namespace.inside(namespace), Netlink() as netlink:
                netlink.add_bridge("bridge", b"\x0a\x58\0\0\0\1")
                netlink.add_veth("host", "peer", namespace, b"\x0a\x58\0\0\0\2")
        except OSError:
            return False
    return True


def _networks(number: int, privileged: bool) -> tuple[IPv4Network, IPv4Network]:
    first = 10 if privileged else 127
    third = 16 * number
    return IPv4Network(f"{first}.96.{third}.0/20"), IPv4Network(f"{first}.244.{third}.0/20")


def _hold(number: int, privileged: bool) -> socket.socket | None:
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    kind = "private" if privileged else "loopback"
    try:
        held.bind(f"\0seatrial/address-block/{kind}/{number}")
    except OSError as error:
        held.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return held


def _is_used_by_host(networks: tuple[IPv4Network, IPv4Network], number: int) -> bool:
    """Whether the host has a route of its own into one of the networks (leftovers of a dead cluster don't count)."""
    services, _ = networks
    with Netlink() as netlink:
        bridge = next((link.number for link in netlink.links() if link.name == f"str{number}"), -1)
        return any(
            route.network.overlaps(network)
            for route in netlink.routes()
            if route.network.prefixlen > 0 and route.device != bridge and route.network != services
            for network in networks
        )


def _lowest_bindable_port(privileged: bool) -> int:
    """Root may bind any port; others from the kernel's setting on."""
    try:
        with open(PORT_START) as setting:
            lowest = int(setting.read())
    except OSError:
        lowest = 1024
    if lowest == 0 or privileged:
        return 0
    return 0 if _can_bind_low_port() else lowest


def _can_bind_low_port() -> bool:
    """CAP_NET_BIND_SERVICE, tried: port 1 of an address that nobody uses."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.96.255.254", 1))
        except PermissionError:
            return False
        except OSError:
            return True
    return True
