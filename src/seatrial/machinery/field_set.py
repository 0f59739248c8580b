"""Sets of fields, in the very form that managedFields stores them (FieldsV1).

`{"f:spec": {"f:replicas": {}, "f:ports": {".": {}, "k:{\\"port\\":80}": {}}}}`: a node that is empty or has `.` is a
member itself; the outermost node never is. Sets are never changed in place and share their parts. Follows
sigs.k8s.io/structured-merge-diff/v4/fieldpath.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import orjson

from seatrial.base.types import JSON
from seatrial.machinery.field_schema import FieldSchema

FieldSet = JSON
MEMBER: FieldSet = {}
Path = tuple[str, ...]


def of(*paths: Sequence[str]) -> FieldSet:
    """The set of these paths of plain field names."""
    result: FieldSet = {}
    for path in paths:
        node: FieldSet = {}
        for name in reversed(path):
            node = {f"f:{name}": node}
        result = union(result, node)
    return result


def is_member(node: FieldSet) -> bool:
    """Whether an inner node belongs to the set itself, besides what is below it."""
    return not node or "." in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """All members of both."""
    if not left or not right:
        return left or right
    result = dict(left)
    for element, node in right.items():
        mine = result.get(element)
        result[element] = node if mine is None else _union_node(mine, node)
    return result


def _union_node(left: FieldSet, right: FieldSet) -> FieldSet:
    if left == right:
        return left
    if not left:
        return right if "." in right else {".": MEMBER, **right}
    if not right:
        return left if "." in left else {".": MEMBER, **left}
    return union(left, right)


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of the left that aren't members of the right."""
    if not right:
        return left
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
        elif (rest := _difference_node(node, other)) is not None:
            result[element] = rest
    return result


def _difference_node(left: FieldSet, right: FieldSet) -> FieldSet | None:
    member = is_member(left) and not is_member(right)
    inner = difference({element: node for element, node in left.items() if element != "."}, right)
    if not inner:
        return MEMBER if member else None
    return {".": MEMBER, **inner} if member else inner


def recursive_difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """The left without the members of the right and without everything below them."""
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None:
            result[element] = node
        elif not is_member(other) and (node == MEMBER or (inner := recursive_difference(node, other))):
            result[element] = node if node == MEMBER else inner
    return result


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of both."""
    result: FieldSet = {}
    for element, node in left.items():
        other = right.get(element)
        if other is None or element == ".":
            continue
        inner = intersection(node, other)
        if is_member(node) and is_member(other):
            result[element] = {".": MEMBER, **inner} if inner else MEMBER
        elif inner:
            result[element] = inner
    return result


def named_as_members(fields: FieldSet, schema: FieldSchema | None) -> FieldSet:
    """EnsureNamedFieldsAreMembers: a struct's field is a member as soon as anything below it is."""
    result: FieldSet = {}
    for element, node in fields.items():
        if not node:
            result[element] = node
            continue
        child = descend(schema, element)
        inner = named_as_members(node, child)
        named = schema is not None and schema.struct is not None and element[2:] in schema.fields
        result[element] = {".": MEMBER, **inner} if named and element.startswith("f:") else inner
    return result


def descend(schema: FieldSchema | None, element: str) -> FieldSchema | None:
    """The schema of what a path element leads to."""
    if schema is None or element == ".":
        return None
    return schema.child(element[2:]) if element.startswith("f:") else schema.item


def members(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """All member paths, in structured-merge-diff's order: a parent first, then its children sorted."""
    for element in sorted(fields, key=_order):
        if element == ".":
            continue
        node, path = fields[element], (*prefix, element)
        if is_member(node):
            yield path
        yield from members(node, path)


def _order(element: str) -> tuple[int, str]:
    return "fkvi".find(element[:1]), element


def show(path: Path) -> str:
    """`.spec.containers[name="c"].image`."""
    return "".join(_show_element(element) for element in path)


def _show_element(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "k":
        keys = orjson.loads(text)
        return "[" + ",".join(f"{name}={_show_value(keys[name])}" for name in sorted(keys)) + "]"
    return f"[={_show_value(orjson.loads(text))}]" if kind == "v" else f"[{text}]"


def _show_value(value: Any) -> str:
    return orjson.dumps(value).decode()


@lru_cache(maxsize=8192)
def key_element(names: tuple[str, ...], values: tuple[Any, ...], kinds: tuple[type, ...]) -> str:
    """The path element of a list map's item; `kinds` keeps 1, 1.0 and true apart in the cache."""
    return "k:" + orjson.dumps(dict(zip(names, values, strict=True)), option=orjson.OPT_SORT_KEYS).decode()


def value_element(value: Any) -> str:
    """The path element of a set's item."""
    return "v:" + orjson.dumps(value).decode()
