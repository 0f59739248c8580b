"""Reading, copying and freezing Kubernetes objects, which are plain JSON dicts.

Follows k8s.io/apimachinery/pkg/apis/meta/v1 (object accessors, controller_ref.go). Nothing here changes its argument.
"""

from collections.abc import Mapping
from typing import Any, NoReturn, cast

import orjson

from seatrial.base.types import JSON, Key
from seatrial.machinery.gvk import ResourceRef

_NONE: JSON = {}


def name(obj: JSON) -> str:
    """metadata.name, or "" when there is none."""
    return cast(str, (obj.get("metadata") or _NONE).get("name") or "")


def namespace(obj: JSON) -> str:
    """metadata.namespace; "" for cluster-scoped objects."""
    return cast(str, (obj.get("metadata") or _NONE).get("namespace") or "")


def uid(obj: JSON) -> str:
    """metadata.uid, or ""."""
    return cast(str, (obj.get("metadata") or _NONE).get("uid") or "")


def key(obj: JSON) -> Key:
    """(namespace, name)."""
    metadata = obj.get("metadata") or _NONE
    return metadata.get("namespace") or "", metadata.get("name") or ""


def labels(obj: JSON) -> JSON:
    """metadata.labels; empty when there are none."""
    return cast(JSON, (obj.get("metadata") or _NONE).get("labels") or _NONE)


def annotations(obj: JSON) -> JSON:
    """metadata.annotations; empty when there are none."""
    return cast(JSON, (obj.get("metadata") or _NONE).get("annotations") or _NONE)


def finalizers(obj: JSON) -> list[str]:
    """metadata.finalizers; empty when there are none."""
    return cast(list[str], (obj.get("metadata") or _NONE).get("finalizers") or [])


def owner_references(obj: JSON) -> list[JSON]:
    """metadata.ownerReferences; empty when there are none."""
    return cast(list[JSON], (obj.get("metadata") or _NONE).get("ownerReferences") or [])


def resource_version(obj: JSON) -> int:
    """metadata.resourceVersion as a number; 0 when there is none."""
    return int((obj.get("metadata") or _NONE).get("resourceVersion") or 0)


def generation(obj: JSON) -> int:
    """metadata.generation; 0 when the kind has none."""
    return int((obj.get("metadata") or _NONE).get("generation") or 0)


def creation_timestamp(obj: JSON) -> str:
    """metadata.creationTimestamp as text, or ""."""
    return cast(str, (obj.get("metadata") or _NONE).get("creationTimestamp") or "")


def deletion_timestamp(obj: JSON) -> str | None:
    """metadata.deletionTimestamp as text; None while nobody has deleted the object."""
    return (obj.get("metadata") or _NONE).get("deletionTimestamp") or None


def is_terminating(obj: JSON) -> bool:
    """Whether the object has been deleted and waits for its finalizers or its grace period."""
    return bool((obj.get("metadata") or _NONE).get("deletionTimestamp"))


def controller_of(obj: JSON) -> JSON | None:
    """The owner reference with controller: true (there is at most one)."""
    for reference in (obj.get("metadata") or _NONE).get("ownerReferences") or ():
        if reference.get("controller"):
            return cast(JSON, reference)
    return None


def is_controlled_by(obj: JSON, owner: JSON) -> bool:
    """Whether `owner` is the controller of `obj`, by uid."""
    reference = controller_of(obj)
    return reference is not None and reference.get("uid") == uid(owner)


def owner_reference(owner: JSON, resource: ResourceRef, controller: bool = True) -> JSON:
    """A reference to `owner` for a child's metadata.ownerReferences."""
    reference = {"apiVersion": resource.api_version, "kind": resource.kind, "name": name(owner), "uid": uid(owner)}
    if not controller:
        return reference
    return reference | {"controller": True, "blockOwnerDeletion": True}


def get(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at `path` (dict keys and list indexes), or `default` where the path ends early or holds null."""
    for step in path:
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return default
    return default if obj is None else obj


def dicts(obj: JSON, *path: str | int) -> list[JSON]:
    """The dicts in the list at `path`; of an object that was never validated there may be anything else."""
    found = get(obj, *path)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def copy(obj: JSON) -> JSON:
    """A deep, mutable copy."""
    return cast(JSON, orjson.loads(orjson.dumps(obj)))


def with_metadata(obj: JSON, **fields: Any) -> JSON:
    """The object with these metadata fields replaced (None removes a field); everything else is shared with `obj`."""
    merged = {**(obj.get("metadata") or _NONE), **fields}
    return {**obj, "metadata": {field: value for field, value in merged.items() if value is not None}}


def with_status(obj: JSON, status: Mapping[str, Any]) -> JSON:
    """The object with another status; everything else is shared with `obj`."""
    return {**obj, "status": status}


class FrozenDict(dict[str, Any]):
    """A dict that raises TypeError when somebody tries to change it."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this object is shared and must not be changed: copy it first (objects.copy)")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: Any) -> JSON:
        return copy(self)

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (copy(self),)


class FrozenList(list[Any]):
    """A list that raises TypeError when somebody tries to change it."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this list is shared and must not be changed: copy it first (objects.copy)")

    __setitem__ = __delitem__ = append = clear = extend = insert = pop = remove = _refuse
    reverse = sort = __iadd__ = __imul__ = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: Any) -> list[Any]:
        return cast(list[Any], orjson.loads(orjson.dumps(self)))

    def copy(self) -> list[Any]:
        return list(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _freeze, (orjson.loads(orjson.dumps(self)),)


def freeze(obj: JSON) -> JSON:
    """A deeply frozen object, equal to `obj` and encoded like it; a frozen object is returned as it is."""
    return cast(JSON, _freeze(obj))


def _freeze(value: Any) -> Any:
    if type(value) is FrozenDict or type(value) is FrozenList:
        return value
    if isinstance(value, dict):
        return FrozenDict({field: _freeze(item) for field, item in value.items()})
    if isinstance(value, list | tuple):
        return FrozenList([_freeze(item) for item in value])
    return value
