"""JSON patch (RFC 6902) with the semantics of gopkg.in/evanphx/json-patch.v4, which the API server uses.

Negative indexes count from the end, `-` appends. The texts of PatchError are the library's; the API server answers
422 without them. Nothing is changed in place: what a patch touches is copied first.
"""

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
        path = _pointer(operation, "path")
        if not path:
            self._holder[""] = _value(operation)
            return
        parent = self._parent(path, "add")
        _insert(parent, path[-1], _value(operation), _text(path), "add")

    def _remove(self, operation: JSON) -> None:
        path = _pointer(operation, "path")
        self._take(path, "remove")

    def _take(self, path: list[str], name: str) -> Any:
        if not path:
            raise _missing("", name)
        parent = self._parent(path, name)
        last = path[-1]
        if isinstance(parent, dict):
            if last not in parent:
                why = f"Unable to remove nonexistent key: {last}: missing value"
                raise PatchError(f"error in {name} for path: '{_text(path)}': {why}")
            return parent.pop(last)
        return parent.pop(_existing(parent, last, _text(path), name))

    def _replace(self, operation: JSON) -> None:
        path = _pointer(operation, "path")
        if not path:
            self._holder[""] = _value(operation)
            return
        parent = self._parent(path, "replace")
        last, value = path[-1], _value(operation)
        if isinstance(parent, dict):
            if last not in parent:
                raise PatchError(f"replace operation does not apply: doc is missing key: {_text(path)}: missing value")
            parent[last] = value
        else:
            parent[_existing(parent, last, _text(path), "replace")] = value

    def _move(self, operation: JSON) -> None:
        source, target = _pointer(operation, "from"), _pointer(operation, "path")
        if target[: len(source)] == source and len(target) > len(source):
            raise PatchError(f"move operation does not apply: {_text(target)} is inside {_text(source)}")
        value = self._take(source, "move")
        self._put(target, value, "move")

    def _copy(self, operation: JSON) -> None:
        value = self._get(_pointer(operation, "from"), "copy")
        self._owned.clear()
        self._owned.add(id(self._holder))
        self._put(_pointer(operation, "path"), value, "copy")

    def _put(self, path: list[str], value: Any, name: str) -> None:
        if not path:
            self._holder[""] = value
            return
        _insert(self._parent(path, name), path[-1], value, _text(path), name)

    def _test(self, operation: JSON) -> None:
        path = _pointer(operation, "path")
        wanted = operation.get("value")
        try:
            found = self._get(path, "test")
        except PatchError:
            if wanted is None:
                return
            raise PatchError(f"testing path {_text(path)} failed: test failed") from None
        if not same(found, wanted):
            raise PatchError(f"testing value {_text(path)} failed: test failed")

    def _get(self, path: list[str], name: str) -> Any:
        value = self._holder[""]
        for step in path:
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list):
                value = value[_existing(value, step, _text(path), name)]
            else:
                raise _missing(_text(path), name)
        return value

    def _parent(self, path: list[str], name: str) -> Any:
        """The container that holds the last step, its whole way down made of private copies."""
        container: Any = self._holder
        key: Any = ""
        for step in [*path[:-1], None]:
            child = container[key]
            if not isinstance(child, (dict, list)):
                raise _missing(_text(path), name)
            if id(child) not in self._owned:
                child = container[key] = dict(child) if isinstance(child, dict) else list(child)
                self._owned.add(id(child))
            container = child
            if step is None:
                return container
            if isinstance(container, list):
                key = _existing(container, step, _text(path), name)
            elif step in container:
                key = step
            else:
                raise _missing(_text(path), name)
        raise AssertionError("the loop ends with the parent")


def _insert(parent: Any, last: str, value: Any, text: str, name: str) -> None:
    if isinstance(parent, dict):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    else:
        index = _index(last, text, name)
        if index < -len(parent) - 1 or index > len(parent):
            raise _invalid_index(index, text, name)
        parent.insert(index if index >= 0 else len(parent) + 1 + index, value)


def _index(step: str, text: str, name: str) -> int:
    try:
        return int(step)
    except ValueError:
        raise PatchError(f"error in {name} for path: '{text}': value was not a proper array index: '{step}'") from None


def _existing(items: list[Any], step: str, text: str, name: str) -> int:
    index = _index(step, text, name)
    if not -len(items) <= index < len(items):
        raise _invalid_index(index, text, name)
    return index


def _invalid_index(index: int, text: str, name: str) -> PatchError:
    why = f"Unable to access invalid index: {index}: invalid index referenced"
    return PatchError(f"error in {name} for path: '{text}': {why}")


def _missing(text: str, name: str) -> PatchError:
    return PatchError(f"{name} operation does not apply: doc is missing path: {text}: missing value")


def _value(operation: JSON) -> Any:
    return operation.get("value")


def _pointer(operation: JSON, field: str) -> list[str]:
    text = operation.get(field)
    if not isinstance(text, str):
        raise PatchError(f"{operation.get('op')} operation failed to decode path: missing value")
    if text == "":
        return []
    if not text.startswith("/"):
        raise _missing(text, str(operation.get("op")))
    return [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")]


def _text(path: list[str]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
