"""JSON merge patch (RFC 7386): objects merge, null deletes, everything else replaces.

Follows gopkg.in/evanphx/json-patch.v4, which also drops nulls from objects within arrays.
"""

from typing import Any

from seatrial.base.types import JSON


def apply(doc: Any, patch: Any) -> Any:
    """The document with the patch applied; unchanged parts are shared with `doc`, nothing is changed in place."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(doc, dict):
        return _without_nulls(patch)
    result: JSON = dict(doc)
    for key, value in patch.items():
        before = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(before, dict):
            result[key] = apply(before, value)
        else:
            result[key] = _without_nulls(value)
    return result


def _without_nulls(value: Any) -> Any:
    """pruneNils: objects lose their nulls, also within arrays; arrays keep theirs."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def diff(old: JSON, new: JSON) -> JSON:
    """The patch that makes `new` of `old`, for documents without nulls."""
    patch: JSON = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
            continue
        before = old[key]
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := diff(before, value):
                patch[key] = inner
        elif not same(before, value):
            patch[key] = value
    return patch


def three_way(original: JSON, modified: JSON, current: JSON) -> JSON:
    """The patch of `kubectl apply` without patch metadata: changes from `current`, deletions since `original`.

    Follows k8s.io/apimachinery/pkg/util/jsonmergepatch CreateThreeWayJSONMergePatch.
    """
    changes = _without_deletions(diff(current, modified))
    return apply_keeping_nulls(_only_deletions(diff(original, modified)), changes)


def apply_keeping_nulls(doc: JSON, patch: JSON) -> JSON:
    """Two patches as one, the second winning."""
    result = dict(doc)
    for key, value in patch.items():
        before = result.get(key)
        both = isinstance(value, dict) and isinstance(before, dict)
        result[key] = apply_keeping_nulls(before, value) if both else value  # type: ignore[arg-type]
    return result


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, two) for one, two in zip(left, right, strict=True))
    return bool(left == right)


def _without_deletions(patch: JSON) -> JSON:
    result: JSON = {}
    for key, value in patch.items():
        if isinstance(value, dict):
            kept = _without_deletions(value)
            if kept or not value:
                result[key] = kept
        elif value is not None:
            result[key] = value
    return result


def _only_deletions(patch: JSON) -> JSON:
    result: JSON = {}
    for key, value in patch.items():
        if value is None:
            result[key] = None
        elif isinstance(value, dict) and (kept := _only_deletions(value)):
            result[key] = kept
    return result
