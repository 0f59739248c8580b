"""The engine of strategic merge patch: merging a patch into an object, or into another patch.

Follows k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (mergeMap and what it calls). Nothing is changed in place;
parts that the patch doesn't touch are shared with the original.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import go_format
from seatrial.machinery.field_schema import FieldSchema
from seatrial.machinery.merge_patch import same

MARKER = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM_LIST = "$deleteFromPrimitiveList"
ELEMENT_ORDER = "$setElementOrder"
_ABSENT: Any = object()

Schema = FieldSchema | None


class PatchError(ValueError):
    """The patch can't be applied. `code` is the HTTP status that the API server answers with."""

    def __init__(self, text: str, code: int = 500) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Merge:
    """How to merge: into an object (directives are carried out), or into another patch (they are kept)."""

    into_patch: bool = False

    def maps(self, original: JSON, patch: JSON, schema: Schema) -> JSON:
        """mergeMap."""
        if MARKER in patch:
            return _replaced_or_emptied(patch)
        result, rest = dict(original), dict(patch)
        self._retain_keys(result, rest)
        self._order_lists(result, rest, schema)
        for name, value in rest.items():
            self._field(result, name, value, schema)
        return result

    def _field(self, result: JSON, name: str, value: Any, schema: Schema) -> None:
        deleting = name.startswith(DELETE_FROM_LIST)
        if deleting:
            if self.into_patch:
                result[name] = value
                return
            name = _field_name(name, DELETE_FROM_LIST)
        if value is None:
            result.pop(name, None)
            if not self.into_patch:
                return
        if name not in result or _go_kind(result[name]) != _go_kind(value):
            if not deleting:
                self._take(result, name, value)
            return
        field = schema.child(name) if schema else None
        if isinstance(value, dict):
            replace = field is not None and "replace" in field.strategies
            result[name] = value if replace else self.maps(result[name], value, field)
        elif isinstance(value, list):
            result[name] = self._lists(result[name], value, field, deleting)
        else:
            result[name] = value

    def _take(self, result: JSON, name: str, value: Any) -> None:
        """A value of the patch that meets nothing of its kind in the original."""
        if self.into_patch:
            result[name] = value
        elif _stays(value):
            result[name] = _taken(value, keep_nulls=name in result)
        else:
            result.pop(name, None)

    def _lists(self, original: list[Any], patch: list[Any], field: Schema, deleting: bool = False) -> list[Any]:
        """mergeSliceHandler."""
        if not deleting and (field is None or "merge" not in field.strategies):
            return patch
        if not original and not patch:
            return original
        key = field.merge_key if field else ""
        if not _element_kind(original, patch):
            if deleting and not self.into_patch:
                return [item for item in original if not _in(item, patch)]
            merged = _unique([*original, *patch])
        else:
            if not key:
                raise PatchError("cannot merge lists without merge key for " + (field.go_type if field else ""))
            original, patch = _special_elements(original, patch, key)
            merged = self._elements(original, patch, key, field.item if field else None)
        return _ordered(merged, patch, original, key)

    def _elements(self, original: list[Any], patch: list[Any], key: str, item: Schema) -> list[Any]:
        """mergeSliceWithoutSpecialElements."""
        merged = list(original)
        for element in patch:
            if key not in element:
                raise _no_merge_key(element, key)
            at = _find(merged, key, element[key])
            if at is None:
                merged.append(element)
            else:
                merged[at] = self.maps(merged[at], element, item)
        return merged

    def _retain_keys(self, result: JSON, patch: JSON) -> None:
        if RETAIN_KEYS not in patch:
            return
        keys = patch.pop(RETAIN_KEYS)
        if self.into_patch:
            if not same(result.setdefault(RETAIN_KEYS, keys), keys):
                raise PatchError(f"{result[RETAIN_KEYS]} and {keys} are not deep equal")
            return
        if not isinstance(keys, list):
            raise PatchError("invalid patch format of retainKeys", 400)
        for name, value in patch.items():
            if value is not None and not name.startswith((DELETE_FROM_LIST, ELEMENT_ORDER)) and name not in keys:
                raise PatchError("invalid patch format of retainKeys", 400)
        for name in [name for name in result if name not in keys]:
            del result[name]

    def _order_lists(self, result: JSON, patch: JSON, schema: Schema) -> None:
        """mergePatchIntoOriginal: the lists that have an element order, merged and ordered."""
        for directive in [name for name in patch if name.startswith(ELEMENT_ORDER)]:
            order = patch.pop(directive)
            if self.into_patch and not same(result.setdefault(directive, order), order):
                raise PatchError("invalid patch format of setElementOrder list", 400)
            if not isinstance(order, list):
                raise PatchError("invalid patch format of setElementOrder list", 400)
            name = _field_name(directive, ELEMENT_ORDER)
            field = schema.child(name) if schema else None
            ordered = self._ordered_list(result.get(name, _ABSENT), patch.get(name, _ABSENT), order, field)
            if ordered is not _ABSENT:
                result[name] = ordered
                patch.pop(name, None)

    def _ordered_list(self, original: Any, patch: Any, order: list[Any], field: Schema) -> Any:
        for found in (original, patch):
            if found is not _ABSENT and not isinstance(found, list):
                raise PatchError(f"expected a []interface {{}}, but received a {_go_kind(found)}")
        key = field.merge_key if field else ""
        _check_order([] if patch is _ABSENT else patch, order, key)
        if original is _ABSENT and patch is _ABSENT:
            return _ABSENT
        if patch is _ABSENT:
            merged = original
        elif original is _ABSENT:
            merged = patch if self.into_patch else _taken(patch)
        else:
            merged = self._lists(original, patch, field)
            original = _as_go_leaves_it(original, patch, key)
        return _ordered(merged, order, [] if original is _ABSENT else original, key)


