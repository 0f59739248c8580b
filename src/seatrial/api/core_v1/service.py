"""core/v1 Service (pkg/registry/core/service/strategy.go, pkg/apis/core/v1/defaults.go, printService in pkg/printers).

The rules are in service_validation.py; addresses and node ports are handed out by the API server, not here. The
cluster has one address family; a Service that names none gets IPv4, or the family of the clusterIP it asks for.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import service_validation as rules
from seatrial.api.meta_v1 import Condition, ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table
from seatrial.machinery.table import Column

CLIENT_IP_SECONDS = 10800
_NODE_PORT_TYPES = ("NodePort", "LoadBalancer")
_CLUSTER_IP_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


class ServicePort(TypedDict, total=False):
    """A port of the Service and where its traffic goes."""

    name: str
    protocol: str
    port: int
    targetPort: int | str
    nodePort: int
    appProtocol: str


class ServiceSpec(TypedDict, total=False):
    """Which Pods, at which addresses."""

    type: str
    selector: dict[str, str]
    ports: list[ServicePort]
    clusterIP: str
    clusterIPs: list[str]
    ipFamilies: list[str]
    ipFamilyPolicy: str
    externalIPs: list[str]
    externalName: str
    sessionAffinity: str
    sessionAffinityConfig: JSON
    externalTrafficPolicy: str
    internalTrafficPolicy: str
    publishNotReadyAddresses: bool
    healthCheckNodePort: int
    allocateLoadBalancerNodePorts: bool


class ServiceStatus(TypedDict, total=False):
    """What a load balancer gave it."""

    loadBalancer: JSON
    conditions: list[Condition]


class Service(TypedDict, total=False):
    """One stable address for a changing set of Pods."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ServiceSpec
    status: ServiceStatus


def default(obj: JSON) -> None:
    """Type, affinity, ports, traffic policies and address families."""
    spec = obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("loadBalancer", {})
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    _default_affinity(spec)
    _default_ports(spec)
    if rules.is_externally_accessible(spec) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec["type"] in _CLUSTER_IP_TYPES and spec.get("internalTrafficPolicy") is None:
        spec["internalTrafficPolicy"] = "Cluster"
    if spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True


def _default_affinity(spec: JSON) -> None:
    if not spec.get("sessionAffinity"):
        spec["sessionAffinity"] = "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": CLIENT_IP_SECONDS}}


def _default_ports(spec: JSON) -> None:
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port") or 0


def default_families(spec: JSON) -> None:
    """clusterIPs from clusterIP (or the reverse), and the family; done before addresses are given (changes `spec`)."""
    if spec.get("type") == "ExternalName":
        return
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    headless_without_selector = rules.is_headless(spec) and not spec.get("selector")
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = "RequireDualStack" if headless_without_selector else "SingleStack"
    if not spec.get("ipFamilies"):
        first = (spec.get("clusterIPs") or [""])[0]
        spec["ipFamilies"] = ["IPv6" if ":" in first else "IPv4"]
    if headless_without_selector and spec["ipFamilyPolicy"] != "SingleStack" and len(spec["ipFamilies"]) == 1:
        spec["ipFamilies"].append("IPv4" if spec["ipFamilies"][0] == "IPv6" else "IPv6")


def prepare_for_create(obj: JSON) -> None:
    """No load balancer yet; one address list; families."""
    obj["status"] = {"loadBalancer": {}}
    default_families(obj["spec"])


def prepare_for_update(new: JSON, old: JSON) -> None:
    """What the client left out of addresses and ports is filled in from `old`; what a new type has no use for goes."""
    spec, before = new["spec"], old["spec"]
    _normalize_cluster_ips(spec, before)
    _keep_addresses(spec, before)
    _keep_node_ports(spec, before)
    _drop_unneeded(spec, before)
    if "ipFamilies" not in spec and "ipFamilies" in before and spec["type"] != "ExternalName":
        spec["ipFamilies"] = list(before["ipFamilies"])
    if "ipFamilyPolicy" not in spec and "ipFamilyPolicy" in before and spec["type"] != "ExternalName":
        spec["ipFamilyPolicy"] = before["ipFamilyPolicy"]
    default_families(spec)


