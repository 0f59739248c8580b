"""The protobuf messages of Kubernetes' API, as the descriptors inside the kubectl binary tell them.

Run it to write `src/seatrial/api/protobuf_fields.txt` anew (form: `machinery/protobuf.py`) for another release.
"""

import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seatrial.api import schema_set
from seatrial.api.protobuf_fields import FILE

_GROUPS = (
    "api.apps.v1 api.authentication.v1 api.authorization.v1 api.autoscaling.v1 api.autoscaling.v2 api.batch.v1 "
    "api.coordination.v1 api.core.v1 api.discovery.v1 api.events.v1 api.networking.v1 api.node.v1 api.policy.v1 "
    "api.rbac.v1 api.scheduling.v1 api.storage.v1 apimachinery.pkg.apis.meta.v1"
)
GROUPS = _GROUPS.split()
SPECIAL = {
    "k8s.io.apimachinery.pkg.api.resource.Quantity": "*Quantity",
    "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1": "raw",
    "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime": "MicroTime",
    "k8s.io.apimachinery.pkg.apis.meta.v1.Time": "Time",
    "k8s.io.apimachinery.pkg.runtime.RawExtension": "raw",
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "*IntOrString",
}
SCALARS = {3: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes"}
MESSAGE, REPEATED = 11, 3
JSON_NAMES = {"uID": "uid", "aPIGroup": "apiGroup"}
UNSET_WHEN_ZERO = {"targetPort", "port"}
_POINTERS = """
    activeDeadlineSeconds allocateLoadBalancerNodePorts allowPrivilegeEscalation automountServiceAccountToken
    averageUtilization backoffLimit backoffLimitPerIndex blockOwnerDeletion completions controller defaultMode
    deletionGracePeriodSeconds enableServiceLinks expirationSeconds failedJobsHistoryLimit fsGroup
    gracePeriodSeconds hostUsers immutable leaseDurationSeconds leaseTransitions manualSelector maxFailedIndexes
    minDomains minReplicas mode optional orphanDependents parallelism partition priority privileged
    progressDeadlineSeconds readOnlyRootFilesystem ready replicas revisionHistoryLimit runAsGroup runAsNonRoot
    runAsUser serving setHostnameAsFQDN shareProcessNamespace stabilizationWindowSeconds started
    startingDeadlineSeconds storageClassName successfulJobsHistoryLimit suspend terminating
    terminationGracePeriodSeconds timeoutSeconds tolerationSeconds ttlSecondsAfterFinished
"""
POINTERS = frozenset(_POINTERS.split())
"""Fields that are pointers in Go: their zero means something. The descriptors don't tell."""
NO_POINTERS = {"ListOptions.timeoutSeconds", "Probe.timeoutSeconds"}


class Field(NamedTuple):
    name: str
    number: int
    type: int
    repeated: bool
    message: str


def messages(binary: Path) -> dict[str, list[Field]]:
    """Full name → fields in order, maps' entries included."""
    found: dict[str, list[Field]] = {}
    data = binary.read_bytes()
    for match in re.finditer(rb"\x1f\x8b\x08", data):
        try:
            raw = zlib.decompressobj(31).decompress(data[match.start() : match.start() + 400_000])
            parts = list(wire(raw))
            [name], [package] = ([value for number, value in parts if number == wanted] for wanted in (1, 2))
        except (zlib.error, ValueError, IndexError):
            continue
        if isinstance(name, bytes) and name.endswith(b"generated.proto"):
            for number, value in parts:
                if number == 4:
                    add(found, package.decode(), value)
    return found


def add(found: dict[str, list[Field]], prefix: str, descriptor: bytes) -> None:
    """DescriptorProto: name = 1, field = 2, nested_type = 3."""
    parts = list(wire(descriptor))
    name = prefix + "." + next(value for number, value in parts if number == 1).decode()
    fields = [field(value) for number, value in parts if number == 2]
    found[name] = sorted(fields, key=lambda one: one.number)
    for number, value in parts:
        if number == 3:
            add(found, name, value)


def field(descriptor: bytes) -> Field:
    """FieldDescriptorProto: name = 1, number = 3, label = 4, type = 5, type_name = 6."""
    one: dict[int, Any] = dict(wire(descriptor))
    name = one[1].decode()
    return Field(JSON_NAMES.get(name, name), one[3], one[5], one[4] == REPEATED, one.get(6, b"").decode().lstrip("."))


def wire(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, number or bytes) of everything in a message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if key & 7 != 2:
            raise ValueError(key & 7)
        size, at = varint(data, at)
        yield key >> 3, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def table(binary: Path) -> str:
    """All of the file."""
    known, lines, inline = messages(binary), {}, set()
    definitions = schema_set.load().definitions
    for name, fields in known.items():
        properties = definitions.get("io." + name.replace("k8s.io", "k8s", 1), {}).get("properties")
        if name.rpartition(".")[0].removeprefix("k8s.io.") not in GROUPS or name.endswith("List"):
            continue
        if properties or definitions.get("io." + name.replace("k8s.io", "k8s", 1)):
            described = [describe(name, one, known, properties or {}) for one in fields]
            inline |= {one.message for one, text in zip(fields, described, strict=True) if ":+:" in text}
            lines[short(name)] = described
    for name in inline:
        lines[short(name)] = [describe(name, one, known, None) for one in known[name]]
    return "".join(f"{' '.join([name, *fields])}\n" for name, fields in sorted(lines.items()))


def describe(owner: str, one: Field, known: dict[str, list[Field]], properties: dict[str, Any] | None) -> str:
    """`4:replicas:*int`."""
    if properties is not None and one.type == MESSAGE and one.name not in properties:
        return f"{one.number}:+:{short(one.message)}"
    text = type_of(owner, one, known)
    return f"{one.number}:{one.name}" if text == "string" else f"{one.number}:{one.name}:{text}"


def type_of(owner: str, one: Field, known: dict[str, list[Field]]) -> str:
    key = f"{owner.rpartition('.')[2]}.{one.name}"
    if one.message.startswith(owner + ".") and one.message.endswith("Entry"):
        value = type_of("", known[one.message][1], known).removeprefix("*")
        return {"string": "map"}.get(value, f"map:{value}")
    if one.type != MESSAGE:
        kind = SCALARS[one.type]
        always = one.name in required(owner) and kind in ("int", "bool")
        pointer = always or (one.name in POINTERS and key not in NO_POINTERS and "Status." not in key)
        return f"[]{kind}".replace("string", "") if one.repeated else f"*{kind}" if pointer else kind
    if one.message.endswith((".ExtraValue", ".Verbs")):
        return "strings"
    kind = SPECIAL.get(one.message, f"*{short(one.message)}")
    if one.repeated or (one.name in UNSET_WHEN_ZERO and kind == "*IntOrString"):
        kind = kind.removeprefix("*")
    return f"[]{kind}" if one.repeated else kind


def required(owner: str) -> list[str]:
    """Fields that JSON shows whatever they hold."""
    definition = schema_set.load().definitions.get("io." + owner.replace("k8s.io", "k8s", 1), {})
    return list(definition.get("required") or ())


def short(name: str) -> str:
    """`core.v1.Pod`."""
    return name.removeprefix("k8s.io.api.").removeprefix("k8s.io.apimachinery.pkg.apis.")


if __name__ == "__main__":
    FILE.write_text(table(Path(sys.argv[1])))
