"""The environment variables of a container, as the kubelet makes them. Pure.

Follows pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables, podFieldSelectorRuntimeValue),
pkg/kubelet/envvars/envvars.go (FromServices) and third_party/forked/golang/expansion. Order: PATH and HOSTNAME, then
the Services' in order of name unless the container sets them itself, then the container's own.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.machinery import quantity

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG_ERROR = "CreateContainerConfigError"

Reference = tuple[str, str]
"""(ConfigMap or Secret, name)."""
Variable = tuple[str, str]

_KEYED_FIELD = re.compile(r"(metadata\.(?:labels|annotations))\['(.+)'\]")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


@dataclass(frozen=True, slots=True)
class Material:
    """All that variables and volume files are made of, besides the Pod. A reference to nothing has the value None."""

    services: Sequence[JSON] = ()
    found: Mapping[Reference, JSON | None] = field(default_factory=dict)
    pod_ip: str = ""
    host_ip: str = ""
    allocatable: Mapping[str, str] = field(default_factory=dict)


def references(pod: JSON, container: JSON) -> tuple[Reference, ...]:
    """The ConfigMaps and Secrets that the container's environment names, in order."""
    found: dict[Reference, None] = {}
    for source in container.get("envFrom") or ():
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if source.get(key):
                found[(kind, source[key]["name"])] = None
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            if origin.get(key):
                found[(kind, origin[key]["name"])] = None
    return tuple(found)


def build(pod: JSON, container: JSON, material: Material) -> list[Variable]:
    """All variables, each name once. Raises RuntimeFailure(CreateContainerConfigError)."""
    services = _service_variables(pod, material.services)
    own = _from_objects(container, pod, material)
    for variable in container.get("env") or ():
        value = _value(variable, {**services, **own}, pod, container, material)
        if value is not None:
            own[variable["name"]] = value
    result = {"PATH": PATH, "HOSTNAME": hostname(pod)}
    result.update((name, services[name]) for name in sorted(services) if name not in own)
    result.update(own)
    result.setdefault("HOME", "/root")
    return list(result.items())


