"""Objects seen through their schema: their field sets, how they differ, merging and pruning them.

Follows sigs.k8s.io/structured-merge-diff/v4/typed. Nothing is changed in place.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import field_set, go_format
from seatrial.machinery.field_schema import FieldSchema, Struct
from seatrial.machinery.field_set import MEMBER, FieldSet

_ABSENT: Any = object()
_ALWAYS_THERE = frozenset({"metadata", "spec", "status"})
_THERE = frozenset(
    {
        "Container.resources",
        "ContainerStatus.lastState",
        "ContainerStatus.state",
        "CronJobSpec.jobTemplate",
        "DaemonSetSpec.template",
        "DaemonSetSpec.updateStrategy",
        "DeploymentSpec.strategy",
        "DeploymentSpec.template",
        "Event.involvedObject",
        "Event.source",
        "HorizontalPodAutoscalerSpec.scaleTargetRef",
        "IngressStatus.loadBalancer",
        "JobSpec.template",
        "NetworkPolicySpec.podSelector",
        "NodeDaemonEndpoints.kubeletEndpoint",
        "NodeStatus.daemonEndpoints",
        "NodeStatus.nodeInfo",
        "PersistentVolumeClaimSpec.resources",
        "ReplicaSetSpec.template",
        "ServiceStatus.loadBalancer",
        "StatefulSetSpec.template",
        "StatefulSetSpec.updateStrategy",
    }
)
"""Structs that Go holds by value: they exist even in an empty object, so filling them adds only what is inside. So do
required lists and maps."""


class Comparison(NamedTuple):
    """What a write did."""

    added: FieldSet
    removed: FieldSet
    modified: FieldSet

    @property
    def changed(self) -> bool:
        return bool(self.added or self.removed or self.modified)


def compare(schema: FieldSchema, old: JSON, new: JSON) -> Comparison:
    """The fields that `new` added, removed and modified."""
    result = Comparison({}, {}, {})
    _compare_maps(schema, old, new, result)
    return result


def compare_created(schema: FieldSchema, new: JSON) -> Comparison:
    """compare(schema, {}, new). The Pods of one template share their spec: what is known of it is not done again."""
    result = Comparison({}, {}, {})
    for name, value in new.items():
        if name == "spec" and type(value) is dict:
            parts = _created_part(schema, name, orjson.dumps(value))
        else:
            parts = compare(schema, {}, {name: value})
        for part, whole in zip(parts, result, strict=True):
            whole.update(part)
    return result


@lru_cache(maxsize=512)
def _created_part(schema: FieldSchema, name: str, encoded: bytes) -> Comparison:
    return compare(schema, {}, {name: orjson.loads(encoded)})


def _compare_maps(schema: FieldSchema, old: JSON, new: JSON, result: Comparison) -> None:
    fields, item, struct = schema.fields, schema.item, schema.struct
    for name, after in new.items():
        before = old.get(name, _ABSENT)
        if before is after:
            continue
        field = fields.get(name, item)
        if before is _ABSENT:
            if not (struct and _exists_empty(struct, name, field)):
                result.added["f:" + name] = _whole(field, after)
                continue
            before = type(after)()
        if before != after:
            _compare(field, "f:" + name, before, after, result)
    if len(old) != len(new) or old.keys() != new.keys():
        for name, before in old.items():
            if name not in new:
                field = fields.get(name, item)
                if struct and _exists_empty(struct, name, field):
                    _compare(field, "f:" + name, before, type(before)(), result)
                else:
                    result.removed["f:" + name] = _whole(field, before)


def _exists_empty(struct: Struct, name: str, field: FieldSchema | None) -> bool:
    if field is None or field.atomic:
        return False
    if field.struct is not None:
        return name in _ALWAYS_THERE or f"{struct.name}.{name}" in _THERE
    return field.kind in ("list", "map") and name in struct.required


def _compare(field: FieldSchema | None, element: str, before: Any, after: Any, result: Comparison) -> None:
    inner = Comparison({}, {}, {})
    if _is_granular_map(field, before) and _is_granular_map(field, after):
        _compare_maps(field, before, after, inner)  # type: ignore[arg-type]
    elif _is_granular_list(field, before) and _is_granular_list(field, after):
        _compare_lists(field, before, after, inner)  # type: ignore[arg-type]
    else:
        result.modified[element] = MEMBER
        return
    for part, whole in zip(inner, result, strict=True):
        if part:
            whole[element] = part


def _compare_lists(field: FieldSchema, before: list[Any], after: list[Any], result: Comparison) -> None:
    old = {_element(field, item): item for item in before}
    new = {_element(field, item): item for item in after}
    for element, item in new.items():
        if element not in old:
            result.added[element] = _whole(field.item, item)
        elif old[element] != item:
            _compare(field.item, element, old[element], item, result)
    for element, item in old.items():
        if element not in new:
            result.removed[element] = _whole(field.item, item)


def _is_granular_map(field: FieldSchema | None, value: Any) -> bool:
    return field is not None and field.kind in ("struct", "map") and not field.atomic and isinstance(value, dict)


def _is_granular_list(field: FieldSchema | None, value: Any) -> bool:
    return field is not None and field.kind == "list" and field.list_type != "atomic" and isinstance(value, list)


def _whole(field: FieldSchema | None, value: Any) -> FieldSet:
    """The node of a value that came or went with everything in it."""
    if not value or field is None:
        return MEMBER
    if type(value) is str:
        return MEMBER
    if field.kind == "struct" and not field.atomic:
        fields = field.fields
        node: FieldSet = {".": MEMBER}
        for name, inner in value.items():
            node["f:" + name] = MEMBER if type(inner) is str else _whole(fields.get(name), inner)
        return node
    if _is_granular_map(field, value):
        return {".": MEMBER, **{"f:" + name: _whole(field.item, inner) for name, inner in value.items()}}
    if _is_granular_list(field, value):
        return {".": MEMBER, **{_element(field, item): _whole(field.item, item) for item in value}}
    return MEMBER


def _element(field: FieldSchema, item: Any) -> str:
    """The path element of a list's item."""
    if field.list_type == "set" or not isinstance(item, dict):
        return field_set.value_element(item)
    names = field.list_keys
    if len(names) == 1 and names[0] in item:
        value = item[names[0]]
        return field_set.key_element(names, (value,), (type(value),))
    defaults = field.item.struct.key_defaults if field.item and field.item.struct else {}
    values = tuple(item.get(name, defaults.get(name)) for name in names)
    return field_set.key_element(names, values, tuple(type(value) for value in values))