def _replaced_or_emptied(patch: JSON) -> JSON:
    """handleDirectiveInMergeMap."""
    if patch[MARKER] == "replace":
        return {name: value for name, value in patch.items() if name != MARKER}
    if patch[MARKER] == "delete":
        return {}
    raise _bad_patch_type(patch)


def _special_elements(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """mergeSliceWithSpecialElements: carry out `$patch` elements; the original and the patch that remain."""
    plain: list[Any] = []
    replace = False
    for element in patch:
        marker = element.get(MARKER, _ABSENT)
        if marker is _ABSENT:
            plain.append(element)
        elif marker == "delete":
            if key not in element:
                raise _no_merge_key(element, key)
            original = [one for one in original if not same(one.get(key, _ABSENT), element[key])]
        elif marker == "replace":
            replace = True
        elif marker == "merge":
            raise PatchError("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_patch_type(element)
    return (plain, []) if replace else (original, plain)


def _as_go_leaves_it(original: list[Any], patch: list[Any], key: str) -> list[Any]:
    """The server's order that upstream sorts by: it deletes and appends in the very array, so that new elements take
    the places that deletions have freed at its end, and count as having stood there."""
    deleted = [item[key] for item in patch if key and item.get(MARKER) == "delete"]
    if not deleted:
        return original
    kept = [item for item in original if not _in(item.get(key, _ABSENT), deleted)]
    new = [item for item in patch if MARKER not in item and _find(kept, key, item[key]) is None]
    freed = len(original) - len(kept)
    return [*kept, *new[:freed], *original[len(kept) + len(new[:freed]) :]]


def _ordered(merged: list[Any], patch_order: list[Any], server_order: list[Any], key: str) -> list[Any]:
    """normalizeElementOrder: patch items and server-only items, each in its order, woven together."""
    listed, server_place = _places(patch_order, key), _places(server_order, key)
    ours = [item for item in merged if _identity(item, key) in listed]
    theirs = [item for item in merged if _identity(item, key) not in listed]
    ours = sort_by(ours, patch_order, key)
    theirs = sort_by(theirs, server_order, key)
    result: list[Any] = []
    i = j = 0
    while i < len(theirs) and j < len(ours):
        left = server_place.get(_identity(theirs[i], key), -1)
        right = server_place.get(_identity(ours[j], key), -1)
        if 0 <= left < right:
            result.append(theirs[i])
            i += 1
        else:
            result.append(ours[j])
            j += 1
    return [*result, *theirs[i:], *ours[j:]]


def sort_by(items: Sequence[Any], order: Sequence[Any], key: str) -> list[Any]:
    """normalizeSliceOrder: items in the order of `order`; elements marked for deletion come last."""
    places = _places(order, key)
    deleted = [item for item in items if isinstance(item, dict) and item.get(MARKER) == "delete"]
    kept = [item for item in items if not (isinstance(item, dict) and item.get(MARKER) == "delete")]
    return [*sorted(kept, key=lambda item: places.get(_identity(item, key), -1)), *deleted]


def _places(order: Sequence[Any], key: str) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for index, item in enumerate(order):
        places.setdefault(_identity(item, key), index)
    return places


def _identity(item: Any, key: str) -> Any:
    """What tells list elements apart: the merge key's value, or the scalar itself (true is not 1)."""
    if isinstance(item, dict):
        if key not in item:
            raise _no_merge_key(item, key)
        item = item[key]
    if isinstance(item, (dict, list)):
        return go_format.value(item)
    return (isinstance(item, bool), item)


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """validatePatchWithSetOrderList."""
    if not patch or not order:
        return
    items = [item for item in patch if not (key and isinstance(item, dict) and MARKER in item)]
    at = 0
    for one in order:
        if at < len(items) and _identity(items[at], key) == _identity(one, key):
            at += 1
    if at < len(items):
        raise PatchError(
            f"The order in patch list:\n{go_format.value(patch)}\n doesn't match {ELEMENT_ORDER} list:\n"
            f"{go_format.value(order)}\n"
        )


def _element_kind(*lists: list[Any]) -> bool:
    """Whether the elements are objects (all or none must be); lists of lists are not allowed."""
    kinds = {_go_kind(item) for items in lists for item in items}
    if "list" in kinds:
        raise PatchError("lists of lists are not supported", 422)
    if "map" in kinds and len(kinds) > 1:
        raise PatchError("list element types are not identical")
    return "map" in kinds


def _go_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list):
        return "list"
    return type(value).__name__


def _taken(value: Any, keep_nulls: bool = False) -> Any:
    """removeDirectives and discardNullValuesFromPatch: without marked maps, and usually without nulls."""
    if isinstance(value, dict):
        return {
            name: _taken(inner, keep_nulls)
            for name, inner in value.items()
            if _stays(inner) and (keep_nulls or inner is not None)
        }
    if isinstance(value, list):
        return [_taken(item, keep_nulls) for item in value if _stays(item)]
    return value


def _stays(value: Any) -> bool:
    return not (isinstance(value, dict) and MARKER in value)


def _find(items: list[Any], key: str, value: Any) -> int | None:
    for index, item in enumerate(items):
        if same(item.get(key, _ABSENT), value):
            return index
    return None


def _in(item: Any, items: list[Any]) -> bool:
    return any(same(item, one) for one in items)


def _unique(items: list[Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    for item in items:
        found.setdefault(_identity(item, ""), item)
    return list(found.values())


def _field_name(directive: str, prefix: str) -> str:
    """extractKey: the field that `$setElementOrder/containers` speaks of."""
    parts = directive.split("/", 1)
    if len(parts) != 2 or parts[0] != prefix:
        raise PatchError(f"unable to extract key from {directive}")
    return parts[1]


def _bad_patch_type(element: JSON) -> PatchError:
    return PatchError(f"unknown patch type: {go_format.value(element[MARKER])} in map: {go_format.value(element)}")


def _no_merge_key(element: JSON, key: str) -> PatchError:
    return PatchError(f"map: {go_format.value(element)} does not contain declared merge key: {key}")
