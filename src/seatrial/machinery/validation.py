"""Field errors as k8s.io/apimachinery/pkg/util/validation/field words them (spec: api.md §4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class FieldError:
    """One cause of an Invalid status.

    `type` is the cause type (FieldValueRequired, FieldValueInvalid, …), `field` the path such as
    `spec.template.spec.containers[0].image`, `body` the message without the field.
    """

    type: str
    field: str
    body: str

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def _escape(char: str) -> str:
    known = _ESCAPES.get(char)
    if known is not None:
        return known
    if char.isprintable():
        return char
    point = ord(char)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def go_quote(text: str) -> str:
    """The text as Go's %q prints it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(_escape(char) for char in text)}"'


class GoText(str):
    """A bad value that is in Go's notation already and is shown as it stands."""

    __slots__ = ()


def go_strings(values: Iterable[str] | None) -> GoText:
    """A []string as Go's %#v prints it."""
    if values is None:
        return GoText("[]string(nil)")
    return GoText(f"[]string{{{', '.join(go_quote(value) for value in values)}}}")


def go_map(values: Mapping[str, str] | None) -> GoText:
    """A map[string]string as Go's %#v prints it."""
    if values is None:
        return GoText("map[string]string(nil)")
    pairs = (f"{go_quote(key)}:{go_quote(value)}" for key, value in sorted(values.items()))
    return GoText(f"map[string]string{{{', '.join(pairs)}}}")


def go_value(value: Any) -> str:
    """A bad value as field errors show it: Go's %q for strings, %v for numbers, %#v for maps and lists of strings.

    For other structs, whose Go types aren't known here, callers hand in a GoText; what they don't is shown as JSON.
    """
    if isinstance(value, GoText):
        return value
    if value is None:
        return '"null"'
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return go_map(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return go_strings(value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _with(kind: str, detail: str) -> str:
    return f"{kind}: {detail}" if detail else kind


def required(field: str, detail: str = "") -> FieldError:
    """The field is missing or empty."""
    return FieldError("FieldValueRequired", field, _with("Required value", detail))


def invalid(field: str, value: Any, detail: str = "") -> FieldError:
    """The value breaks a rule."""
    return FieldError("FieldValueInvalid", field, _with(f"Invalid value: {go_value(value)}", detail))


def type_invalid(field: str, value: Any, detail: str = "") -> FieldError:
    """The value has the wrong JSON type."""
    return FieldError("FieldValueTypeInvalid", field, _with(f"Invalid value: {go_value(value)}", detail))


def immutable(field: str, value: Any, detail: str = "field is immutable") -> FieldError:
    """An update changes what can't be changed."""
    return invalid(field, value, detail)


def unsupported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    """The value is none of `supported` (told in the order given)."""
    values = ", ".join(go_quote(item) for item in supported)
    detail = f"supported values: {values}" if values else ""
    return FieldError("FieldValueNotSupported", field, _with(f"Unsupported value: {go_value(value)}", detail))


def duplicate(field: str, value: Any, detail: str = "") -> FieldError:
    """The value is there already, and must be unique."""
    return FieldError("FieldValueDuplicate", field, _with(f"Duplicate value: {go_value(value)}", detail))


def forbidden(field: str, detail: str = "") -> FieldError:
    """The field may not be set, or not like this, in this situation."""
    return FieldError("FieldValueForbidden", field, _with("Forbidden", detail))


def not_found(field: str, value: Any) -> FieldError:
    """The value names something that isn't there."""
    return FieldError("FieldValueNotFound", field, f"Not found: {go_value(value)}")


def too_long(field: str, max_length: int) -> FieldError:
    """The value has more bytes than allowed."""
    unit = "byte" if max_length == 1 else "bytes"
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {max_length} {unit}")


def too_many(field: str, actual: int, max_items: int) -> FieldError:
    """The list has more items than allowed."""
    unit = "item" if max_items == 1 else "items"
    return FieldError("FieldValueTooMany", field, f"Too many: {actual}: must have at most {max_items} {unit}")


def internal_error(field: str, detail: str) -> FieldError:
    """The rule itself could not be checked."""
    return FieldError("InternalError", field, f"Internal error: {detail}")


def non_negative(field: str, value: int | None) -> list[FieldError]:
    """A number that must not be below 0; absent is fine."""
    if value is None or value >= 0:
        return []
    return [invalid(field, value, "must be greater than or equal to 0")]


def in_range(field: str, value: int | None, low: int, high: int) -> list[FieldError]:
    """A number between two bounds; absent is fine."""
    if value is None or low <= value <= high:
        return []
    return [invalid(field, value, f"must be between {low} and {high}, inclusive")]


def each(field: str, value: Any, messages: Iterable[str]) -> list[FieldError]:
    """One Invalid error per message (what the validators of machinery.names return)."""
    return [invalid(field, value, message) for message in messages]
