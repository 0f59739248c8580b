"""PodSpec: what Pods and all workload templates share. Defaults and validation.

Follows SetDefaults_PodSpec, SetDefaults_Pod and ValidatePodSpec of pkg/apis/core (1.32).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson

from seatrial.api import label_selectors
from seatrial.api.core_v1 import containers, placement, resources, volumes
from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_DEFAULTS: Mapping[str, Any] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_MAX_INT32 = 2147483647


def default_pod_spec(spec: JSON) -> None:
    """Defaults that Pods and templates have in common."""
    for name, value in _DEFAULTS.items():
        if not spec.get(name):
            spec[name] = value
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("serviceAccount") and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    elif spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    resources.default_quantities(spec.get("overhead"))
    for volume in spec.get("volumes") or ():
        volumes.default_volume(volume)
    for container in all_containers(spec):
        containers.default_container(container)


def default_pod_only(spec: JSON) -> None:
    """Defaults that a Pod has and a template has not."""
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    for container in all_containers(spec):
        resources.default_requests(container)
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort")


def all_containers(spec: Mapping[str, Any]) -> Iterator[JSON]:
    """Init containers, then containers."""
    return chain(spec.get("initContainers") or (), spec.get("containers") or ())


def validate_pod_spec(spec: Mapping[str, Any], path: str) -> tuple[FieldError, ...]:
    """All rules of a PodSpec, in upstream's order. Remembered, as the Pods of one template are all alike."""
    return _known_errors(orjson.dumps(spec), path)


@lru_cache(maxsize=256)
def _known_errors(encoded: bytes, path: str) -> tuple[FieldError, ...]:
    return tuple(_errors(orjson.loads(encoded), path))


def _errors(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    grace_period = spec.get("terminationGracePeriodSeconds") or 0
    main, init = spec.get("containers") or (), spec.get("initContainers") or ()
    volume_names = frozenset(volume.get("name") or "" for volume in spec.get("volumes") or ())
    yield from volumes.validate_volumes(spec.get("volumes") or (), f"{path}.volumes")
    yield from containers.validate_containers(main, f"{path}.containers", volume_names, grace_period)
    yield from containers.validate_init_containers(init, main, f"{path}.initContainers", volume_names, grace_period)
    yield from _validate_policies(spec, path)
    yield from label_selectors.validate_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from _validate_security(spec, path)
    yield from placement.validate_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _validate_gates(spec, path)
    yield from placement.validate_spread_constraints(
        spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints"
    )
    yield from _validate_names(spec, path)
    yield from _validate_times(spec, path)
    yield from placement.validate_tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    for name, text in sorted((spec.get("overhead") or {}).items()):
        yield from resources.validate_quantity(text, f"{path}.overhead[{name}]")


def _validate_policies(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name, choices in (("restartPolicy", RESTART_POLICIES), ("dnsPolicy", _DNS_POLICIES)):
        value = spec.get(name) or ""
        if not value:
            yield validation.required(f"{path}.{name}")
        elif value not in choices:
            yield validation.unsupported(f"{path}.{name}", value, choices)
    policy = spec.get("preemptionPolicy") or "PreemptLowerPriority"
    if policy not in ("PreemptLowerPriority", "Never"):
        yield validation.unsupported(f"{path}.preemptionPolicy", policy, ("PreemptLowerPriority", "Never"))
    if spec.get("dnsPolicy") == "None" and not (spec.get("dnsConfig") or {}).get("nameservers"):
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield validation.required(
            f"{path}.dnsConfig.nameservers" if spec.get("dnsConfig") else f"{path}.dnsConfig", detail
        )


def _validate_security(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    context = spec.get("securityContext") or {}
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= _MAX_INT32:
            yield validation.invalid(
                f"{path}.securityContext.{name}", value, "must be between 0 and 2147483647, inclusive"
            )
    if spec.get("hostNetwork"):
        for kind in ("containers", "initContainers"):
            yield from _validate_host_ports(spec.get(kind) or (), f"{path}.{kind}")


def _validate_host_ports(listed: Any, path: str) -> Iterator[FieldError]:
    for index, container in enumerate(listed):
        for number, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                yield validation.invalid(
                    f"{path}[{index}].ports[{number}].containerPort",
                    port.get("containerPort"),
                    "must match `hostPort` when `hostNetwork` is true",
                )


def _validate_gates(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        for message in names.qualified_name(gate.get("conditionType") or ""):
            yield validation.invalid(
                f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType") or "", message
            )
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name = gate.get("name") or ""
        here = f"{path}.schedulingGates[{index}]"
        for message in names.qualified_name(name):
            yield validation.invalid(here, name, message)
        if name in seen:
            yield validation.duplicate(here, name)
        seen.add(name)


def _validate_names(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        for message in names.dns1123_subdomain(spec[field]) if spec.get(field) else ():
            yield validation.invalid(f"{path}.{field}", spec[field], message)
    for field in ("hostname", "subdomain"):
        for message in names.dns1123_label(spec[field]) if spec.get(field) else ():
            yield validation.invalid(f"{path}.{field}", spec[field], message)


def _validate_times(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_INT32:
        detail = f"must be between 1 and {_MAX_INT32}, inclusive"
        yield validation.invalid(f"{path}.activeDeadlineSeconds", deadline, detail)
    period = spec.get("terminationGracePeriodSeconds")
    if period is not None and period < 0:
        yield validation.invalid(f"{path}.terminationGracePeriodSeconds", period, "must be greater than or equal to 0")
