"""Containers of a Pod: defaults and validation.

Follows SetDefaults_Container and validateContainers of pkg/apis/core (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.api.core_v1 import probes, resources, volumes
from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ENV_FIELD_PATHS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_ENV_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_ID_RANGE = "must be between 0 and 2147483647, inclusive"
SIDECARS_ONLY = "may not be set for init containers without restartPolicy=Always"


def default_container(container: JSON) -> None:
    """Everything that the API server fills into a container."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        if variable.get("valueFrom"):
            volumes.default_field_selectors(variable["valueFrom"])
    resources.default_resources(container)
    probes.default_handlers(container)


def pull_policy(image: str) -> str:
    """Always for `latest` and for images with neither tag nor digest."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """A restartable init container: runs as long as the Pod does."""
    return container.get("restartPolicy") == "Always"


def validate_containers(
    containers: Sequence[JSON], path: str, volume_names: frozenset[str], grace_period: int
) -> Iterator[FieldError]:
    """The Pod's main containers."""
    if not containers:
        yield validation.required(path)
    for index, container in enumerate(containers):
        here = f"{path}[{index}]"
        yield from _validate_container(container, here, volume_names)
        yield from probes.validate_lifecycle(container, here, grace_period)
        yield from probes.validate_probes(container, here, grace_period)
        if container.get("restartPolicy") is not None:
            yield validation.forbidden(f"{here}.restartPolicy", "may not be set for non-init containers")
    yield from _duplicate_names(containers, path, set())
    yield from _host_port_conflicts(containers, path)


def validate_init_containers(
    containers: Sequence[JSON], main: Sequence[JSON], path: str, volume_names: frozenset[str], grace_period: int
) -> Iterator[FieldError]:
    """Init containers; those with restartPolicy Always may have probes and hooks."""
    for index, container in enumerate(containers):
        here = f"{path}[{index}]"
        yield from _validate_container(container, here, volume_names)
        policy = container.get("restartPolicy")
        if policy not in (None, "Always"):
            yield validation.unsupported(f"{here}.restartPolicy", policy, ("Always",))
        if is_sidecar(container):
            yield from probes.validate_lifecycle(container, here, grace_period)
            yield from probes.validate_probes(container, here, grace_period)
            continue
        for name in ("lifecycle", *probes.PROBES):
            if container.get(name) is not None:
                yield validation.forbidden(f"{here}.{name}", SIDECARS_ONLY)
    yield from _duplicate_names(containers, path, {container.get("name") or "" for container in main})


def _validate_container(container: Mapping[str, Any], path: str, volume_names: frozenset[str]) -> Iterator[FieldError]:
    name = container.get("name") or ""
    if not name:
        yield validation.required(f"{path}.name")
    for message in names.dns1123_label(name) if name else ():
        yield validation.invalid(f"{path}.name", name, message)
    image = container.get("image") or ""
    if not image:
        yield validation.required(f"{path}.image")
    elif image != image.strip():
        yield validation.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    if container.get("terminationMessagePolicy") not in ("File", "FallbackToLogsOnError"):
        yield validation.unsupported(
            f"{path}.terminationMessagePolicy",
            container.get("terminationMessagePolicy") or "",
            ("FallbackToLogsOnError", "File"),
        )
    yield from _validate_ports(container.get("ports") or (), f"{path}.ports")
    yield from _validate_environment(container, path)
    yield from _validate_mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volume_names)
    yield from _validate_devices(container.get("volumeDevices") or (), f"{path}.volumeDevices", volume_names)
    policy = container.get("imagePullPolicy")
    if not policy:
        yield validation.required(f"{path}.imagePullPolicy")
    elif policy not in _PULL_POLICIES:
        yield validation.unsupported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES)
    yield from resources.validate_resources(container.get("resources") or {}, f"{path}.resources")
    yield from _validate_security(container.get("securityContext") or {}, f"{path}.securityContext")


def _duplicate_names(containers: Sequence[JSON], path: str, taken: set[str]) -> Iterator[FieldError]:
    for index, container in enumerate(containers):
        name = container.get("name") or ""
        if name and name in taken:
            yield validation.duplicate(f"{path}[{index}].name", name)
        taken.add(name)


