"""discovery.k8s.io/v1 EndpointSlice (pkg/apis/discovery/validation, pkg/registry/discovery, pkg/printers)."""

import ipaddress
from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import endpoints as core_endpoints
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MAX_ADDRESSES = 100
MAX_PORTS = 20_000
MAX_ENDPOINTS = 1000
_SHOWN = 3


class EndpointConditions(TypedDict, total=False):
    """Whether an endpoint takes traffic, could take it, and is on its way out."""

    ready: bool
    serving: bool
    terminating: bool


class Endpoint(TypedDict, total=False):
    """One backend."""

    addresses: list[str]
    conditions: EndpointConditions
    hostname: str
    nodeName: str
    targetRef: JSON
    zone: str


class EndpointPort(TypedDict, total=False):
    """A port that all endpoints have."""

    name: str
    port: int
    protocol: str
    appProtocol: str


class EndpointSlice(TypedDict, total=False):
    """A part of a Service's endpoints."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    addressType: str
    endpoints: list[Endpoint]
    ports: list[EndpointPort]


def default(obj: JSON) -> None:
    """A port has the name "" and is TCP."""
    for port in obj.get("ports") or ():
        if port.get("name") is None:
            port["name"] = ""
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for endpoint in obj.get("endpoints") or ():
        endpoint.setdefault("conditions", {})


def validate(obj: JSON) -> Sequence[FieldError]:
    """The address type is known and all addresses are of it; ports have distinct names."""
    errors: list[FieldError] = []
    address_type = obj.get("addressType") or ""
    if not address_type:
        errors.append(validation.required("addressType"))
    elif address_type not in ADDRESS_TYPES:
        errors.append(validation.unsupported("addressType", address_type, ADDRESS_TYPES))
    endpoints, ports = obj.get("endpoints") or (), obj.get("ports") or ()
    if len(endpoints) > MAX_ENDPOINTS:
        return [*errors, validation.too_many("endpoints", len(endpoints), MAX_ENDPOINTS)]
    for at, endpoint in enumerate(endpoints):
        errors += _endpoint_errors(endpoint, address_type, f"endpoints[{at}]")
    if len(ports) > MAX_PORTS:
        return [*errors, validation.too_many("ports", len(ports), MAX_PORTS)]
    return errors + _ports_errors(ports)


def _endpoint_errors(endpoint: JSON, address_type: str, path: str) -> list[FieldError]:
    addresses = endpoint.get("addresses") or ()
    errors: list[FieldError] = []
    if not addresses:
        errors.append(validation.required(f"{path}.addresses", "must contain at least 1 address"))
    elif len(addresses) > MAX_ADDRESSES:
        errors.append(validation.too_many(f"{path}.addresses", len(addresses), MAX_ADDRESSES))
    for at, address in enumerate(addresses):
        errors += _address_errors(address, address_type, f"{path}.addresses[{at}]")
    if endpoint.get("nodeName"):
        node = endpoint["nodeName"]
        errors += validation.each(f"{path}.nodeName", node, names.dns1123_subdomain(node))
    if endpoint.get("hostname"):
        errors += validation.each(f"{path}.hostname", endpoint["hostname"], names.dns1123_label(endpoint["hostname"]))
    return errors


def _address_errors(address: str, address_type: str, path: str) -> list[FieldError]:
    if address_type == "FQDN":
        return validation.each(path, address, names.dns1123_subdomain(address))
    if address_type not in ADDRESS_TYPES:
        return []
    version = 4 if address_type == "IPv4" else 6
    try:
        right = ipaddress.ip_address(address).version == version
    except ValueError:
        right = False
    if not right:
        return [validation.invalid(path, address, f"must be a valid {address_type} address")]
    return core_endpoints.special_ip_errors(address, path)


def _ports_errors(ports: Sequence[JSON]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for at, port in enumerate(ports):
        path = f"ports[{at}]"
        name, protocol, number = port.get("name") or "", port.get("protocol") or "", port.get("port")
        if name:
            errors += validation.each(f"{path}.name", name, names.dns1123_label(name))
        if name in seen:
            errors.append(validation.duplicate(f"{path}.name", name))
        seen.add(name)
        if not protocol:
            errors.append(validation.required(f"{path}.protocol"))
        elif protocol not in core_endpoints.PROTOCOLS:
            errors.append(validation.unsupported(f"{path}.protocol", protocol, core_endpoints.PROTOCOLS))
        if number is not None:
            errors += validation.each(f"{path}.port", number, names.port_number(number))
        if port.get("appProtocol"):
            errors += validation.each(
                f"{path}.appProtocol", port["appProtocol"], names.qualified_name(port["appProtocol"])
            )
    return errors


def validate_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """The address type stays."""
    if new.get("addressType") == old.get("addressType"):
        return []
    return [validation.immutable("addressType", new.get("addressType") or "")]


def _without_metadata(obj: JSON) -> Any:
    return obj.get("endpoints"), obj.get("ports"), obj.get("addressType"), objects.labels(obj)


_ADDRESS_TYPE = (
    "addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice must be the "
    "same type. This field is immutable after creation. The following address types are currently supported: * IPv4: "
    "Represents an IPv4 Address. * IPv6: Represents an IPv6 Address. * FQDN: Represents a Fully Qualified Domain Name."
)
_PORTS = (
    "ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have a unique "
    "name. When ports is empty, it indicates that there are no defined ports. When a port is defined with a nil port "
    'value, it indicates "all ports". Each slice may include a maximum of 100 ports.'
)
_ENDPOINTS = (
    "endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 endpoints."
)
COLUMNS = (
    table.NAME,
    Column("AddressType", description=_ADDRESS_TYPE),
    Column("Ports", description=_PORTS),
    Column("Endpoints", description=_ENDPOINTS),
    table.AGE,
)


def _some(texts: Sequence[str]) -> str:
    shown = ",".join(texts[:_SHOWN]) or "<unset>"
    return f"{shown} + {len(texts) - _SHOWN} more..." if len(texts) > _SHOWN else shown


def _port_text(port: JSON) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return port["name"] if port.get("name") is not None else "*"


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get endpointslices`."""
    ports = [_port_text(port) for port in obj.get("ports") or ()]
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return objects.name(obj), obj.get("addressType") or "", _some(ports), _some(addresses), table.created_age(obj, now)


RESOURCE = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    singular="endpointslice",
    default=default,
    validate=validate,
    validate_update=validate_update,
    has_generation=True,
    generation_fields=_without_metadata,
    columns=COLUMNS,
    row=row,
)