def to_set(schema: FieldSchema, value: JSON) -> FieldSet:
    """ToFieldSet: the leaves of an object, list items, and empty maps."""
    return _set_node(schema, value) or {}


def _set_node(field: FieldSchema | None, value: Any) -> FieldSet | None:
    """None if the value has nothing to own: an empty granular list, for instance."""
    if _is_granular_map(field, value):
        return _map_node(field, value)  # type: ignore[arg-type]
    if _is_granular_list(field, value):
        node: FieldSet = {}
        for item in value:
            element = _element(field, item)  # type: ignore[arg-type]
            node[element] = MEMBER if element in node else _as_member(_set_node(field.item, item))  # type: ignore[union-attr]
        return node or None
    return MEMBER


def _map_node(field: FieldSchema, value: JSON) -> FieldSet | None:
    node: FieldSet = {}
    for name, inner in value.items():
        child = field.child(name)
        below = MEMBER if inner is None else _set_node(child, inner)
        if inner == {} or (field.struct is None and child is not None):
            below = _as_member(below)
        if below is not None:
            node["f:" + name] = below
    return node or None


def _as_member(node: FieldSet | None) -> FieldSet:
    if not node or "." in node:
        return node or MEMBER
    return {".": MEMBER, **node}


def merge(schema: FieldSchema, live: JSON, config: JSON) -> JSON:
    """The live object with the configuration merged in; where both have a leaf, the configuration's counts."""
    result: JSON = _merge(schema, live, config)
    return result


def _merge(field: FieldSchema | None, left: Any, right: Any) -> Any:
    if left is _ABSENT or right is _ABSENT:
        return left if right is _ABSENT else right
    if field is not None and _is_granular_map(field, left) and _is_granular_map(field, right):
        result = dict(left)
        for name, value in right.items():
            result[name] = _merge(field.child(name), left.get(name, _ABSENT), value)
        return result
    if field is not None and _is_granular_list(field, left) and _is_granular_list(field, right):
        return _merge_lists(field, left, right)
    return right