def _normalize_cluster_ips(spec: JSON, before: JSON) -> None:
    """Clients that know only clusterIP change clusterIPs with it."""
    ip, old_ip = spec.get("clusterIP") or "", before.get("clusterIP") or ""
    if ip == old_ip or (spec.get("clusterIPs") or []) != (before.get("clusterIPs") or []):
        return
    if ip:
        spec["clusterIPs"] = [ip]
    else:
        spec.pop("clusterIPs", None)


def _keep_addresses(spec: JSON, before: JSON) -> None:
    if spec["type"] not in _CLUSTER_IP_TYPES or before.get("type") not in _CLUSTER_IP_TYPES:
        return
    if not spec.get("clusterIP") and before.get("clusterIP"):
        spec["clusterIP"] = before["clusterIP"]
    if not spec.get("clusterIPs") and before.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP"):
        spec["clusterIPs"] = list(before["clusterIPs"])


def _keep_node_ports(spec: JSON, before: JSON) -> None:
    if spec["type"] not in _NODE_PORT_TYPES or before.get("type") not in _NODE_PORT_TYPES:
        return
    old_ports, ports = before.get("ports") or (), spec.get("ports") or ()
    used = {port.get("nodePort") for port in old_ports} & {port.get("nodePort") for port in ports}
    by_name = {port.get("name") or "": port.get("nodePort") for port in old_ports}
    for port in ports:
        known = by_name.get(port.get("name") or "")
        if not port.get("nodePort") and known and known not in used:
            port["nodePort"] = known
            used.add(known)
    if (
        rules.needs_health_check_port(spec)
        and not spec.get("healthCheckNodePort")
        and before.get("healthCheckNodePort")
    ):
        spec["healthCheckNodePort"] = before["healthCheckNodePort"]


def _drop_unneeded(spec: JSON, before: JSON) -> None:
    """A type change drops what the client merely sent back (dropTypeDependentFields)."""

    def drop(*fields: str) -> None:
        if all(spec.get(field) == before.get(field) for field in fields):
            for field in fields:
                spec.pop(field, None)

    if spec["type"] not in _CLUSTER_IP_TYPES:
        drop("clusterIP", "clusterIPs")
        drop("ipFamilies")
        drop("ipFamilyPolicy")
        drop("internalTrafficPolicy")
    if spec["type"] not in _NODE_PORT_TYPES and before.get("type") in _NODE_PORT_TYPES:
        _drop_node_ports(spec, before)
    if not rules.needs_health_check_port(spec):
        drop("healthCheckNodePort")
    if spec["type"] != "LoadBalancer":
        drop("allocateLoadBalancerNodePorts")
        drop("loadBalancerClass")
    if not rules.is_externally_accessible(spec):
        drop("externalTrafficPolicy")
    if spec["type"] != "ExternalName" and before.get("type") == "ExternalName":
        drop("externalName")


def _drop_node_ports(spec: JSON, before: JSON) -> None:
    old_ports = {(port.get("protocol"), port.get("nodePort")) for port in before.get("ports") or ()}
    ports = spec.get("ports") or ()
    if all((port.get("protocol"), port.get("nodePort")) in old_ports for port in ports if port.get("nodePort")):
        for port in ports:
            port.pop("nodePort", None)


