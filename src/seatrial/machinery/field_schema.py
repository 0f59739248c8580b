"""What a field is: its Go type, how patches merge it, who can own which part of it.

Built from upstream's OpenAPI definitions (as `hatch_build.py` packs them). One structure serves decoding, strategic
merge patch and server-side apply. Limits: named string types of Go (`v1.PullPolicy`) are not in the definitions; the
ones that people meet in messages are listed here. Lists without a list type follow the patch strategy, as
k8s.io/kube-openapi/pkg/schemaconv does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from seatrial.base.types import JSON

Kind = Literal[
    "struct",
    "map",
    "list",
    "string",
    "boolean",
    "int32",
    "int64",
    "number",
    "bytes",
    "quantity",
    "int_or_string",
    "time",
    "micro_time",
    "any",
]
ListType = Literal["atomic", "set", "map"]

_SPECIAL: Mapping[str, tuple[Kind, str]] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("int_or_string", "intstr.IntOrString"),
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("quantity", "resource.Quantity"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": ("time", "v1.Time"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": ("micro_time", "v1.MicroTime"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": ("any", "v1.FieldsV1"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("any", "runtime.RawExtension"),
}
_SCALARS: Mapping[str, tuple[Kind, str]] = {
    "string": ("string", "string"),
    "boolean": ("boolean", "bool"),
    "integer": ("int64", "int64"),
    "number": ("number", "float64"),
}
_NAMED_STRINGS: Mapping[str, str] = {
    "Container.imagePullPolicy": "v1.PullPolicy",
    "Container.terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "Container.restartPolicy": "v1.ContainerRestartPolicy",
    "ContainerPort.protocol": "v1.Protocol",
    "DaemonSetUpdateStrategy.type": "v1.DaemonSetUpdateStrategyType",
    "DeploymentStrategy.type": "v1.DeploymentStrategyType",
    "HTTPGetAction.scheme": "v1.URIScheme",
    "HTTPIngressPath.pathType": "v1.PathType",
    "HostPathVolumeSource.type": "v1.HostPathType",
    "CronJobSpec.concurrencyPolicy": "v1.ConcurrencyPolicy",
    "Event.type": "string",
    "NamespaceStatus.phase": "v1.NamespacePhase",
    "ObjectReference.uid": "types.UID",
    "ObjectMeta.uid": "types.UID",
    "OwnerReference.uid": "types.UID",
    "PersistentVolumeSpec.persistentVolumeReclaimPolicy": "v1.PersistentVolumeReclaimPolicy",
    "PodSpec.dnsPolicy": "v1.DNSPolicy",
    "PodSpec.restartPolicy": "v1.RestartPolicy",
    "PodSpec.preemptionPolicy": "v1.PreemptionPolicy",
    "PodStatus.phase": "v1.PodPhase",
    "PodStatus.qosClass": "v1.PodQOSClass",
    "Secret.type": "v1.SecretType",
    "ServicePort.protocol": "v1.Protocol",
    "ServiceSpec.externalTrafficPolicy": "v1.ServiceExternalTrafficPolicy",
    "ServiceSpec.sessionAffinity": "v1.ServiceAffinity",
    "ServiceSpec.type": "v1.ServiceType",
    "StatefulSetSpec.podManagementPolicy": "v1.PodManagementPolicyType",
    "StatefulSetUpdateStrategy.type": "v1.StatefulSetUpdateStrategyType",
    "Toleration.effect": "v1.TaintEffect",
    "Toleration.operator": "v1.TolerationOperator",
    "Taint.effect": "v1.TaintEffect",
    "EmptyDirVolumeSource.medium": "v1.StorageMedium",
}
_KEY_DEFAULTS: Mapping[str, str] = {"ContainerPort.protocol": "TCP", "ServicePort.protocol": "TCP"}
"""`+default` markers on list map keys: the definitions that upstream publishes leave defaults out."""


@dataclass(frozen=True, eq=False)
class FieldSchema:
    """One field, list item or map value."""

    kind: Kind
    go_type: str
    struct: "Struct | None" = None
    item: "FieldSchema | None" = None
    """The element of a list or the value of a map."""
    list_type: ListType = "atomic"
    list_keys: tuple[str, ...] = ()
    atomic: bool = False
    """Maps and structs: owned as a whole, never field by field."""
    strategies: frozenset[str] = frozenset()
    """Of `merge`, `replace`, `retainKeys`."""
    merge_key: str = ""

    @property
    def fields(self) -> Mapping[str, "FieldSchema"]:
        """The fields of a struct; nothing for everything else."""
        return self.struct.fields if self.struct else {}

    def child(self, name: str) -> "FieldSchema | None":
        """The schema of a struct's field or of a map's value."""
        return self.struct.fields.get(name) if self.struct else self.item


class Struct:
    """A definition with properties: a Go struct. Its fields are built when they are first asked for."""

    def __init__(self, table: "SchemaTable", definition: str) -> None:
        self._table = table
        self.definition = definition
        self.name = definition.rpartition(".")[2]
        self.required: frozenset[str] = frozenset(table.definitions[definition].get("required") or ())

    @cached_property
    def fields(self) -> Mapping[str, FieldSchema]:
        """JSON name → schema."""
        properties: JSON = self._table.definitions[self.definition].get("properties") or {}
        return {name: self._table.build(schema, f"{self.name}.{name}") for name, schema in properties.items()}

    @cached_property
    def key_defaults(self) -> Mapping[str, Any]:
        """What stands for a list map key that an element leaves out."""
        defaults: dict[str, Any] = {}
        for name, field in self.fields.items():
            if f"{self.name}.{name}" in _KEY_DEFAULTS:
                defaults[name] = _KEY_DEFAULTS[f"{self.name}.{name}"]
            elif name in self.required or self.name == "LocalObjectReference":
                defaults[name] = "" if field.kind == "string" else 0
        return defaults


class SchemaTable:
    """All definitions of a release, turned into field schemas on demand."""

    def __init__(self, definitions: Mapping[str, JSON]) -> None:
        self.definitions = definitions
        self._structs: dict[str, Struct] = {}

    def struct(self, definition: str) -> Struct:
        """The one Struct of this definition."""
        found = self._structs.get(definition)
        if found is None:
            found = self._structs[definition] = Struct(self, definition)
        return found

    def definition(self, name: str) -> FieldSchema:
        """The schema of a whole definition."""
        return self.build({"$ref": name}, "")

    def build(self, schema: JSON, where: str) -> FieldSchema:
        """The field schema of an OpenAPI schema; `where` is `Struct.field`."""
        if "$ref" in schema:
            return self._reference(schema)
        kind = schema.get("type")
        if kind == "array":
            return self._list(schema, where)
        if kind == "object" and "additionalProperties" in schema:
            return self._map(schema, where)
        return _scalar(schema, where)

    def _reference(self, schema: JSON) -> FieldSchema:
        name: str = schema["$ref"]
        if name in _SPECIAL:
            return FieldSchema(*_SPECIAL[name])
        definition = self.definitions[name]
        if definition.get("type") != "object":
            return FieldSchema("any", _go_type(name))
        map_type = schema.get("x-kubernetes-map-type") or definition.get("x-kubernetes-map-type")
        return FieldSchema(
            "struct",
            _go_type(name),
            struct=self.struct(name),
            atomic=map_type == "atomic",
            strategies=_strategies(schema),
        )

    def _list(self, schema: JSON, where: str) -> FieldSchema:
        item = self.build(schema.get("items") or {}, where)
        strategies, merge_key = _strategies(schema), schema.get("x-kubernetes-patch-merge-key") or ""
        list_type: ListType = schema.get("x-kubernetes-list-type") or "atomic"
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        if "x-kubernetes-list-type" not in schema and "merge" in strategies:
            list_type, keys = ("map", (merge_key,)) if merge_key else ("set", ())
        return FieldSchema(
            "list",
            f"[]{item.go_type}",
            item=item,
            list_type=list_type,
            list_keys=keys,
            strategies=strategies,
            merge_key=merge_key,
        )

    def _map(self, schema: JSON, where: str) -> FieldSchema:
        value = schema["additionalProperties"]
        item = self.build(value if isinstance(value, dict) else {}, where)
        return FieldSchema(
            "map",
            "v1.ResourceList" if item.kind == "quantity" else f"map[string]{item.go_type}",
            item=item,
            atomic=schema.get("x-kubernetes-map-type") == "atomic",
            strategies=_strategies(schema),
        )


def _scalar(schema: JSON, where: str) -> FieldSchema:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "integer" and form == "int32":
        return FieldSchema("int32", "int32")
    if kind == "string" and form == "byte":
        return FieldSchema("bytes", "[]uint8")
    if kind == "string":
        return FieldSchema("string", _NAMED_STRINGS.get(where, "string"))
    return FieldSchema(*_SCALARS.get(str(kind), ("any", "interface {}")))


def _strategies(schema: JSON) -> frozenset[str]:
    text = schema.get("x-kubernetes-patch-strategy") or ""
    return frozenset(text.split(",")) if text else frozenset()


def _go_type(definition: str) -> str:
    return ".".join(definition.rsplit(".", 2)[1:])
