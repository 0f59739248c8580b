"""core/v1 Endpoints (ValidateEndpoints in pkg/apis/core/validation, formatEndpoints in pkg/printers)."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

PROTOCOLS = ("SCTP", "TCP", "UDP")
_SHOWN = 3


class EndpointAddress(TypedDict, total=False):
    """One backend."""

    ip: str
    hostname: str
    nodeName: str
    targetRef: JSON


class EndpointPort(TypedDict, total=False):
    """A port that all addresses of a subset have."""

    name: str
    port: int
    protocol: str
    appProtocol: str


class EndpointSubset(TypedDict, total=False):
    """The product of addresses and ports."""

    addresses: list[EndpointAddress]
    notReadyAddresses: list[EndpointAddress]
    ports: list[EndpointPort]


class Endpoints(TypedDict, total=False):
    """Where a Service's traffic can go."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    subsets: list[EndpointSubset]


def default(obj: JSON) -> None:
    """A port is TCP."""
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def validate(obj: JSON) -> Sequence[FieldError]:
    """Each subset has addresses; addresses and ports are well formed."""
    errors: list[FieldError] = []
    for at, subset in enumerate(obj.get("subsets") or ()):
        path = f"subsets[{at}]"
        ready, waiting = subset.get("addresses") or (), subset.get("notReadyAddresses") or ()
        if not ready and not waiting:
            errors.append(validation.required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field, addresses in (("addresses", ready), ("notReadyAddresses", waiting)):
            for index, address in enumerate(addresses):
                errors += _address_errors(address, f"{path}.{field}[{index}]")
        ports = subset.get("ports") or ()
        for index, port in enumerate(ports):
            errors += _port_errors(port, f"{path}.ports[{index}]", needs_name=len(ports) > 1)
    return errors


def _address_errors(address: JSON, path: str) -> list[FieldError]:
    ip = address.get("ip") or ""
    messages = names.ip_address(ip)
    errors = validation.each(f"{path}.ip", ip, messages)
    if not messages:
        errors += special_ip_errors(ip, f"{path}.ip")
    if address.get("hostname"):
        errors += validation.each(f"{path}.hostname", address["hostname"], names.dns1123_label(address["hostname"]))
    if address.get("nodeName"):
        node = address["nodeName"]
        errors += validation.each(f"{path}.nodeName", node, names.dns1123_subdomain(node))
    return errors


def special_ip_errors(ip: str, path: str) -> list[FieldError]:
    """Addresses that no backend can have (ValidateNonSpecialIP)."""
    address = ipaddress.ip_address(ip)
    # differs: loopback addresses are allowed, because Pods have them where the cluster runs without root.
    if address.is_unspecified:
        return [validation.invalid(path, ip, f"may not be unspecified ({address})")]
    if address.is_link_local:
        return [validation.invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    if address.is_multicast and str(address).startswith(("224.0.0.", "ff02:")):
        text = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        return [validation.invalid(path, ip, text)]
    return []


def _port_errors(port: JSON, path: str, *, needs_name: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name, number, protocol = port.get("name") or "", port.get("port") or 0, port.get("protocol") or ""
    if name:
        errors += validation.each(f"{path}.name", name, names.dns1123_label(name))
    elif needs_name:
        errors.append(validation.required(f"{path}.name"))
    errors += validation.each(f"{path}.port", number, names.port_number(number))
    if not protocol:
        errors.append(validation.required(f"{path}.protocol"))
    elif protocol not in PROTOCOLS:
        errors.append(validation.unsupported(f"{path}.protocol", protocol, PROTOCOLS))
    if port.get("appProtocol"):
        errors += validation.each(f"{path}.appProtocol", port["appProtocol"], names.qualified_name(port["appProtocol"]))
    return errors


_SUBSETS = (
    "The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to the IPs "
    "they share. A single address with multiple ports, some of which are ready and some of which are not (because "
    "they come from different containers) will result in the address being displayed in different subsets for the "
    "different ports. No address will appear in both Addresses and NotReadyAddresses in the same subset. Sets of "
    "addresses and ports that comprise a service."
)
COLUMNS = (table.NAME, Column("Endpoints", description=_SUBSETS), table.AGE)


def _host_ports(subsets: Sequence[JSON], port_name: str | None) -> Iterator[str]:
    for subset in subsets:
        addresses = subset.get("addresses") or ()
        if not subset.get("ports"):
            yield from (address["ip"] for address in addresses)
            continue
        for port in subset["ports"]:
            if port_name is None or (port.get("name") or "") == port_name:
                for address in addresses:
                    ip = address["ip"]
                    yield f"[{ip}]:{port['port']}" if ":" in ip else f"{ip}:{port['port']}"


def text(obj: JSON, port_name: str | None = None) -> str:
    """`ip:port` of ready addresses, at most three: `10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...`."""
    subsets = obj.get("subsets") or ()
    if not subsets:
        return "<none>"
    found = list(_host_ports(subsets, port_name))
    shown = ",".join(found[:_SHOWN])
    return f"{shown} + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else shown


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get endpoints`."""
    return objects.name(obj), text(obj), table.created_age(obj, now)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    short_names=("ep",),
    default=default,
    validate=validate,
    create_on_update=True,
    columns=COLUMNS,
    row=row,
)
