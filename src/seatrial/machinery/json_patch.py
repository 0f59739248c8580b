"""JSON patch (RFC 6902) with the semantics of gopkg.in/evanphx/json-patch.v4, which the API server uses.

Negative indexes count from the end, `-` appends. The texts of PatchError are the library's; the API server answers
422 without them. Nothing is changed in place: what a patch touches is copied first.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery.merge_patch import same

MAX_OPERATIONS = 10_000


class PatchError(ValueError):
    """The patch can't be applied to this document."""


class BadPatch(ValueError):
    """What was sent is no JSON patch."""


class TooManyOperations(ValueError):
    """More operations than the API server takes (413)."""


def apply(doc: Any, operations: Any) -> Any:
    """The document after all operations; raises BadPatch, TooManyOperations or PatchError."""
    check(operations)
    patch = _Patch(doc)
    for operation in operations:
        patch.run(operation)
    return patch.document


def check(operations: Any) -> None:
    """Raise unless this is an array of at most 10,000 operations."""
    if not isinstance(operations, list):
        raise BadPatch(f"json: cannot unmarshal {_json_type(operations)} into Go value of type jsonpatch.Patch")
    if len(operations) > MAX_OPERATIONS:
        raise TooManyOperations(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{MAX_OPERATIONS}, got {len(operations)}"
        )
    for operation in operations:
        if not isinstance(operation, dict):
            raise BadPatch(f"json: cannot unmarshal {_json_type(operation)} into Go value of type jsonpatch.Operation")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object"


class _Patch:
    """A document under change. What an operation touches is copied once and then owned, known by its id."""

    def __init__(self, document: Any) -> None:
        self._holder: JSON = {"": document}
        self._owned: set[int] = {id(self._holder)}

    @property
    def document(self) -> Any:
        return self._holder[""]

    def run(self, operation: JSON) -> None:
        runs = {
            "add": self._add,
            "remove": self._remove,
            "replace": self._replace,
            "move": self._move,
            "copy": self._copy,
            "test": self._test,
        }
        kind = operation.get("op")
        if not isinstance(kind, str) or kind not in runs:
            raise PatchError(f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")
        runs[kind](operation)

    def _add(self, operation: JSON) -> None:
        self._put(_pointer(operation, "path"), operation.get("value"), "add", "add")

    def _remove(self, operation: JSON) -> None:
        self._take(_pointer(operation, "path"), "remove")

    def _replace(self, operation: JSON) -> None:
        """An object's key need not be there: the library only looks at indexes."""
        path, value = _pointer(operation, "path"), operation.get("value")
        if not path:
            self._holder[""] = value
            return
        parent = self._parent(path, "replace")
        if isinstance(parent, dict):
            parent[path[-1]] = value
            return
        try:
            parent[_existing(parent, path[-1])] = value
        except _BadIndex:
            text = f"replace operation does not apply: doc is missing key: {_text(path)}: missing value"
            raise PatchError(text) from None

    def _move(self, operation: JSON) -> None:
        value = self._take(_pointer(operation, "from"), "move")
        self._put(_pointer(operation, "path"), value, "move", "move to")

    def _copy(self, operation: JSON) -> None:
        value = self._get(_pointer(operation, "from"), "copy")
        self._owned = {id(self._holder)}
        self._put(_pointer(operation, "path"), value, "copy", "copy to")

    def _test(self, operation: JSON) -> None:
        path = _pointer(operation, "path")
        if not same(self._get(path, "test"), operation.get("value")):
            raise PatchError(f"testing value {_text(path)} failed: test failed")

    def _get(self, path: list[str], name: str) -> Any:
        """The value at a path; null stands for a key that the innermost object doesn't have."""
        if not path:
            return self._holder[""]
        parent = self._parent(path, name)
        if isinstance(parent, dict):
            return parent.get(path[-1])
        with _told(name, path):
            return parent[_existing(parent, path[-1])]

    def _take(self, path: list[str], name: str) -> Any:
        if not path:
            raise _missing(path, name)
        parent, last = self._parent(path, name), path[-1]
        with _told(name, path):
            if isinstance(parent, list):
                return parent.pop(_existing(parent, last))
            if last not in parent:
                raise _BadIndex(f"Unable to remove nonexistent key: {last}: missing value")
            return parent.pop(last)

    def _put(self, path: list[str], value: Any, name: str, place: str) -> None:
        if not path:
            self._holder[""] = value
            return
        parent = self._parent(path, place)
        if isinstance(parent, dict):
            parent[path[-1]] = value
            return
        with _told(name, path):
            _insert(parent, path[-1], value)

    def _parent(self, path: list[str], name: str) -> Any:
        """The container that holds the last step, its whole way down made of private copies."""
        container: Any = self._holder
        for step in ["", *path[:-1]]:
            try:
                key = step if isinstance(container, dict) else _existing(container, step)
            except _BadIndex:
                raise _missing(path, name) from None
            child = container.get(key) if isinstance(container, dict) else container[key]
            if not isinstance(child, (dict, list)):
                raise _missing(path, name)
            if id(child) not in self._owned:
                child = container[key] = dict(child) if isinstance(child, dict) else list(child)
                self._owned.add(id(child))
            container = child
        return container


class _BadIndex(ValueError):
    """A step that a container doesn't have; str() is the library's innermost error."""


@contextmanager
def _told(name: str, path: list[str]) -> Iterator[None]:
    """Put the operation and the path in front of a _BadIndex."""
    try:
        yield
    except _BadIndex as error:
        raise PatchError(f"error in {name} for path: '{_text(path)}': {error}") from None


def _insert(items: list[Any], last: str, value: Any) -> None:
    if last == "-":
        items.append(value)
        return
    index, size = _index(last), len(items) + 1
    if not -size <= index < size:
        raise _invalid_index(index)
    items.insert(index if index >= 0 else size + index, value)


def _existing(items: list[Any], step: str) -> int:
    index = _index(step)
    if not -len(items) <= index < len(items):
        raise _invalid_index(index)
    return index


def _index(step: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", step):
        raise _BadIndex(f'strconv.Atoi: parsing "{step}": invalid syntax')
    return int(step)


def _invalid_index(index: int) -> _BadIndex:
    return _BadIndex(f"Unable to access invalid index: {index}: invalid index referenced")


_MISSING = {
    "add": 'doc is missing path: "{}"',
    "remove": 'doc is missing path: "{}"',
    "replace": "doc is missing path: {}",
    "move": "doc is missing from path: {}",
    "move to": "doc is missing destination path: {}",
    "copy": "doc is missing from path: {}",
    "copy to": "doc is missing destination path: {}",
    "test": "is missing path: {}",
}


def _missing(path: list[str], name: str) -> PatchError:
    why = _MISSING[name].format(_text(path))
    return PatchError(f"{name.removesuffix(' to')} operation does not apply: {why}: missing value")


def _pointer(operation: JSON, field: str) -> list[str]:
    text = operation.get(field)
    if not isinstance(text, str):
        raise PatchError(f"{operation.get('op')} operation failed to decode path: missing value")
    if text and not text.startswith("/"):
        why = _MISSING[str(operation.get("op"))].format(text)
        raise PatchError(f"{operation.get('op')} operation does not apply: {why}: missing value")
    return [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")] if text else []


def _text(path: list[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
