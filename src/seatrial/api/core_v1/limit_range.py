"""LimitRange: bounds and defaults for what single containers, Pods and claims of a namespace ask for.

Follows SetDefaults_LimitRangeItem of pkg/apis/core/v1/defaults.go and ValidateLimitRange of pkg/apis/core/validation
(1.32).
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import resources
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, quantity, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

CONTAINER, POD, CLAIM = "Container", "Pod", "PersistentVolumeClaim"
_BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_ORDER = (
    ("min", "max", "min"),
    ("min", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "max", "defaultRequest"),
    ("defaultRequest", "default", "defaultRequest"),
    ("min", "default", "default"),
    ("default", "max", "default"),
)
"""(what may not be above, what, the field that is told of)."""


class LimitRangeItem(TypedDict, total=False):
    """Resource name → quantity, in each."""

    type: str
    max: dict[str, str]
    min: dict[str, str]
    default: dict[str, str]
    defaultRequest: dict[str, str]
    maxLimitRequestRatio: dict[str, str]


class LimitRangeSpec(TypedDict, total=False):
    limits: list[LimitRangeItem]


class LimitRange(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: LimitRangeSpec


def default(obj: JSON) -> None:
    """For containers the default limit is the maximum; the default request is the default limit, or the minimum."""
    for item in (obj.get("spec") or {}).get("limits") or ():
        for bound in _BOUNDS:
            resources.default_quantities(item.get(bound))
        if item.get("type") == CONTAINER:
            limits = {**(item.get("max") or {}), **(item.get("default") or {})}
            requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
            for name, amounts in (("default", limits), ("defaultRequest", requests)):
                if amounts:
                    item[name] = amounts


def validate(obj: JSON) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", str(item.get("type") or "")
        if kind in seen:
            errors.append(validation.duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += [*_validate_type(kind, f"{path}.type"), *_validate_names(item, path), *_validate_item(item, path)]
    return errors


def _validate_type(kind: str, path: str) -> Iterator[FieldError]:
    problems = names.qualified_name(kind)
    yield from validation.each(path, kind, problems)
    if not problems and "/" not in kind and kind not in (CONTAINER, POD, CLAIM):
        yield validation.invalid(path, kind, "must be a standard limit type or fully qualified")


def _validate_names(item: JSON, path: str) -> Iterator[FieldError]:
    for bound in _BOUNDS:
        for name, text in sorted((item.get(bound) or {}).items()):
            check = (
                resources.validate_container_name if item.get("type") in (POD, CONTAINER) else resources.validate_name
            )
            yield from check(name, f"{path}.{bound}[{name}]")
            yield from resources.validate_quantity(text, f"{path}.{bound}[{name}]")


def _validate_item(item: JSON, path: str) -> Iterator[FieldError]:
    kind = item.get("type")
    if kind == POD:
        for bound in ("default", "defaultRequest"):
            if item.get(bound):
                yield validation.forbidden(f"{path}.{bound}", "may not be specified when `type` is 'Pod'")
    if kind == CLAIM and not any("storage" in (item.get(bound) or {}) for bound in ("min", "max")):
        yield validation.required(
            f"{path}.limits", "either minimum or maximum storage value is required, but neither was provided"
        )
    bounds = [bound for bound in _BOUNDS if kind != POD or not bound.startswith("default")]
    for name in sorted({name for bound in bounds for name in item.get(bound) or {}}):
        yield from _validate_order({bound: item[bound] for bound in bounds if bound in item}, name, path)


def _validate_order(item: JSON, name: str, path: str) -> Iterator[FieldError]:
    """Minimum ≤ default request ≤ default limit ≤ maximum, as far as they are given."""
    texts = {bound: str((item.get(bound) or {})[name]) for bound in _BOUNDS if name in (item.get(bound) or {})}
    if any(resources.canonical_quantity(text) is None for text in texts.values()):
        return
    amounts = {bound: quantity.parse(text) for bound, text in texts.items()}
    for low, high, field in _ORDER:
        if low in amounts and high in amounts and amounts[low] > amounts[high]:
            detail = f"{_said(low, field)} value {texts[low]} is greater than {_said(high, field)} value {texts[high]}"
            # Of a default limit the bound is shown that it is beyond.
            shown = {"default": low if low == "min" else high}.get(field, field)
            yield validation.invalid(f"{path}.{field}[{name}]", texts[shown], detail)
    yield from _validate_ratio(amounts, texts, f"{path}.maxLimitRequestRatio[{name}]")
    default, request = texts.get("default"), texts.get("defaultRequest")
    if default and request and not resources.may_overcommit(name) and amounts["default"] != amounts["defaultRequest"]:
        detail = f"default value {default} must equal to defaultRequest value {request} in {name}"
        yield validation.invalid(f"{path}.defaultRequest[{name}]", request, detail)


def _said(bound: str, field: str) -> str:
    """The bound in words; a default is called a default limit where default requests are spoken of."""
    if bound == "default":
        return "default limit" if field == "defaultRequest" else "default"
    return "default request" if bound == "defaultRequest" else bound


def _validate_ratio(amounts: dict[str, Any], texts: dict[str, str], path: str) -> Iterator[FieldError]:
    ratio = amounts.get("maxLimitRequestRatio")
    if ratio is None:
        return
    text = texts["maxLimitRequestRatio"]
    if ratio < 1:
        yield validation.invalid(path, text, f"ratio {text} is less than 1")
    low, high = amounts.get("min"), amounts.get("max")
    if low and high is not None and ratio > high / low:
        limit = float(high / low)
        yield validation.invalid(path, text, f"ratio {text} is greater than max/min = {limit:f}")


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get limits`."""
    return obj["metadata"]["name"], obj["metadata"].get("creationTimestamp") or "<unknown>"


COLUMNS = (
    table.NAME,
    Column(
        "Created At",
        description=(
            "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
            "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. "
            "It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. "
            "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
        ),
    ),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="LimitRange",
    plural="limitranges",
    singular="limitrange",
    short_names=("limits",),
    default=default,
    validate=validate,
    create_on_update=True,
    columns=COLUMNS,
    row=row,
)
