"""core/v1 Node (pkg/apis/core/validation ValidateNode, pkg/registry/core/node, printNode in pkg/printers)."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from seatrial.api.meta_v1 import Condition, ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import conditions, names, objects, quantity, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError, GoText, go_quote

ROLE_LABEL_PREFIX = "node-role.kubernetes.io/"
ROLE_LABEL = "kubernetes.io/role"
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_SYSTEM_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)


class Taint(TypedDict):
    """What keeps Pods without a matching toleration away."""

    key: str
    effect: str
    value: NotRequired[str]
    timeAdded: NotRequired[str]


class NodeSpec(TypedDict, total=False):
    """What administrators decide about a node."""

    unschedulable: bool
    taints: list[Taint]
    podCIDR: str
    podCIDRs: list[str]
    providerID: str


class NodeAddress(TypedDict):
    """An address of one type: InternalIP, ExternalIP, Hostname, …"""

    type: str
    address: str


class NodeStatus(TypedDict, total=False):
    """What the node's agent reports."""

    capacity: dict[str, str]
    allocatable: dict[str, str]
    conditions: list[Condition]
    addresses: list[NodeAddress]
    daemonEndpoints: JSON
    nodeInfo: dict[str, str]
    images: list[JSON]


class Node(TypedDict, total=False):
    """A place where Pods run."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: NodeSpec
    status: NodeStatus


def default(obj: JSON) -> None:
    """allocatable is what the capacity is; amounts in canonical form."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    if status.get("capacity") and status.get("allocatable") is None:
        status["allocatable"] = dict(status["capacity"])
    for field in ("capacity", "allocatable"):
        if status.get(field):
            status[field] = {name: quantity.canonical(amount) for name, amount in status[field].items()}
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
    info = status.get("nodeInfo") or {}
    if len(info) < len(_SYSTEM_INFO):
        status["nodeInfo"] = dict.fromkeys(_SYSTEM_INFO, "") | info


def validate(obj: JSON) -> Sequence[FieldError]:
    """Taints are well formed and unique."""
    return validate_taints(objects.get(obj, "spec", "taints", default=()), "spec.taints")


def validate_taints(taints: Sequence[JSON], path: str) -> list[FieldError]:
    """Key, value and effect of each taint, and that key and effect occur once."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for at, taint in enumerate(taints):
        where = f"{path}[{at}]"
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect") or ""
        errors += validation.each(f"{where}.key", key, names.qualified_name(key))
        messages = names.label_value(value)
        if messages:
            errors.append(validation.invalid(f"{where}.value", value, ";".join(messages)))
        if not effect:
            errors.append(validation.required(f"{where}.effect"))
        elif effect not in TAINT_EFFECTS:
            errors.append(validation.unsupported(f"{where}.effect", effect, TAINT_EFFECTS))
        if (key, effect) in seen:
            errors.append(
                validation.duplicate(
                    where, _go_taint(key, value, effect), "taints must be unique by key and effect pair"
                )
            )
        seen.add((key, effect))
    return errors


def _go_taint(key: str, value: str, effect: str) -> GoText:
    fields = f"Key:{go_quote(key)}, Value:{go_quote(value)}, Effect:{go_quote(effect)}"
    return GoText(f"core.Taint{{{fields}, TimeAdded:<nil>}}")


def validate_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """podCIDRs and providerID are set once."""
    errors: list[FieldError] = []
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    for field, shown in (("podCIDRs", "podCIDR"), ("providerID", "providerID")):
        if before.get(field) and before[field] != spec.get(field):
            text = f'node updates may not change {shown} except from "" to valid'
            errors.append(validation.forbidden(f"spec.{field}", text))
    return errors


def selectable_fields(obj: JSON) -> Mapping[str, str]:
    """What field selectors can ask for."""
    return {"spec.unschedulable": "true" if objects.get(obj, "spec", "unschedulable") else "false"}


_ADDRESSES = (
    "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
    "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but "
    "the merge key is not sufficiently unique, which can cause data corruption when it is merged. Callers should "
    "instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example. Consumers should assume that "
    "addresses can change during the lifetime of a Node. However, there are some exceptions where this may not be "
    "possible, such as Pods that inherit a Node's address in its own status or consumers of the downward API "
    "(status.hostIP)."
)
COLUMNS = (
    table.NAME,
    Column("Status", description="The status of the node"),
    Column("Roles", description="The roles of the node"),
    table.AGE,
    Column("Version", description="Kubelet Version reported by the node."),
    Column("Internal-IP", description=_ADDRESSES, priority=1),
    Column("External-IP", description=_ADDRESSES, priority=1),
    Column(
        "OS-Image",
        description="OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).",
        priority=1,
    ),
    Column(
        "Kernel-Version",
        description="Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).",
        priority=1,
    ),
    Column(
        "Container-Runtime",
        description=(
            "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2)."
        ),
        priority=1,
    ),
)


def roles(obj: JSON) -> list[str]:
    """The roles that labels give the node, sorted."""
    found = set()
    for label, value in objects.labels(obj).items():
        if label.startswith(ROLE_LABEL_PREFIX) and len(label) > len(ROLE_LABEL_PREFIX):
            found.add(label.removeprefix(ROLE_LABEL_PREFIX))
        elif label == ROLE_LABEL and value:
            found.add(value)
    return sorted(found)


def _status_cell(obj: JSON) -> str:
    ready = conditions.find(obj, "Ready")
    words = ["Unknown"] if ready is None else ["Ready" if ready.get("status") == "True" else "NotReady"]
    if objects.get(obj, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def address(obj: JSON, type: str) -> str:
    """The first address of this type, or ""."""
    for each in objects.get(obj, "status", "addresses", default=()):
        if each.get("type") == type:
            return str(each.get("address") or "")
    return ""


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get nodes`."""
    info = objects.get(obj, "status", "nodeInfo", default={})
    return (
        objects.name(obj),
        _status_cell(obj),
        ",".join(roles(obj)) or "<none>",
        table.created_age(obj, now),
        info.get("kubeletVersion") or "",
        address(obj, "InternalIP") or "<none>",
        address(obj, "ExternalIP") or "<none>",
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    )


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    namespaced=False,
    singular="node",
    short_names=("no",),
    subresources=("proxy", "status"),
    default=default,
    validate=validate,
    validate_update=validate_update,
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