def _merge_lists(field: FieldSchema, left: list[Any], right: list[Any]) -> list[Any]:
    """mergingWalker.visitListItems: the configuration's order, live-only items beside their neighbours."""
    ours, theirs = [_element(field, item) for item in left], [_element(field, item) for item in right]
    mine, wanted = dict(zip(ours, left, strict=True)), dict(zip(theirs, right, strict=True))
    shared = [element for element in theirs if element in mine]
    merged: set[str] = set()
    out: list[Any] = []
    i = j = at = 0
    while i < len(ours) or j < len(theirs):
        if i < len(ours) and j < len(theirs):
            if ours[i] == theirs[j]:
                merged.add(ours[i])
                out.append(_merge(field.item, mine[ours[i]], wanted[ours[i]]))
                i, j, at = i + 1, j + 1, at + 1
                continue
            if ours[i] in wanted and at < len(shared) and shared[at] != ours[i]:
                i += 1
                continue
        if i < len(ours):
            if ours[i] not in wanted:
                out.append(left[i])
                i += 1
                continue
            if ours[i] in merged:
                i += 1
        if j < len(theirs):
            element = theirs[j]
            merged.add(element)
            out.append(_merge(field.item, mine.get(element, _ABSENT), wanted[element]))
            j += 1
            if at < len(shared) and shared[at] == element:
                at += 1
    return out


def remove(schema: FieldSchema, value: JSON, fields: FieldSet) -> JSON:
    """RemoveItems: the object without the members of `fields`; what becomes empty goes too."""
    return _remove(schema, value, fields) or {}


def _remove(field: FieldSchema | None, value: Any, fields: FieldSet) -> Any:
    if field is not None and _is_granular_map(field, value):
        kept = {name: _remaining(field.child(name), inner, fields.get("f:" + name)) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner is not _ABSENT} or None
    if field is not None and _is_granular_list(field, value):
        items = [_remaining(field.item, item, fields.get(_element(field, item))) for item in value]
        return [item for item in items if item is not _ABSENT] or None
    return value


def _remaining(field: FieldSchema | None, value: Any, node: FieldSet | None) -> Any:
    if node is None:
        return value
    if field_set.is_member(node):
        return _ABSENT
    rest = _remove(field, value, node)
    return _ABSENT if rest is None else rest


def problems(schema: FieldSchema, value: JSON) -> list[str]:
    """What keeps an applied configuration from being taken as this kind, in structured-merge-diff's words."""
    found: list[str] = []
    _inspect(schema, value, "", found)
    return found


def _inspect(field: FieldSchema, value: Any, path: str, found: list[str]) -> None:
    if value is None or field.kind == "any":
        return
    if field.kind in ("struct", "map"):
        if not isinstance(value, dict):
            found.append(f"{path}: expected map, got &{{{go_format.value(value)}}}")
            return
        for name, inner in value.items():
            child = field.child(name)
            if child is None:
                found.append(f"{path}.{name}: field not declared in schema")
            else:
                _inspect(child, inner, f"{path}.{name}", found)
    elif field.kind == "list":
        if not isinstance(value, list):
            found.append(f"{path}: expected list, got &{{{go_format.value(value)}}}")
        else:
            _inspect_items(field, value, path, found)
    else:
        _inspect_scalar(field, value, path, found)


def _inspect_items(field: FieldSchema, items: Sequence[Any], path: str, found: list[str]) -> None:
    assert field.item is not None
    defaults = field.item.struct.key_defaults if field.item.struct else {}
    seen: set[str] = set()
    for index, item in enumerate(items):
        where = f"{path}[{index}]"
        if field.list_type == "map" and isinstance(item, dict):
            for name in field.list_keys:
                if item.get(name) is None and name not in defaults:
                    found.append(
                        f"{path}: element {index}: associative list with keys has an element that omits key field "
                        f'"{name}" (and doesn\'t have default value)'
                    )
                    return
        if field.list_type != "atomic":
            element = _element(field, item)
            where = path + field_set.show((element,))
            if element in seen:
                found.append(f"{path}: duplicate entries for key {field_set.show((element,))}")
            seen.add(element)
        _inspect(field.item, item, where, found)


def _inspect_scalar(field: FieldSchema, value: Any, path: str, found: list[str]) -> None:
    """validateScalar: each kind of scalar shows what it got in a way of its own."""
    boxed = f"&value.valueUnstructured{{Value:{_literal(value)}}}"
    if field.kind in ("int32", "int64", "number"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            found.append(f"{path}: expected numeric (int or float), got {_go_type(value)}")
    elif field.kind == "boolean":
        if not isinstance(value, bool):
            found.append(f"{path}: expected boolean, got {boxed}")
    elif field.kind in ("quantity", "int_or_string"):
        if isinstance(value, (dict, list)):
            found.append(f"{path}: expected any scalar, got &{{{go_format.value(value)}}}")
    elif not isinstance(value, str):
        found.append(f"{path}: expected string, got {boxed}")


def _literal(value: Any) -> str:
    return orjson.dumps(value).decode() if isinstance(value, (str, bool)) else go_format.value(value)


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"
