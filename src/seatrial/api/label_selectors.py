"""Validation of labels, annotations and label selectors inside specs (apimachinery's metav1/validation, 1.32).

Metadata of the objects themselves is the registry's to check; this is for templates and selectors.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError

_SET_OPERATORS = ("In", "NotIn")
_EXISTENCE_OPERATORS = ("Exists", "DoesNotExist")
_ANNOTATIONS_LIMIT = 256 * 1024


def validate_labels(labels: Mapping[str, str], path: str) -> Iterator[FieldError]:
    for key, value in sorted(labels.items()):
        yield from validate_label_name(key, path)
        for message in names.label_value(value):
            yield validation.invalid(path, value, message)


def validate_label_name(key: str, path: str) -> Iterator[FieldError]:
    for message in names.qualified_name(key):
        yield validation.invalid(path, key, message)


def validate_annotations(annotations: Mapping[str, str], path: str) -> Iterator[FieldError]:
    size = 0
    for key, value in sorted(annotations.items()):
        # Annotation keys may be written in capitals, so that the prefix is no DNS name as it stands.
        for message in names.qualified_name(key.lower()):
            yield validation.invalid(path, key, message)
        size += len(key.encode()) + len(value.encode())
    if size > _ANNOTATIONS_LIMIT:
        yield validation.too_long(path, _ANNOTATIONS_LIMIT)


def validate_selector(selector: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """A LabelSelector: labels and operators are what they may be."""
    yield from validate_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    yield from validate_expressions(selector.get("matchExpressions") or (), f"{path}.matchExpressions")


def validate_expressions(expressions: Sequence[JSON], path: str) -> Iterator[FieldError]:
    for index, expression in enumerate(expressions):
        here = f"{path}[{index}]"
        operator, values = expression.get("operator") or "", expression.get("values") or ()
        if operator in _SET_OPERATORS and not values:
            yield validation.required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in _EXISTENCE_OPERATORS and values:
            yield validation.forbidden(
                f"{here}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
        elif operator not in _SET_OPERATORS + _EXISTENCE_OPERATORS:
            yield validation.invalid(f"{here}.operator", operator, "not a valid selector operator")
        yield from validate_label_name(expression.get("key") or "", f"{here}.key")
        for number, value in enumerate(values):
            for message in names.label_value(value):
                yield validation.invalid(f"{here}.values[{number}]", value, message)


def is_empty(selector: Mapping[str, Any] | None) -> bool:
    """Whether the selector says nothing, and so selects everything."""
    return not selector or not (selector.get("matchLabels") or selector.get("matchExpressions"))


def labels_text(labels: Mapping[str, str] | None) -> str:
    """labels.FormatLabels: `a=1,b=2`, `<none>` for none."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def invalid_labels(path: str, labels: Mapping[str, str] | None, detail: str) -> FieldError:
    """An Invalid error that shows labels as Go's %#v writes them."""
    return FieldError("FieldValueInvalid", path, f"Invalid value: {_go_map(labels)}: {detail}")


def invalid_selector(path: str, selector: Mapping[str, Any] | None, detail: str) -> FieldError:
    """An Invalid error that shows a LabelSelector as Go's %#v writes it."""
    shown = "null"
    if selector is not None:
        expressions = _go_expressions(selector.get("matchExpressions"))
        shown = (
            f"v1.LabelSelector{{MatchLabels:{_go_map(selector.get('matchLabels'))}, MatchExpressions:{expressions}}}"
        )
    return FieldError("FieldValueInvalid", path, f"Invalid value: {shown}: {detail}")


def _go_map(labels: Mapping[str, str] | None) -> str:
    if labels is None:
        return "map[string]string(nil)"
    pairs = (f"{validation.go_quote(key)}:{validation.go_quote(value)}" for key, value in sorted(labels.items()))
    return f"map[string]string{{{', '.join(pairs)}}}"


def _go_expressions(expressions: Sequence[JSON] | None) -> str:
    if expressions is None:
        return "[]v1.LabelSelectorRequirement(nil)"
    return f"[]v1.LabelSelectorRequirement{{{', '.join(_go_expression(each) for each in expressions)}}}"


def _go_expression(expression: Mapping[str, Any]) -> str:
    key, operator = (validation.go_quote(expression.get(name) or "") for name in ("key", "operator"))
    values = expression.get("values")
    listed = "(nil)" if values is None else f"{{{', '.join(validation.go_quote(value) for value in values)}}}"
    return f"v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:[]string{listed}}}"
