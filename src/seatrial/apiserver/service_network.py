"""Cluster addresses and node ports of Services: who has which, and which to give next.

Follows pkg/registry/core/service/{storage/alloc.go,ipallocator,portallocator}: a random free one from the upper part of
the range (the lower is for those that people choose), the lower part when that is full. The addresses in use are not
stored anywhere but in the Services themselves: `restore` reads them back. The first address is the API server's own.
Limits: one IPv4 or IPv6 range; no healthCheckNodePort.
"""

import ipaddress
import random
from collections.abc import Iterable

from seatrial.api.resource import Resource
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import objects, status
from seatrial.machinery.validation import go_strings, invalid

NODE_PORTS = (30000, 32767)
API_SERVICE = ("default", "kubernetes")
NO_ADDRESS = "None"
WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


class Supply:
    """The numbers from 0 to size - 1, each free or taken; `low` of them are given only when the others are gone."""

    def __init__(self, size: int, low: int) -> None:
        self.size = size
        self._low = low
        self._taken: set[int] = set()

    def is_taken(self, number: int) -> bool:
        return number in self._taken

    def take(self, number: int) -> None:
        self._taken.add(number)

    def free(self, number: int) -> None:
        self._taken.discard(number)

    def pick(self, chance: random.Random, besides: Iterable[int] = ()) -> int | None:
        """A free number, random; None if there is none."""
        used = self._taken.union(besides)
        for begin, end in ((self._low, self.size), (0, self._low)):
            if begin == end:
                continue
            start = chance.randrange(begin, end)
            for at in range(end - begin):
                number = begin + (start - begin + at) % (end - begin)
                if number not in used:
                    return number
        return None


class _Taken:
    """What one write has taken, and what it no longer needs if it happens."""

    def __init__(self, network: "ServiceNetwork", dry_run: bool) -> None:
        self._network, self._dry_run = network, dry_run
        self.addresses: list[int] = []
        self.ports: list[int] = []
        self.obsolete: JSON = {}

    def keep(self) -> None:
        if self._dry_run:
            self.give_back()
        elif self.obsolete:
            self._network.free(self.obsolete["addresses"], self.obsolete["ports"])

    def give_back(self) -> None:
        self._network.free(self.addresses, self.ports)