def _host_port_conflicts(containers: Sequence[JSON], path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            text = f"{port.get('protocol')}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if text in seen:
                yield validation.duplicate(f"{path}[{index}].ports[{number}].hostPort", text)
            seen.add(text)


def _validate_ports(ports: Sequence[JSON], path: str) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        name = port.get("name") or ""
        messages = names.port_name(name) if name else ()
        for message in messages:
            yield validation.invalid(f"{here}.name", name, message)
        if name and not messages:
            if name in seen:
                yield validation.duplicate(f"{here}.name", name)
            seen.add(name)
        yield from _validate_port_numbers(port, here)
        protocol = port.get("protocol") or ""
        if not protocol:
            yield validation.required(f"{here}.protocol")
        elif protocol not in _PROTOCOLS:
            yield validation.unsupported(f"{here}.protocol", protocol, _PROTOCOLS)


def _validate_port_numbers(port: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    number = port.get("containerPort") or 0
    if number == 0:
        yield validation.required(f"{path}.containerPort")
    elif not 1 <= number <= 65535:
        yield validation.invalid(f"{path}.containerPort", number, probes.PORT_RANGE)
    host = port.get("hostPort") or 0
    if host and not 1 <= host <= 65535:
        yield validation.invalid(f"{path}.hostPort", host, probes.PORT_RANGE)


def _validate_environment(container: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for index, variable in enumerate(container.get("env") or ()):
        here = f"{path}.env[{index}]"
        name = variable.get("name") or ""
        if not name:
            yield validation.required(f"{here}.name")
        else:
            yield from validation.each(f"{here}.name", name, names.relaxed_env_var_name(name))
        yield from _validate_value_from(variable, f"{here}.valueFrom")
    for index, source in enumerate(container.get("envFrom") or ()):
        yield from _validate_env_from(source, f"{path}.envFrom[{index}]")


def _validate_env_from(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if source.get("prefix"):
        yield from validation.each(f"{path}.prefix", source["prefix"], names.relaxed_env_var_name(source["prefix"]))
    given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
    for name in given:
        if not source[name].get("name"):
            yield validation.required(f"{path}.{name}.name")
    if not given:
        yield validation.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(given) > 1:
        yield validation.invalid(path, "", "may not have more than one field specified at a time")


def _validate_value_from(variable: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    source = variable.get("valueFrom")
    if source is None:
        return
    given = [name for name in _ENV_SOURCES if source.get(name) is not None]
    if not given:
        choices = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield validation.invalid(path, "", choices)
    elif variable.get("value"):
        yield validation.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield validation.invalid(path, "", "may not have more than one field specified at a time")
    for name in given:
        yield from _validate_env_source(name, source[name], f"{path}.{name}")


def _validate_env_source(kind: str, source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if kind == "fieldRef":
        yield from volumes.validate_field_path(source.get("fieldPath") or "", path, _ENV_FIELD_PATHS)
    elif kind == "resourceFieldRef":
        resource = source.get("resource") or ""
        if not resource:
            yield validation.required(f"{path}.resource")
        elif resource not in _ENV_RESOURCES and "hugepages-" not in resource:
            yield validation.unsupported(f"{path}.resource", resource, _ENV_RESOURCES)
    else:
        for name in ("name", "key"):
            if not source.get(name):
                yield validation.required(f"{path}.{name}")


def _validate_mounts(mounts: Sequence[JSON], path: str, volume_names: frozenset[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}[{index}]"
        name, mount_path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield validation.required(f"{here}.name")
        if name not in volume_names:
            yield validation.not_found(f"{here}.name", name)
        if not mount_path:
            yield validation.required(f"{here}.mountPath")
        if mount_path in seen:
            yield validation.invalid(f"{here}.mountPath", mount_path, "must be unique")
        seen.add(mount_path)
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                yield from volumes.validate_local_path(mount[field], f"{here}.{field}")
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield validation.invalid(
                f"{here}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"
            )


def _validate_devices(devices: Sequence[JSON], path: str, volume_names: frozenset[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, device in enumerate(devices):
        here = f"{path}[{index}]"
        name, device_path = device.get("name") or "", device.get("devicePath") or ""
        if not name:
            yield validation.required(f"{here}.name")
        if not device_path:
            yield validation.required(f"{here}.devicePath")
        if device_path in seen:
            yield validation.invalid(f"{here}.devicePath", device_path, "must be unique")
        seen.add(device_path)
        if name not in volume_names:
            yield validation.not_found(f"{here}.name", name)


def _validate_security(context: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("runAsUser", "runAsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= 2147483647:
            yield validation.invalid(f"{path}.{name}", value, _ID_RANGE)
    if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
        detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield validation.invalid(path, dict(context), detail)