_TYPE = (
    "type determines how the Service is exposed. Defaults to ClusterIP. Valid options are ExternalName, ClusterIP, "
    'NodePort, and LoadBalancer. "ClusterIP" allocates a cluster-internal IP address for load-balancing to endpoints. '
    "Endpoints are determined by the selector or if that is not specified, by manual construction of an Endpoints "
    'object or EndpointSlice objects. If clusterIP is "None", no virtual IP is allocated and the endpoints are '
    'published as a set of endpoints rather than a virtual IP. "NodePort" builds on ClusterIP and allocates a port on '
    'every node which routes to the same endpoints as the clusterIP. "LoadBalancer" builds on NodePort and creates an '
    "external load-balancer (if supported in the current cloud) which routes to the same endpoints as the clusterIP. "
    '"ExternalName" aliases this service to the specified externalName. Several other fields do not apply to '
    "ExternalName services. More info: "
    "https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types"
)
_CLUSTER_IP = (
    "clusterIP is the IP address of the service and is usually assigned randomly. If an address is specified manually, "
    "is in-range (as per system configuration), and is not in use, it will be allocated to the service; otherwise "
    "creation of the service will fail. This field may not be changed through updates unless the type field is also "
    "being changed to ExternalName (which requires this field to be blank) or the type field is being changed from "
    "ExternalName (in which case this field may optionally be specified, as describe above).  Valid values are "
    '"None", empty string (""), or a valid IP address. Setting this to "None" makes a "headless service" (no virtual '
    "IP), which is useful when direct endpoint connections are preferred and proxying is not required.  Only applies "
    "to types ClusterIP, NodePort, and LoadBalancer. If this field is specified when creating a Service of type "
    "ExternalName, creation will fail. This field will be wiped when updating a Service to type ExternalName. More "
    "info: https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"
)
_EXTERNAL_IPS = (
    "externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this service.  "
    "These IPs are not managed by Kubernetes.  The user is responsible for ensuring that traffic arrives at a node "
    "with this IP.  A common example is external load-balancers that are not part of the Kubernetes system."
)
_PORTS = (
    "The list of ports that are exposed by this service. More info: "
    "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"
)
_SELECTOR = (
    "Route service traffic to pods with label keys and values matching this selector. If empty or not present, the "
    "service is assumed to have an external process managing its endpoints, which Kubernetes will not modify. Only "
    "applies to types ClusterIP, NodePort, and LoadBalancer. Ignored if type is ExternalName. More info: "
    "https://kubernetes.io/docs/concepts/services-networking/service/"
)
COLUMNS = (
    table.NAME,
    Column("Type", description=_TYPE),
    Column("Cluster-IP", description=_CLUSTER_IP),
    Column("External-IP", description=_EXTERNAL_IPS),
    Column("Port(s)", description=_PORTS),
    table.AGE,
    Column("Selector", description=_SELECTOR, priority=1),
)


def _port_text(port: JSON) -> str:
    node_port = port.get("nodePort")
    number = f"{port.get('port')}:{node_port}" if node_port else str(port.get("port"))
    return f"{number}/{port.get('protocol') or 'TCP'}"


def _external_ip_text(obj: JSON) -> str:
    spec = obj.get("spec") or {}
    external = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(external) or "<none>"
        case "LoadBalancer":
            ingress = objects.get(obj, "status", "loadBalancer", "ingress", default=())
            given = sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})
            return ",".join([*given, *external]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName") or "")
    return "<unknown>"


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get services`."""
    spec = obj.get("spec") or {}
    selector = sorted((spec.get("selector") or {}).items())
    return (
        objects.name(obj),
        spec.get("type") or "",
        (spec.get("clusterIPs") or ["<none>"])[0],
        _external_ip_text(obj),
        ",".join(_port_text(port) for port in spec.get("ports") or ()) or "<none>",
        table.created_age(obj, now),
        ",".join(f"{key}={value}" for key, value in selector) or "<none>",
    )


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    singular="service",
    short_names=("svc",),
    categories=("all",),
    subresources=("proxy", "status"),
    default=default,
    validate=rules.validate,
    validate_update=rules.validate_update,
    prepare_for_create=prepare_for_create,
    prepare_for_update=prepare_for_update,
    wipe_status_on_create=True,
    create_on_update=True,
    returns_deleted=True,
    name_rule="label1035",
    columns=COLUMNS,
    row=row,
)
