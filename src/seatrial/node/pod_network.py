"""Pod networks: every Pod gets an address of its own, the way the host allows it.

- `NamespaceNetwork` (root): a bridge on the host, and per Pod a network namespace with a pair of devices. Pods reach
  one another, the host and all Service addresses; nothing is forwarded beyond this host.
- `LoopbackNetwork` (no privileges): an address of 127/8 per Pod, no devices. Ports below `lowest_bindable_port` can't
  be bound there.
- `SimulatedNetwork`: addresses only.

As with the CNI's host-local plugin (containernetworking/plugins ipam/host-local) addresses are handed out in turn, so
that one is not used again soon. Limits: IPv4, one network for all nodes of a cluster, no network policies.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol, TypeVar

from seatrial.base.errors import RuntimeFailure, ToolError
from seatrial.node import network_namespace
from seatrial.node.netlink import Netlink

T = TypeVar("T")
ALIAS = "seatrial"
"""Marks the devices that are ours; no others are ever deleted."""
POD_DEVICE = "eth0"
SIMULATED_PODS = IPv4Network("10.244.0.0/14")


@dataclass(frozen=True, slots=True)
class PodAddress:
    """Where a Pod is. `netns`: path of its network namespace, None when it shares the host's."""

    ip: str
    host_ip: str
    netns: str | None
    lowest_bindable_port: int


class PodNetwork(Protocol):
    """Gives Pods their addresses. `attach` of a Pod that is attached already returns the same address."""

    @property
    def host_ip(self) -> str:
        """The host's own address in this network: status.hostIP, and where node ports listen."""
        ...

    async def start(self) -> None: ...

    async def attach(self, pod_uid: str, name: str) -> PodAddress:
        """Raises RuntimeFailure("FailedCreatePodSandBox", …) when there is no address or no device to be had."""
        ...

    async def release(self, pod_uid: str) -> None:
        """The Pod's processes are gone; its address is free. Releasing twice is fine."""
        ...

    async def close(self) -> None: ...


class Addresses:
    """The addresses of a block, handed out in turn; the first one is the host's."""

    def __init__(self, block: IPv4Network) -> None:
        self._base = int(block.network_address)
        self._last = block.num_addresses - 2
        self._next = 2
        self._taken: set[int] = set()
        self.block = block
        self.host = block.network_address + 1

    def take(self) -> IPv4Address:
        if len(self._taken) >= self._last - 1:
            raise RuntimeFailure(
                "FailedCreatePodSandBox",
                f"no free address: all {self._last - 1} Pod addresses of {self.block} are in use",
            )
        while self._next in self._taken:
            self._step()
        offset = self._next
        self._taken.add(offset)
        self._step()
        return IPv4Address(self._base + offset)

    def free(self, address: str) -> None:
        self._taken.discard(int(IPv4Address(address)) - self._base)

    def _step(self) -> None:
        self._next = self._next + 1 if self._next < self._last else 2


class _AddressesOnly:
    """Pods without devices: an address each, and nothing on the host."""

    def __init__(self, pods: IPv4Network, host_ip: str, lowest_bindable_port: int) -> None:
        self._addresses = Addresses(pods)
        self._lowest = lowest_bindable_port
        self._pods: dict[str, PodAddress] = {}
        self._host_ip = host_ip

    @property
    def host_ip(self) -> str:
        return self._host_ip

    async def start(self) -> None:
        pass

    async def attach(self, pod_uid: str, name: str) -> PodAddress:
        address = self._pods.get(pod_uid)
        if address is None:
            address = PodAddress(str(self._addresses.take()), self._host_ip, None, self._lowest)
            self._pods[pod_uid] = address
        return address

    async def release(self, pod_uid: str) -> None:
        address = self._pods.pop(pod_uid, None)
        if address is not None:
            self._addresses.free(address.ip)

    async def close(self) -> None:
        self._pods.clear()


class LoopbackNetwork(_AddressesOnly):
    """An address of 127/8 per Pod: Linux answers them all without any device."""

    def __init__(self, pods: IPv4Network, lowest_bindable_port: int = 1024) -> None:
        super().__init__(pods, "127.0.0.1", lowest_bindable_port)


class SimulatedNetwork(_AddressesOnly):
    """Addresses for Pods that are not there."""

    def __init__(self, pods: IPv4Network = SIMULATED_PODS) -> None:
        super().__init__(pods, str(pods.network_address + 1), 0)