def hostname(pod: JSON) -> str:
    """spec.hostname, or the Pod's name, cut to 63 characters."""
    name: str = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return name[:63].rstrip("-.")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)`; unknown names stay as they are, `$$` is a dollar."""
    parts: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0 and dollar + 1 < len(text):
        parts.append(text[at:dollar])
        following = text[dollar + 1]
        end = text.find(")", dollar + 2) if following == "(" else -1
        if following == "$":
            parts.append("$")
            at = dollar + 2
        elif end >= 0:
            name = text[dollar + 2 : end]
            parts.append(variables.get(name, f"$({name})"))
            at = end + 1
        else:
            parts.append("$" + following)
            at = dollar + 2
    parts.append(text[at:])
    return "".join(parts)


def _service_variables(pod: JSON, services: Sequence[JSON]) -> dict[str, str]:
    namespace = pod["metadata"]["namespace"]
    links = pod["spec"].get("enableServiceLinks", True)
    chosen: dict[str, JSON] = {}
    for service in services:
        meta = service["metadata"]
        master = meta["namespace"] == "default" and meta["name"] == "kubernetes"
        if service["spec"].get("clusterIP") in (None, "", "None"):
            continue
        if (links and meta["namespace"] == namespace) or (master and meta["name"] not in chosen):
            chosen[meta["name"]] = service
    variables: dict[str, str] = {}
    for service in chosen.values():
        _add_service(variables, service)
    return variables


def _add_service(variables: dict[str, str], service: JSON) -> None:
    prefix = _env_name(service["metadata"]["name"])
    ip = service["spec"]["clusterIP"]
    host = f"[{ip}]" if ":" in ip else ip
    ports = service["spec"].get("ports") or ()
    if not ports:
        return
    variables[f"{prefix}_SERVICE_HOST"] = ip
    variables[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{_env_name(port['name'])}"] = str(port["port"])
    for index, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        address = f"{protocol.lower()}://{host}:{port['port']}"
        if index == 0:
            variables[f"{prefix}_PORT"] = address
        link = f"{prefix}_PORT_{port['port']}_{protocol}"
        variables[link] = address
        variables[f"{link}_PROTO"] = protocol.lower()
        variables[f"{link}_PORT"] = str(port["port"])
        variables[f"{link}_ADDR"] = ip


def _env_name(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").upper()


def _from_objects(container: JSON, pod: JSON, material: Material) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix") or ""
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if source.get(key):
                data = _data(kind, source[key], material)
                for name, value in sorted((data or {}).items()):
                    if _ENV_NAME.fullmatch(prefix + name):
                        variables[prefix + name] = value
    return variables


def _value(variable: JSON, known: Mapping[str, str], pod: JSON, container: JSON, material: Material) -> str | None:
    origin = variable.get("valueFrom")
    if not origin:
        return expand(variable.get("value") or "", known)
    if "fieldRef" in origin:
        return field_value(origin["fieldRef"]["fieldPath"], pod, material)
    if "resourceFieldRef" in origin:
        return resource_value(origin["resourceFieldRef"], pod, container, material)
    if "configMapKeyRef" in origin:
        return _key(variable, "ConfigMap", origin["configMapKeyRef"], pod, material)
    return _key(variable, "Secret", origin["secretKeyRef"], pod, material)


def _key(variable: JSON, kind: str, selector: JSON, pod: JSON, material: Material) -> str | None:
    data = _data(kind, selector, material)
    if data is None:
        return None
    if selector["key"] in data:
        return data[selector["key"]]
    if selector.get("optional"):
        return None
    where = f"{kind} {pod['metadata']['namespace']}/{selector['name']}"
    raise RuntimeFailure(CONFIG_ERROR, f"couldn't find key {selector['key']} in {where}")


def _data(kind: str, selector: JSON, material: Material) -> dict[str, str] | None:
    obj = material.found.get((kind, selector["name"]))
    if obj is None:
        if selector.get("optional"):
            return None
        raise RuntimeFailure(CONFIG_ERROR, f'{kind.lower()} "{selector["name"]}" not found')
    return {key: value.decode("utf-8", "replace") for key, value in contents(obj).items()}


def contents(obj: JSON) -> dict[str, bytes]:
    """The data of a ConfigMap or Secret as bytes."""
    data: Mapping[str, str] = obj.get("data") or {}
    if obj.get("kind") == "Secret":
        return {key: _decoded(value) for key, value in data.items()}
    plain = {key: value.encode() for key, value in data.items()}
    return plain | {key: _decoded(value) for key, value in (obj.get("binaryData") or {}).items()}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def field_value(path: str, pod: JSON, material: Material) -> str:
    """The value of a downward API field. Raises RuntimeFailure for a path that there is not."""
    meta, spec = pod["metadata"], pod["spec"]
    keyed = _KEYED_FIELD.fullmatch(path)
    if keyed:
        return str((meta.get(keyed[1].split(".")[1]) or {}).get(keyed[2], ""))
    values = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "metadata.labels": format_map(meta.get("labels")),
        "metadata.annotations": format_map(meta.get("annotations")),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName"),
        "status.hostIP": material.host_ip,
        "status.hostIPs": material.host_ip,
        "status.podIP": material.pod_ip,
        "status.podIPs": material.pod_ip,
    }
    if path not in values:
        raise RuntimeFailure(CONFIG_ERROR, f"unsupported fieldPath: {path}")
    return str(values[path] or "")


def format_map(values: Mapping[str, str] | None) -> str:
    """`key="value"` lines in order (pkg/fieldpath FormatMap)."""
    lines = []
    for key, value in sorted((values or {}).items()):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'{key}="{quoted}"')
    return "\n".join(lines)


def resource_value(selector: JSON, pod: JSON, container: JSON, material: Material) -> str:
    """A container's request or limit in units of the divisor, rounded up; an unset limit is what the node has."""
    name = selector.get("containerName")
    if name:
        container = next((c for c in pod["spec"]["containers"] if c["name"] == name), container)
    kind, _, resource = str(selector["resource"]).partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(resource)
    if amount is None:
        amount = material.allocatable.get(resource, "0") if kind == "limits" else "0"
    divisor = str(selector.get("divisor") or "1")
    divisor_milli = quantity.milli(divisor) or 1000
    return str(-(-quantity.milli(str(amount)) // divisor_milli))
