"""The rules for Services (ValidateService, ValidateServiceUpdate in pkg/apis/core/validation).

Limits: no rules for load balancer classes, source ranges and traffic distribution beyond who may set them.
"""

from collections.abc import Sequence
from typing import Any

from seatrial.api import label_selectors
from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError, GoText, go_quote

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
PROTOCOLS = ("SCTP", "TCP", "UDP")
HEADLESS = "None"
MAX_AFFINITY_SECONDS = 86400
_KUBELET_PORT = 10250
_INTERNAL_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


def is_headless(spec: JSON) -> bool:
    """clusterIP: None."""
    return bool((spec.get("clusterIPs") or [spec.get("clusterIP")])[0] == HEADLESS)


def is_externally_accessible(spec: JSON) -> bool:
    """Whether traffic may come from outside."""
    service_type = spec.get("type")
    return service_type in ("NodePort", "LoadBalancer") or (
        service_type == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def needs_health_check_port(spec: JSON) -> bool:
    """A load balancer has to find the nodes that have local endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def validate(obj: JSON) -> Sequence[FieldError]:
    """All rules for one Service."""
    spec = obj.get("spec") or {}
    return [
        *_type_errors(spec),
        *_each_port_errors(spec),
        *label_selectors.validate_labels(spec.get("selector") or {}, "spec.selector"),
        *_affinity_errors(spec),
        *_cluster_ip_errors(spec),
        *_external_ip_errors(spec),
        *_known_type_errors(spec),
        *_port_set_errors(spec),
        *_load_balancer_errors(spec),
        *_traffic_policy_errors(spec),
    ]


def _type_errors(spec: JSON) -> list[FieldError]:
    """What each type demands."""
    service_type, ports = spec.get("type"), spec.get("ports") or ()
    errors: list[FieldError] = []
    if not ports and not is_headless(spec) and service_type != "ExternalName":
        errors.append(validation.required("spec.ports"))
    if service_type == "LoadBalancer":
        for at, port in enumerate(ports):
            if port.get("port") == _KUBELET_PORT:
                text = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
                errors.append(validation.invalid(f"spec.ports[{at}]", _KUBELET_PORT, text))
    if service_type in ("LoadBalancer", "NodePort") and is_headless(spec):
        text = f"may not be set to 'None' for {service_type} services"
        errors.append(validation.invalid("spec.clusterIPs[0]", HEADLESS, text))
    return errors + _external_name_errors(spec) if service_type == "ExternalName" else errors


def _external_name_errors(spec: JSON) -> list[FieldError]:
    fields = ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
    errors = [
        validation.forbidden(f"spec.{field}", "may not be set for ExternalName services")
        for field in fields
        if spec.get(field)
    ]
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [*errors, validation.required("spec.externalName")]
    return errors + validation.each("spec.externalName", name, names.dns1123_subdomain(name))


def _each_port_errors(spec: JSON) -> list[FieldError]:
    ports = spec.get("ports") or ()
    seen: set[str] = set()
    errors: list[FieldError] = []
    for at, port in enumerate(ports):
        path, name = f"spec.ports[{at}]", port.get("name") or ""
        if name:
            errors += validation.each(f"{path}.name", name, names.dns1123_label(name))
            if name in seen:
                errors.append(validation.duplicate(f"{path}.name", name))
            seen.add(name)
        elif len(ports) > 1:
            errors.append(validation.required(f"{path}.name"))
        errors += _port_errors(port, path)
    return errors


def _port_errors(port: JSON, path: str) -> list[FieldError]:
    number, protocol = port.get("port") or 0, port.get("protocol") or ""
    errors = validation.each(f"{path}.port", number, names.port_number(number))
    if not protocol:
        errors.append(validation.required(f"{path}.protocol"))
    elif protocol not in PROTOCOLS:
        errors.append(validation.unsupported(f"{path}.protocol", protocol, PROTOCOLS))
    target = port.get("targetPort")
    if target is not None:
        rule: Any = names.port_name if isinstance(target, str) else names.port_number
        errors += validation.each(f"{path}.targetPort", target, rule(target))
    if port.get("appProtocol"):
        errors += validation.each(f"{path}.appProtocol", port["appProtocol"], names.qualified_name(port["appProtocol"]))
    return errors


def _affinity_errors(spec: JSON) -> list[FieldError]:
    affinity, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if not affinity:
        return [validation.required("spec.sessionAffinity")]
    if affinity not in AFFINITIES:
        return [validation.unsupported("spec.sessionAffinity", affinity, AFFINITIES)]
    if affinity == "None":
        text = "must not be set when session affinity is None"
        return [validation.forbidden(path, text)] if config else []
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
    if seconds is None:
        text = "when session affinity type is ClientIP"
        return [validation.required(f"{path}.clientIP.timeoutSeconds", text)]
    if not 0 < seconds <= MAX_AFFINITY_SECONDS:
        text = f"must be greater than 0 and less than {MAX_AFFINITY_SECONDS}"
        return [validation.invalid(f"{path}.clientIP.timeoutSeconds", seconds, text)]
    return []


def _cluster_ip_errors(spec: JSON) -> list[FieldError]:
    """clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy fit together."""
    if spec.get("type") == "ExternalName":
        return []
    ip, ips = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    errors: list[FieldError] = []
    if ip and not ips:
        errors.append(validation.required("spec.clusterIPs"))
    elif ips and not ip:
        errors.append(validation.required("spec.clusterIP"))
    elif ips and ips[0] != ip:
        errors.append(validation.invalid("spec.clusterIPs", ips, "element [0] must match clusterIP"))
    return [*errors, *_family_errors(spec), *_address_errors(ips)]


def _family_errors(spec: JSON) -> list[FieldError]:
    families, policy = spec.get("ipFamilies") or [], spec.get("ipFamilyPolicy")
    errors: list[FieldError] = []
    if len(families) > 2:
        errors.append(validation.invalid("spec.ipFamilies", families, "may only hold up to 2 values"))
    for at, family in enumerate(families):
        if family not in FAMILIES:
            errors.append(validation.unsupported(f"spec.ipFamilies[{at}]", family, FAMILIES))
        if family in families[:at]:
            errors.append(validation.duplicate(f"spec.ipFamilies[{at}]", family))
    if policy is not None and policy not in FAMILY_POLICIES:
        errors.append(validation.unsupported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    return errors


def _address_errors(ips: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(ips) > 2:
        errors.append(validation.invalid("spec.clusterIPs", ips, "may only hold up to 2 values"))
    for at, ip in enumerate(ips):
        if at == 0 and ip == HEADLESS:
            if len(ips) > 1:
                errors.append(validation.invalid("spec.clusterIPs", ips, "'None' must be the first and only value"))
            continue
        errors += validation.each(f"spec.clusterIPs[{at}]", ip, names.ip_address(ip))
        if ip in ips[:at]:
            errors.append(validation.duplicate(f"spec.clusterIPs[{at}]", ip))
    return errors


def _external_ip_errors(spec: JSON) -> list[FieldError]:
    errors: list[FieldError] = []
    for at, ip in enumerate(spec.get("externalIPs") or ()):
        errors += validation.each(f"spec.externalIPs[{at}]", ip, names.ip_address(ip))
    return errors


def _known_type_errors(spec: JSON) -> list[FieldError]:
    service_type = spec.get("type") or ""
    if not service_type:
        return [validation.required("spec.type")]
    if service_type not in TYPES:
        return [validation.unsupported("spec.type", service_type, TYPES)]
    if service_type != "ClusterIP":
        return []
    return [
        validation.forbidden(f"spec.ports[{at}].nodePort", "may not be used when `type` is 'ClusterIP'")
        for at, port in enumerate(spec.get("ports") or ())
        if port.get("nodePort")
    ]


def _go_port(port: JSON) -> GoText:
    fields = f'Name:"", Protocol:{go_quote(port.get("protocol") or "")}, AppProtocol:(*string)(nil)'
    target = 'TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}'
    return GoText(f"core.ServicePort{{{fields}, Port:{port.get('port') or 0}, {target}, NodePort:0}}")


def _port_set_errors(spec: JSON) -> list[FieldError]:
    """No two ports share protocol and number, nor protocol and node port."""
    node_ports: list[FieldError] = []
    ports: list[FieldError] = []
    seen_node_ports: set[tuple[str, int]] = set()
    seen_ports: set[tuple[str, int]] = set()
    for at, port in enumerate(spec.get("ports") or ()):
        protocol, number, node_port = port.get("protocol") or "", port.get("port") or 0, port.get("nodePort")
        if node_port and (protocol, node_port) in seen_node_ports:
            node_ports.append(validation.duplicate(f"spec.ports[{at}].nodePort", node_port))
        if (protocol, number) in seen_ports:
            ports.append(validation.duplicate(f"spec.ports[{at}]", _go_port(port)))
        seen_ports.add((protocol, number))
        if node_port:
            seen_node_ports.add((protocol, node_port))
    return node_ports + ports


def _load_balancer_errors(spec: JSON) -> list[FieldError]:
    balanced, allocate = spec.get("type") == "LoadBalancer", spec.get("allocateLoadBalancerNodePorts")
    text = "may only be used when `type` is 'LoadBalancer'"
    errors: list[FieldError] = []
    if spec.get("loadBalancerSourceRanges") and not balanced:
        errors.append(validation.forbidden("spec.LoadBalancerSourceRanges", text))
    if balanced and allocate is None:
        errors.append(validation.required("spec.allocateLoadBalancerNodePorts"))
    elif not balanced and allocate is not None:
        errors.append(validation.forbidden("spec.allocateLoadBalancerNodePorts", text))
    if spec.get("loadBalancerClass") is not None and not balanced:
        errors.append(validation.forbidden("spec.loadBalancerClass", text))
    return errors


def _traffic_policy_errors(spec: JSON) -> list[FieldError]:
    errors: list[FieldError] = []
    external, path = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    if not is_externally_accessible(spec):
        if external:
            text = "may only be set for externally-accessible services"
            errors.append(validation.invalid(path, external, text))
    elif not external:
        errors.append(validation.required(path))
    elif external not in ("Cluster", "Local"):
        errors.append(validation.unsupported(path, external, ("Cluster", "Local")))
    port = spec.get("healthCheckNodePort")
    if port and not needs_health_check_port(spec):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(validation.invalid("spec.healthCheckNodePort", port, text))
    return errors + _internal_policy_errors(spec)


def _internal_policy_errors(spec: JSON) -> list[FieldError]:
    internal, path = spec.get("internalTrafficPolicy"), "spec.internalTrafficPolicy"
    if internal is None:
        return [validation.required(path)] if spec.get("type") in _INTERNAL_TYPES else []
    if internal not in ("Cluster", "Local"):
        return [validation.unsupported(path, internal, ("Cluster", "Local"))]
    return []


def validate_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """Addresses stay once they are given, unless the Service is or was an ExternalName or stays headless."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return []
    if is_headless(spec) and is_headless(before):
        return []
    ips, old_ips = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if not ips and old_ips:
        return [validation.invalid("spec.clusterIPs[0]", ips, "primary clusterIP can not be unset")]
    return [
        validation.invalid(f"spec.clusterIPs[{at}]", ips, "may not change once set")
        for at, (ip, old_ip) in enumerate(zip(ips, old_ips, strict=False))
        if ip != old_ip
    ]
