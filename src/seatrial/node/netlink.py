"""The few rtnetlink requests that Pod networks need: links, addresses, routes (Linux `rtnetlink(7)`).

Hand-made messages instead of a library: importing one costs more than the whole cluster's network takes to set up,
and the machine need not have iproute2. All calls block (microseconds to a few milliseconds): real-time code only.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

NEWLINK, DELLINK, GETLINK, SETLINK = 16, 17, 18, 19
NEWADDR, NEWROUTE, DELROUTE, GETROUTE = 20, 24, 25, 26
REQUEST, ACK, DUMP, REPLACE, EXCLUSIVE, CREATE = 1, 4, 0x300, 0x100, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_IFALIAS, IFLA_NET_NS_FD = 1, 3, 10, 18, 20, 28
INFO_KIND, INFO_DATA, VETH_PEER = 1, 2, 1
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
IFF_UP = 1
TABLE_MAIN, TABLE_LOCAL = 254, 255
ROUTE_UNICAST, ROUTE_LOCAL = 1, 2

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")


class Link(NamedTuple):
    """A network device."""

    number: int
    name: str
    alias: str


class Route(NamedTuple):
    """A route to `network` through the device with this index."""

    network: IPv4Network
    device: int
    table: int


def _attribute(kind: int, payload: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + b"\0" * (-length % 4)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _link(index: int = 0, up: bool = False) -> bytes:
    flags = IFF_UP if up else 0
    return _LINK.pack(socket.AF_UNSPEC, 0, index, flags, flags)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += length + (-length % 4)


class Netlink:
    """A route socket of the network namespace in which the calling thread is. Errors come out as OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_bridge(self, name: str, mac: bytes) -> None:
        """A fixed hardware address: else the bridge takes the lowest of its ports', and neighbours lose it."""
        info = _attribute(IFLA_LINKINFO, _text(INFO_KIND, "bridge"))
        body = _link() + _text(IFLA_IFNAME, name) + _attribute(IFLA_ADDRESS, mac) + info
        self._do(NEWLINK, CREATE | EXCLUSIVE, body)

    def add_veth(self, name: str, peer: str, peer_namespace: int, peer_mac: bytes) -> None:
        """A pair of devices; the peer is born in the namespace of this file descriptor."""
        far = _link() + _text(IFLA_IFNAME, peer) + _number(IFLA_NET_NS_FD, peer_namespace)
        far += _attribute(IFLA_ADDRESS, peer_mac)
        info = _text(INFO_KIND, "veth") + _attribute(INFO_DATA, _attribute(VETH_PEER, far))
        self._do(NEWLINK, CREATE | EXCLUSIVE, _link() + _text(IFLA_IFNAME, name) + _attribute(IFLA_LINKINFO, info))

    def set_link(self, index: int, *, master: int = 0, alias: str = "") -> None:
        """Set it up, and give it a bridge and an alias."""
        body = _link(index, up=True)
        if master:
            body += _number(IFLA_MASTER, master)
        if alias:
            body += _attribute(IFLA_IFALIAS, alias.encode())
        self._do(SETLINK, 0, body)

    def delete_link(self, index: int) -> None:
        """Delete a device; one that is gone already is fine."""
        self._do(DELLINK, 0, _link(index), ignore=(errno.ENODEV,))

    def may_configure(self) -> bool:
        """Whether this process may configure devices here: tried by deleting one that can't exist."""
        try:
            self._do(DELLINK, 0, _link(0x7FFFFFF0))
        except OSError as error:
            return error.errno == errno.ENODEV
        return True

    def links(self) -> list[Link]:
        """All devices of this namespace."""
        found = []
        for body in self._dump(GETLINK, _link()):
            attributes = dict(_attributes(body[_LINK.size :]))
            name = attributes.get(IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
            alias = attributes.get(IFLA_IFALIAS, b"").rstrip(b"\0").decode(errors="replace")
            found.append(Link(_LINK.unpack_from(body)[2], name, alias))
        return found

    def add_address(self, index: int, address: IPv4Address, prefix_length: int) -> None:
        body = _ADDRESS.pack(socket.AF_INET, prefix_length, 0, 0, index)
        self._do(NEWADDR, CREATE | REPLACE, body + _attribute(1, address.packed) + _attribute(2, address.packed))

    def add_default_route(self, gateway: IPv4Address) -> None:
        body = _ROUTE.pack(socket.AF_INET, 0, 0, 0, TABLE_MAIN, 4, 0, ROUTE_UNICAST, 0)
        self._do(NEWROUTE, CREATE | REPLACE, body + _attribute(RTA_GATEWAY, gateway.packed))

    def add_local_route(self, network: IPv4Network, device: int) -> None:
        """Every address of `network` is this host's own (`ip route add local … dev lo`)."""
        self._do(NEWROUTE, CREATE | REPLACE, self._local_route(network, device))

    def delete_local_route(self, network: IPv4Network, device: int) -> None:
        self._do(DELROUTE, 0, self._local_route(network, device), ignore=(errno.ESRCH,))

    def routes(self) -> list[Route]:
        """All IPv4 routes of this namespace."""
        found = []
        for body in self._dump(GETROUTE, _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
            _, length, _, _, table, *_ = _ROUTE.unpack_from(body)
            attributes = dict(_attributes(body[_ROUTE.size :]))
            network = IPv4Network((attributes.get(RTA_DST, b"\0\0\0\0"), length), strict=False)
            device = struct.unpack("=I", attributes.get(RTA_OIF, b"\0\0\0\0"))[0]
            found.append(Route(network, device, table))
        return found

    @staticmethod
    def _local_route(network: IPv4Network, device: int) -> bytes:
        host_scope = 254
        head = _ROUTE.pack(socket.AF_INET, network.prefixlen, 0, 0, TABLE_LOCAL, 4, host_scope, ROUTE_LOCAL, 0)
        return head + _attribute(RTA_DST, network.network_address.packed) + _number(RTA_OIF, device)

    def _do(self, kind: int, flags: int, body: bytes, ignore: tuple[int, ...] = ()) -> None:
        for _, _ in self._exchange(kind, REQUEST | ACK | flags, body, ignore):
            pass

    def _dump(self, kind: int, body: bytes) -> Iterator[bytes]:
        return (answer for _, answer in self._exchange(kind, REQUEST | DUMP, body))

    def _exchange(
        self, kind: int, flags: int, body: bytes, ignore: tuple[int, ...] = ()
    ) -> Iterator[tuple[int, bytes]]:
        self._sequence += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + body)
        while True:
            data = self._socket.recv(1 << 18)
            at = 0
            while at + _HEADER.size <= len(data):
                length, answer, _, sequence, _ = _HEADER.unpack_from(data, at)
                content = data[at + _HEADER.size : at + length]
                at += length + (-length % 4)
                if sequence != self._sequence:
                    continue
                if answer == NLMSG_ERROR:
                    code = -struct.unpack_from("=i", content)[0]
                    if code and code not in ignore:
                        raise OSError(code, os.strerror(code))
                    return
                if answer == NLMSG_DONE:
                    return
                yield answer, content
