"""Objects in Kubernetes' protobuf encoding, made into JSON data: what typed clients such as `kubectl create` send.

Messages are described by tables (see `Fields`); nothing is known of a message that no table describes, and a field
with content that its table lacks is refused, never dropped. Follows protobuf.dev/programming-guides/encoding and the
envelope of k8s.io/apimachinery/pkg/runtime/serializer/protobuf. Decoding only: answers are JSON, which such clients
accept too.
"""

import base64
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import times

MAGIC = b"k8s\x00"

Fields = Mapping[str, str]
"""Message → its fields, as `1:name 2:labels:map 3:ports:[]ServicePort 4:replicas:*int`.

Type `string` may be left out. `*` marks fields that tell absent from empty. Scalars: string int bool bytes. Others:
Time, MicroTime, Quantity, IntOrString, raw (JSON in a message), strings (a list in a message), and maps from strings:
map, map:bytes, map:Quantity. The fields of a field called `+` stand beside the others.
"""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """The bytes are no such message."""


class Field(NamedTuple):
    name: str
    type: str
    repeated: bool
    pointer: bool


class Envelope(NamedTuple):
    """What stands around every object."""

    api_version: str
    kind: str
    raw: bytes


def open_envelope(data: bytes) -> Envelope:
    """Raises ProtobufError if it is none."""
    if not data.startswith(MAGIC):
        raise ProtobufError("it does not begin with the magic number of the encoding")
    api_version = kind = ""
    raw = b""
    for number, value in _fields(data[len(MAGIC) :]):
        if number == 1 and isinstance(value, bytes):
            names = dict(_fields(value))
            api_version, kind = _text(names.get(1, b"")), _text(names.get(2, b""))
        elif number == 2 and isinstance(value, bytes):
            raw = value
    return Envelope(api_version, kind, raw)


def decode(data: bytes, message: str, tables: Fields) -> JSON:
    """The message as JSON data, in field order. Fields that are empty, and can't be told from absent, are left out."""
    described = _described(tables[message])
    obj: JSON = {}
    for number, value in _fields(data):
        field = described.get(number)
        if field is None:
            if _is_empty(value):
                continue
            raise ProtobufError(f"field {number} of {message} is not understood in this encoding; send JSON instead")
        _add(obj, field, value, tables)
    return obj


def _is_empty(value: Any) -> bool:
    """Nothing, zero, or a message of nothing but such: how fields look that were never set."""
    if value in (b"", 0):
        return True
    try:
        return isinstance(value, bytes) and all(_is_empty(inner) for _, inner in _fields(value))
    except ProtobufError:
        return False


def _add(obj: JSON, field: Field, value: Any, tables: Fields) -> None:
    if field.type.startswith("map"):
        name, member = _entry(value, field.type.partition(":")[2] or "string", tables)
        obj.setdefault(field.name, {})[name] = member
        return
    decoded = _value(value, field.type, tables)
    if field.name == "+":
        obj.update(decoded)
    elif field.repeated:
        obj.setdefault(field.name, []).append(decoded)
    elif field.pointer or decoded not in ("", 0, False, None, {}):
        obj[field.name] = decoded


def _entry(data: bytes, member_type: str, tables: Fields) -> tuple[str, Any]:
    found = dict(_fields(data))
    return _text(found.get(1, b"")), _value(found.get(2, b""), member_type, tables)


def _value(value: Any, kind: str, tables: Fields) -> Any:
    if kind == "string":
        return _text(value)
    if kind in ("int", "bool"):
        if not isinstance(value, int):
            raise ProtobufError(f"expected a number, found {len(value)} bytes")
        return bool(value) if kind == "bool" else _signed(value)
    if not isinstance(value, bytes):
        raise ProtobufError(f"expected a message of type {kind}, found a number")
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind in ("Time", "MicroTime"):
        return _time(value, kind)
    if kind == "Quantity":
        return _text(dict(_fields(value)).get(1, b""))
    if kind in ("raw", "strings"):
        return _raw(value) if kind == "raw" else [_text(inner) for _, inner in _fields(value)]
    if kind == "IntOrString":
        found = dict(_fields(value))
        return _text(found.get(3, b"")) if found.get(1) else _signed(found.get(2, 0))
    return decode(value, kind, tables)


def _raw(data: bytes) -> Any:
    found = dict(_fields(data)).get(1)
    try:
        return orjson.loads(found) if found else None
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"expected JSON: {error}") from None


def _time(data: bytes, kind: str) -> str | None:
    found = dict(_fields(data))
    if not found.get(1):
        return None
    seconds = _signed(found[1]) + found.get(2, 0) / 1e9
    return times.format_micro_time(seconds) if kind == "MicroTime" else times.format_time(seconds)


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        raise ProtobufError("expected a string, found a number")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ProtobufError("a string is not UTF-8") from None


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, number or bytes) pairs."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == LENGTH:
            size, at = _varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ProtobufError(f"unknown wire type {wire} at byte {at}")
        if at + size > len(data):
            raise ProtobufError("unexpected end of message")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ProtobufError("unexpected end of message" if shift < 64 else "a number is too long")


@cache
def _described(text: str) -> Mapping[int, Field]:
    found = {}
    for part in text.split():
        number, name, *rest = part.split(":", 2)
        kind = rest[0] if rest else "string"
        pointer, repeated = kind.startswith("*"), kind.startswith("[]")
        found[int(number)] = Field(name, kind.removeprefix("*").removeprefix("[]") or "string", repeated, pointer)
    return found
