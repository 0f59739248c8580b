"""Which addresses a Service is served at, and by which endpoints: pure (after pkg/proxy/topology.go and service.go).

Rules: ready endpoints take the traffic; when there are none, those that are serving while they terminate
(ProxyTerminatingEndpoints); when there are none either, connections are refused. All endpoints count as local,
because all nodes are on this host.

# differs: TCP only; no external IPs, load-balancer addresses or topology hints. A port that can't be bound without
privileges is served 10000 higher, on the same address, and so are the Pods' ports.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.workloads import ports

DEFAULT_AFFINITY_SECONDS = 10800


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """What the host offers. `node_addresses`: where node ports listen. `services`: None means any cluster IP."""

    lowest_bindable_port: int
    pod_lowest_bindable_port: int
    services: IPv4Network | None = None
    node_addresses: tuple[str, ...] = ("127.0.0.1",)


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a connection can go. `pod_uid` is "" for an address that is no Pod's."""

    ip: str
    port: int
    pod_uid: str = ""


@dataclass(frozen=True, slots=True)
class ServedPort:
    """One address and port to listen on, and who answers. `service_port` is the port meant, `port` the one bound."""

    address: str
    port: int
    service_port: int
    service: Key
    port_name: str
    http: bool
    affinity_seconds: float | None
    ready: tuple[Endpoint, ...]
    draining: tuple[Endpoint, ...]

    @property
    def remapped(self) -> bool:
        return self.port != self.service_port


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the Service's owner should hear of, as an event on the Service."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """All that a Service needs on this host."""

    ports: tuple[ServedPort, ...] = ()
    notices: tuple[Notice, ...] = ()


NOTHING = ServiceTable()


def decide(service: JSON | None, slices: Sequence[JSON], host: HostAddresses) -> ServiceTable:
    """The table of one Service (None: it is gone) with its EndpointSlices."""
    if service is None or service["spec"].get("type") == "ExternalName":
        return NOTHING
    addresses = list(_cluster_addresses(service["spec"], host.services))
    served: dict[tuple[str, int], ServedPort] = {}
    notices: list[Notice] = []
    for port in service["spec"].get("ports") or ():
        if port.get("protocol", "TCP") != "TCP":
            notices.append(_unsupported(port))
            continue
        for one in _served(service, port, slices, host, addresses):
            _add(served, one, notices)
    return ServiceTable(tuple(served[key] for key in sorted(served)), tuple(notices))


def _served(
    service: JSON, port: JSON, slices: Sequence[JSON], host: HostAddresses, addresses: Sequence[str]
) -> Iterable[ServedPort]:
    spec = service["spec"]
    ready, draining = _endpoints(slices, port, host.pod_lowest_bindable_port)
    places = [(address, int(port["port"])) for address in addresses]
    if port.get("nodePort"):
        places += [(address, int(port["nodePort"])) for address in host.node_addresses]
    for address, number in places:
        yield ServedPort(
            address=address,
            port=ports.reachable_port(number, host.lowest_bindable_port),
            service_port=number,
            service=objects.key(service),
            port_name=port.get("name", ""),
            http=speaks_http(port),
            affinity_seconds=_affinity(spec),
            ready=ready,
            draining=draining,
        )


def speaks_http(port: JSON) -> bool:
    """Whether the port says that it carries HTTP/1.x: by appProtocol, else by a name that begins with http."""
    protocol = port.get("appProtocol")
    if protocol:
        return protocol.lower() in ("http", "kubernetes.io/ws")
    name = port.get("name", "")
    return name.startswith("http") and not name.startswith(("https", "http2"))


def _add(served: dict[tuple[str, int], ServedPort], one: ServedPort, notices: list[Notice]) -> None:
    """A port asked for by its own number goes before one that was moved to it."""
    place = (one.address, one.port)
    other = served.get(place)
    if other is not None and not other.remapped:
        notices.append(_unserved(one))
        return
    if other is not None:
        notices[notices.index(_remapped(other))] = _unserved(other)
    served[place] = one
    if one.remapped:
        notices.append(_remapped(one))


def _remapped(one: ServedPort) -> Notice:
    return Notice(
        "PortRemapped",
        f"port {one.service_port} can't be bound without privileges, it is served at {one.address}:{one.port}",
    )


def _unserved(one: ServedPort) -> Notice:
    return Notice(
        "PortNotAvailable", f"port {one.service_port} is not served: {one.address}:{one.port} is another port's"
    )


def _unsupported(port: JSON) -> Notice:
    return Notice(
        "UnsupportedProtocol", f"port {port['port']} is not served: protocol {port['protocol']} is not supported"
    )


def _cluster_addresses(spec: JSON, block: IPv4Network | None) -> Iterable[str]:
    for address in spec.get("clusterIPs") or [spec.get("clusterIP", "")]:
        if not address or address == "None" or ":" in address:
            continue
        if block is None or IPv4Address(address) in block:
            yield address


def _affinity(spec: JSON) -> float | None:
    if spec.get("sessionAffinity") != "ClientIP":
        return None
    seconds = objects.get(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    return float(seconds if seconds is not None else DEFAULT_AFFINITY_SECONDS)


def _endpoints(
    slices: Sequence[JSON], port: JSON, pod_lowest: int
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """(ready, serving while terminating), each in order and once."""
    ready: set[Endpoint] = set()
    draining: set[Endpoint] = set()
    for piece in slices:
        if piece.get("addressType", "IPv4") != "IPv4":
            continue
        for number in _target_ports(piece, port):
            for entry in piece.get("endpoints") or ():
                conditions = entry.get("conditions") or {}
                if conditions.get("ready") is not False:
                    ready.update(_of_entry(entry, number, pod_lowest))
                elif conditions.get("serving") and conditions.get("terminating"):
                    draining.update(_of_entry(entry, number, pod_lowest))
    return tuple(sorted(ready)), tuple(sorted(draining - ready))


def _target_ports(piece: JSON, port: JSON) -> Iterable[int]:
    """The slice's ports that belong to this Service port: they have its name."""
    for target in piece.get("ports") or ():
        if target.get("port") and (target.get("name") or "") == port.get("name", ""):
            yield int(target["port"])


def _of_entry(entry: JSON, number: int, pod_lowest: int) -> Iterable[Endpoint]:
    target = entry.get("targetRef") or {}
    is_pod = target.get("kind") == "Pod"
    for address in (entry.get("addresses") or ())[:1]:
        reachable = ports.reachable_port(number, pod_lowest) if is_pod else number
        yield Endpoint(address, reachable, target.get("uid", "") if is_pod else "")