class ServiceNetwork:
    """The Allocator of Services."""

    def __init__(self, cidr: str, env: Env, node_ports: tuple[int, int] = NODE_PORTS) -> None:
        """`cidr`: the range of cluster addresses; `node_ports`: first and last."""
        self._range = ipaddress.ip_network(cidr)
        self._node_ports = node_ports
        self._random = env.random
        size = self._range.num_addresses - (2 if self._range.version == 4 else 1)
        self._addresses = Supply(size, _reserved(self._range.num_addresses, 16, 256))
        ports = node_ports[1] - node_ports[0] + 1
        self._ports = Supply(ports, _reserved(ports, 32, 128))
        self._addresses.take(0)

    @property
    def api_address(self) -> str:
        """The address of the Service `kubernetes`."""
        return self._address(0)

    def restore(self, objs: Iterable[JSON]) -> None:
        """Take what the stored Services have."""
        for service in objs:
            spec = service.get("spec") or {}
            for number in self._numbers_of_addresses(spec):
                self._addresses.take(number)
            for number in self._numbers_of_ports(spec):
                self._ports.take(number)

    def claim(self, resource: Resource, new: JSON, old: JSON | None, dry_run: bool) -> _Taken:
        spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
        taken = _Taken(self, dry_run)
        try:
            self._claim_address(resource, new, spec, before, taken)
            self._claim_ports(resource, new, spec, before, taken)
        except BaseException:
            taken.give_back()
            raise
        taken.obsolete = {
            "addresses": sorted(set(self._numbers_of_addresses(before)) - set(self._numbers_of_addresses(spec))),
            "ports": sorted(set(self._numbers_of_ports(before)) - set(self._numbers_of_ports(spec))),
        }
        return taken

    def release(self, obj: JSON) -> None:
        spec = obj.get("spec") or {}
        self.free(self._numbers_of_addresses(spec), self._numbers_of_ports(spec))

    def free(self, addresses: Iterable[int], ports: Iterable[int]) -> None:
        """Give numbers back; that of the API server's address stays taken."""
        for number in addresses:
            if number:
                self._addresses.free(number)
        for number in ports:
            self._ports.free(number)

    def _claim_address(self, resource: Resource, new: JSON, spec: JSON, before: JSON, taken: _Taken) -> None:
        if spec.get("type") not in WITH_ADDRESS or spec.get("clusterIP") == NO_ADDRESS:
            return
        wanted = spec.get("clusterIP")
        if not wanted:
            number = self._addresses.pick(self._random)
            if number is None:
                raise status.internal_error("failed to allocate a serviceIP: range is full")
            self._addresses.take(number)
            taken.addresses.append(number)
            spec["clusterIP"] = self._address(number)
            spec["clusterIPs"] = [spec["clusterIP"]]
        elif wanted != before.get("clusterIP"):
            self._take_address(resource, new, wanted, taken)
            spec.setdefault("clusterIPs", [wanted])

    def _take_address(self, resource: Resource, new: JSON, wanted: str, taken: _Taken) -> None:
        number = self._number(wanted)
        problem = ""
        if number is None:
            problem = f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {self._range}"
        elif self._addresses.is_taken(number) and (number or objects.key(new) != API_SERVICE):
            problem = "provided IP is already allocated"
        if problem or number is None:
            shown = go_strings([wanted])
            error = invalid("spec.clusterIPs", shown, f"failed to allocate IP {wanted}: {problem}")
            raise status.invalid(resource, objects.name(new), [error])
        self._addresses.take(number)
        taken.addresses.append(number)

    def _claim_ports(self, resource: Resource, new: JSON, spec: JSON, before: JSON, taken: _Taken) -> None:
        if spec.get("type") not in WITH_NODE_PORTS:
            return
        automatic = spec["type"] == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True)
        mine = set(self._numbers_of_ports(before))
        ports = spec.get("ports") or []
        for at, port in enumerate(ports):
            if port.get("nodePort"):
                self._take_port(resource, new, at, port["nodePort"], mine, taken)
        for at, port in enumerate(ports):
            if not port.get("nodePort") and automatic:
                port["nodePort"] = self._shared_port(ports[:at], port) or self._new_port(mine, taken)

    def _take_port(self, resource: Resource, new: JSON, at: int, wanted: int, mine: set[int], taken: _Taken) -> None:
        first, last = self._node_ports
        number = wanted - first
        problem = ""
        if not first <= wanted <= last:
            problem = f"provided port is not in the valid range. The range of valid ports is {first}-{last}"
        elif number in mine or number in taken.ports:
            return
        elif self._ports.is_taken(number):
            problem = "provided port is already allocated"
        if problem:
            raise status.invalid(resource, objects.name(new), [invalid(f"spec.ports[{at}].nodePort", wanted, problem)])
        self._ports.take(number)
        taken.ports.append(number)

    def _shared_port(self, earlier: list[JSON], port: JSON) -> int:
        """The same port over another protocol has the same node port."""
        for other in earlier:
            same = other.get("port") == port.get("port") and other.get("protocol") != port.get("protocol")
            if same and other.get("nodePort"):
                return int(other["nodePort"])
        return 0

    def _new_port(self, mine: set[int], taken: _Taken) -> int:
        number = self._ports.pick(self._random, mine)
        if number is None:
            raise status.internal_error("failed to allocate a nodePort: range is full")
        self._ports.take(number)
        taken.ports.append(number)
        return self._node_ports[0] + number

    def _numbers_of_addresses(self, spec: JSON) -> list[int]:
        addresses = spec.get("clusterIPs") or [spec.get("clusterIP") or NO_ADDRESS]
        numbers = [self._number(address) for address in addresses if address and address != NO_ADDRESS]
        return [number for number in numbers if number is not None]

    def _numbers_of_ports(self, spec: JSON) -> list[int]:
        first, last = self._node_ports
        ports = [port.get("nodePort") or 0 for port in spec.get("ports") or ()]
        return [port - first for port in ports if first <= port <= last]

    def _address(self, number: int) -> str:
        return str(self._range.network_address + 1 + number)

    def _number(self, address: str) -> int | None:
        """An address' place in the range; None if it lies outside, or can't be given to a Service."""
        try:
            number = int(ipaddress.ip_address(address)) - int(self._range.network_address) - 1
        except ValueError:
            return None
        return number if 0 <= number < self._addresses.size else None


def _reserved(size: int, step: int, most: int) -> int:
    """How many at the bottom are kept for those that people choose (calculateRangeOffset)."""
    return 0 if size < 16 else min(max(size // step, 16), most)
