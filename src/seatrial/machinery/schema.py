"""Decoding: whether a JSON object is one of its kind, in the words of Kubernetes' own decoder.

An object that is already what Go would write back passes a compiled check and is returned as it is; any other goes
through a slower walk that finds the first type error, lists unknown fields, and builds what Go would have decoded:
nulls, unknown fields and empty optional lists and maps are gone, quantities and times stand in canonical form.

Follows encoding/json and sigs.k8s.io/json (UnmarshalTypeError, strict field errors). Limits: enums and required
fields belong to validation, not decoding; the text of a number is Python's, not the body's; scalars that hold their
zero value stay, since the definitions don't tell Go's `omitempty`.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from seatrial.base.types import JSON
from seatrial.machinery import go_time, quantity
from seatrial.machinery.field_schema import FieldSchema, Struct

Step = str | int | tuple[str]
"""A struct's field, a list index, or (a map's key,)."""
Path = tuple[Step, ...]
Check = Callable[[Any], bool]
T = TypeVar("T")

UNKNOWN_LIMIT = 100
INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
_ZERO: dict[str, Any] = {
    "struct": {},
    "string": "",
    "boolean": False,
    "int32": 0,
    "int64": 0,
    "number": 0,
    "bytes": "",
    "quantity": "0",
    "int_or_string": 0,
}


class DecodeError(ValueError):
    """The object can't be decoded; str() is the decoder's text, such as `json: cannot unmarshal …`."""


@dataclass(frozen=True)
class Decoded:
    """A decoded object (the given one if nothing had to change) and the paths of unknown fields, `spec.ports[0].x`."""

    object: JSON
    unknown: list[str]


class Validator:
    """Decodes objects of one kind."""

    def __init__(self, schema: FieldSchema) -> None:
        if schema.struct is None:
            raise ValueError(f"{schema.go_type} is not a struct")
        self.schema = schema
        self._check = struct_check(schema.struct)

    def decode(self, obj: JSON) -> Decoded:
        """The object as Go would have decoded it; raises DecodeError."""
        if self._check(obj):
            return Decoded(obj, [])
        unknown: dict[str, None] = {}
        walk = _Walk(unknown)
        assert self.schema.struct is not None
        result = walk.struct(self.schema.struct, self.schema.go_type, obj, (), self.schema.struct.name)
        return Decoded(result, list(unknown)[:UNKNOWN_LIMIT])


def struct_check(struct: Struct) -> Check:
    """A function that tells whether a value needs no further decoding as this struct."""
    return _compiled(struct)


@cache
def _compiled(struct: Struct) -> Check:
    scalars: dict[str, type] = {}
    others: dict[str, Check] = {}
    ready = False

    def fill() -> None:
        nonlocal ready
        for name, field in struct.fields.items():
            if field.kind == "string" or field.kind == "boolean":
                scalars[name] = str if field.kind == "string" else bool
            else:
                others[name] = _check(field, optional=name not in struct.required)
        ready = True

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        if not ready:
            fill()
        for key, inner in value.items():
            expected = scalars.get(key)
            if expected is not None:
                if type(inner) is not expected:
                    return False
            else:
                rule = others.get(key)
                if rule is None or not rule(inner):
                    return False
        return True

    return check


def _check(field: FieldSchema, *, optional: bool) -> Check:
    if field.kind == "struct":
        assert field.struct is not None
        return _compiled(field.struct)
    if field.kind == "list":
        assert field.item is not None
        return _list_check(_check(field.item, optional=False), optional)
    if field.kind == "map":
        assert field.item is not None
        if field.item.kind == "string":
            return _string_map_check(optional)
        return _map_check(_check(field.item, optional=False), optional)
    return _SCALAR_CHECKS[field.kind]


def _list_check(rule: Check, optional: bool) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not list or (optional and not value):
            return False
        for inner in value:  # noqa: SIM110 - all() with a generator takes twice as long
            if not rule(inner):
                return False
        return True

    return check


def _string_map_check(optional: bool) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not dict or (optional and not value):
            return False
        for inner in value.values():  # noqa: SIM110
            if type(inner) is not str:
                return False
        return True

    return check


def _map_check(rule: Check, optional: bool) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not dict or (optional and not value):
            return False
        for inner in value.values():  # noqa: SIM110
            if not rule(inner):
                return False
        return True

    return check


@lru_cache(maxsize=4096)
def _is_canonical_quantity(text: str) -> bool:
    try:
        return quantity.canonical(text) == text
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _is_canonical_bytes(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _is_int32(value: Any) -> bool:
    return type(value) is int and -2147483648 <= value <= 2147483647


_SCALAR_CHECKS: dict[str, Check] = {
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "int32": _is_int32,
    "int64": lambda value: type(value) is int and INT64[0] <= value <= INT64[1],
    "number": lambda value: type(value) is float or type(value) is int,
    "bytes": lambda value: type(value) is str and _is_canonical_bytes(value),
    "quantity": lambda value: type(value) is str and _is_canonical_quantity(value),
    "int_or_string": lambda value: type(value) is str or _is_int32(value),
    "time": lambda value: type(value) is str and go_time.is_canonical(value),
    "micro_time": lambda value: type(value) is str and go_time.is_canonical_micro(value),
    "any": lambda value: value is not None,
}


class _Walk:
    """The slow way through an object: raises the first type error, collects unknown fields."""

    def __init__(self, unknown: dict[str, None]) -> None:
        self._unknown = unknown

    def struct(self, struct: Struct, go_type: str, value: Any, path: Path, owner: str) -> JSON:
        if not isinstance(value, dict):
            raise _mismatch(value, go_type, path, owner)
        result: JSON = {}
        for name, inner in value.items():
            field = struct.fields.get(name)
            if field is None:
                self._unknown[strict_path((*path, name))] = None
                continue
            if inner is None:
                continue
            decoded = self.value(field, inner, (*path, name), struct.name)
            if decoded or field.kind not in ("list", "map") or name in struct.required:
                result[name] = decoded
        return result

    def value(self, field: FieldSchema, value: Any, path: Path, owner: str) -> Any:
        if field.kind == "struct":
            assert field.struct is not None
            return self.struct(field.struct, field.go_type, value, path, owner)
        if field.kind == "list":
            return self._list(field, value, path, owner)
        if field.kind == "map":
            return self._map(field, value, path, owner)
        if field.kind == "any":
            return value
        return _DECODERS[field.kind](field, value, path, owner)

    def _list(self, field: FieldSchema, value: Any, path: Path, owner: str) -> list[Any]:
        if not isinstance(value, list):
            raise _mismatch(value, field.go_type, path, owner)
        item = field.item
        assert item is not None
        return [
            _ZERO.get(item.kind) if inner is None else self.value(item, inner, (*path, index), owner)
            for index, inner in enumerate(value)
        ]

    def _map(self, field: FieldSchema, value: Any, path: Path, owner: str) -> JSON:
        if not isinstance(value, dict):
            raise _mismatch(value, field.go_type, path, owner)
        item = field.item
        assert item is not None
        return {
            key: _ZERO.get(item.kind) if inner is None else self.value(item, inner, (*path, (key,)), owner)
            for key, inner in value.items()
        }


def _mismatch(value: Any, go_type: str, path: Path, owner: str, shown: str = "") -> DecodeError:
    """UnmarshalTypeError: `owner` is the innermost struct, the path has neither indexes nor map keys."""
    what = shown or _json_type(value)
    fields = ".".join(step for step in path if isinstance(step, str))
    if not fields:
        return DecodeError(f"json: cannot unmarshal {what} into Go value of type {go_type}")
    return DecodeError(f"json: cannot unmarshal {what} into Go struct field {owner}.{fields} of type {go_type}")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _decode_string(field: FieldSchema, value: Any, path: Path, owner: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, field.go_type, path, owner)
    return value


def _decode_boolean(field: FieldSchema, value: Any, path: Path, owner: str) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, field.go_type, path, owner)
    return value


def _integer(go_type: str, low: int, high: int, value: Any, path: Path, owner: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(value, go_type, path, owner)
    if isinstance(value, float) or not low <= value <= high:
        raise _mismatch(value, go_type, path, owner, f"number {value}")
    return value


def _decode_int32(field: FieldSchema, value: Any, path: Path, owner: str) -> int:
    return _integer("int32", *INT32, value, path, owner)


def _decode_int64(field: FieldSchema, value: Any, path: Path, owner: str) -> int:
    return _integer("int64", *INT64, value, path, owner)


def _decode_number(field: FieldSchema, value: Any, path: Path, owner: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(value, field.go_type, path, owner)
    return value


def _decode_int_or_string(field: FieldSchema, value: Any, path: Path, owner: str) -> str | int:
    return value if isinstance(value, str) else _integer("int32", *INT32, value, path, owner)


def _decode_bytes(field: FieldSchema, value: Any, path: Path, owner: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, field.go_type, path, owner)
    text = value.replace("\r", "").replace("\n", "")
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except binascii.Error as error:
        raise DecodeError(f"illegal base64 data at input byte {_broken_byte(text)}") from error


def _broken_byte(text: str) -> int:
    """Where Go's decoder stops: the first strange character, else the end of the unfinished group."""
    match = re.match(r"[A-Za-z0-9+/]*", text)
    good = match.end() if match else 0
    if good == len(text):
        return good // 4 * 4
    padding = text[good:]
    if padding in ("=", "=="):
        return len(text)
    return good


def _decode_quantity(field: FieldSchema, value: Any, path: Path, owner: str) -> str:
    text = value.strip() if isinstance(value, str) else _go_literal(value)
    try:
        return quantity.canonical(text)
    except ValueError as error:
        raise DecodeError(str(error)) from error


def _go_literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else "{}"


def _decode_time(field: FieldSchema, value: Any, path: Path, owner: str) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, "string", path, owner)
    try:
        return go_time.canonical(value, micro=field.kind == "micro_time")
    except ValueError as error:
        raise DecodeError(str(error)) from error


_DECODERS: dict[str, Callable[[FieldSchema, Any, Path, str], Any]] = {
    "string": _decode_string,
    "boolean": _decode_boolean,
    "int32": _decode_int32,
    "int64": _decode_int64,
    "number": _decode_number,
    "bytes": _decode_bytes,
    "quantity": _decode_quantity,
    "int_or_string": _decode_int_or_string,
    "time": _decode_time,
    "micro_time": _decode_time,
}


def strict_path(path: Path) -> str:
    """`spec.containers[0].foo`, as strict decoding names a field."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if isinstance(step, str) else step[0]
            text += f".{name}" if text else name
    return text
