"""Field errors as k8s.io/apimachinery/pkg/util/validation/field words them (spec: api.md §4)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


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


def shown(value: Any) -> str:
    """A value as messages show it: strings quoted, numbers and booleans plain, `null`, everything else as JSON."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with_detail(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, _with_detail("Required value", detail))


def invalid(field: str, value: Any, detail: str = "") -> FieldError:
    return FieldError("FieldValueInvalid", field, _with_detail(f"Invalid value: {shown(value)}", detail))


def not_supported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    """`supported` is shown in the order given."""
    choices = ", ".join(shown(choice) for choice in supported)
    return FieldError(
        "FieldValueNotSupported", field, _with_detail(f"Unsupported value: {shown(value)}", f"supported values: {choices}")
    )


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def forbidden(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueForbidden", field, _with_detail("Forbidden", detail))


def not_found(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", field, f"Not found: {shown(value)}")


def too_long(field: str, limit: int) -> FieldError:
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> FieldError:
    return FieldError("FieldValueTooMany", field, f"Too many: {count}: must have at most {limit} items")