class NamespaceNetwork:
    """A bridge `str<number>` with the block's first address, and a network namespace per Pod.

    `number` is the cluster's address block on this host, `services` the block of Service addresses, which becomes
    local to the host for as long as the network is up. Every netlink call runs in one thread of its own.
    """

    def __init__(self, number: int, pods: IPv4Network, services: IPv4Network) -> None:
        self._bridge = f"str{number}"
        self._prefix = f"str{number}p"
        self._services = services
        self._addresses = Addresses(pods)
        self._pods: dict[str, tuple[PodAddress, str, int]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pod-network")
        self._serial = 0
        self._bridge_index = 0

    @property
    def host_ip(self) -> str:
        return str(self._addresses.host)

    async def start(self) -> None:
        await self._blocking(self._set_up)

    async def attach(self, pod_uid: str, name: str) -> PodAddress:
        held = self._pods.get(pod_uid)
        if held is not None:
            return held[0]
        ip = self._addresses.take()
        self._serial += 1
        device = f"{self._prefix}{self._serial}"
        try:
            namespace = await self._blocking(lambda: self._add_pod(device, ip))
        except OSError as error:
            self._addresses.free(str(ip))
            raise RuntimeFailure(
                "FailedCreatePodSandBox", f"set up network for pod {name!r}: {error.strerror}"
            ) from error
        address = PodAddress(str(ip), self.host_ip, network_namespace.path_of(namespace), 0)
        self._pods[pod_uid] = (address, device, namespace)
        return address

    async def release(self, pod_uid: str) -> None:
        held = self._pods.pop(pod_uid, None)
        if held is None:
            return
        address, device, namespace = held
        await self._blocking(lambda: self._remove_pod(device, namespace))
        self._addresses.free(address.ip)

    async def close(self) -> None:
        held, self._pods = list(self._pods.values()), {}
        await self._blocking(lambda: self._tear_down([namespace for _, _, namespace in held]))
        self._thread.shutdown(wait=False)

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _set_up(self) -> None:
        with Netlink() as netlink:
            self._clear(netlink)
            address = self._addresses.host
            netlink.add_bridge(self._bridge, _mac(address))
            self._bridge_index = socket.if_nametoindex(self._bridge)
            netlink.set_link(self._bridge_index, alias=ALIAS)
            netlink.add_address(self._bridge_index, address, self._addresses.block.prefixlen)
            netlink.add_local_route(self._services, socket.if_nametoindex("lo"))

    def _clear(self, netlink: Netlink) -> None:
        """Remove what a cluster that died left behind in this block."""
        for link in netlink.links():
            ours = link.name == self._bridge or _is_numbered(link.name, self._prefix)
            if not ours:
                continue
            if link.alias != ALIAS:
                raise ToolError(f"network device {link.name} exists and is not Seatrial's; rename or remove it")
            netlink.delete_link(link.number)

    def _add_pod(self, device: str, ip: IPv4Address) -> int:
        namespace = network_namespace.create()
        try:
            with Netlink() as netlink:
                netlink.add_veth(device, POD_DEVICE, namespace, _mac(ip))
                netlink.set_link(socket.if_nametoindex(device), master=self._bridge_index, alias=ALIAS)
            with network_namespace.inside(namespace), Netlink() as netlink:
                self._configure_pod(netlink, ip)
        except BaseException:
            os.close(namespace)
            raise
        return namespace

    def _configure_pod(self, netlink: Netlink, ip: IPv4Address) -> None:
        netlink.set_link(socket.if_nametoindex("lo"))
        index = socket.if_nametoindex(POD_DEVICE)
        netlink.add_address(index, ip, self._addresses.block.prefixlen)
        netlink.set_link(index)
        netlink.add_default_route(self._addresses.host)
        _allow_low_ports()

    def _remove_pod(self, device: str, namespace: int) -> None:
        with Netlink() as netlink:
            try:
                netlink.delete_link(socket.if_nametoindex(device))
            except OSError:
                pass  # its namespace, and the device with it, went before
        os.close(namespace)

    def _tear_down(self, namespaces: list[int]) -> None:
        for namespace in namespaces:
            os.close(namespace)
        with Netlink() as netlink:
            netlink.delete_local_route(self._services, socket.if_nametoindex("lo"))
            for link in netlink.links():
                if link.alias == ALIAS and (link.name == self._bridge or _is_numbered(link.name, self._prefix)):
                    netlink.delete_link(link.number)


def _is_numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()


def _mac(ip: IPv4Address) -> bytes:
    """An address decides its hardware address, so that no neighbour remembers a wrong one when it is used again."""
    return struct.pack("!H4s", 0x0A58, ip.packed)


def _allow_low_ports() -> None:
    """As container runtimes do it: in a Pod of its own network anybody may bind port 80."""
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as setting:
            setting.write("0")
    except OSError:
        pass  # a read-only /proc: then only root's containers can
