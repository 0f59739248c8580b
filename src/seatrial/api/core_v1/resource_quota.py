"""ResourceQuota: how much the objects of a namespace may use together.

Follows pkg/registry/core/resourcequota and ValidateResourceQuota of pkg/apis/core/validation (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import resources
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, quantity, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_SERVICES = ("services", "services.nodeports", "services.loadbalancers")
_OBJECTS = frozenset(
    ("pods", *_SERVICES, "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims")
)
_STANDARD = _OBJECTS | {
    "requests.storage",
    *_COMPUTE,
    *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _COMPUTE),
}
_SCOPES = frozenset(
    ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity")
)
_OF_PODS = frozenset(("pods", *(name for name in _STANDARD if name.removeprefix("requests.") in _COMPUTE))) | {
    *(f"limits.{name}" for name in _COMPUTE)
}
_EXCLUSIVE = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_VALUES_NEEDED = ("In", "NotIn")


class ResourceQuotaSpec(TypedDict, total=False):
    hard: dict[str, str]
    scopes: list[str]
    scopeSelector: JSON


class ResourceQuotaStatus(TypedDict, total=False):
    """`hard`: the limits that are in force. `used`: what is counted against them."""

    hard: dict[str, str]
    used: dict[str, str]


class ResourceQuota(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ResourceQuotaSpec
    status: ResourceQuotaStatus


def default(obj: JSON) -> None:
    """Quantities in their canonical form."""
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    resources.default_quantities(spec.get("hard"))


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {}


def validate(obj: JSON) -> list[FieldError]:
    spec = obj.get("spec") or {}
    return [*_validate_hard(spec), *_validate_scopes(spec), *_validate_selector(spec)]


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """Scopes stay as they are."""
    before, after = ((obj.get("spec") or {}).get("scopes") or [] for obj in (old, new))
    if sorted(before) == sorted(after):
        return []
    return [validation.invalid("spec.scopes", after, "field is immutable")]


def _validate_hard(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    for name, text in sorted((spec.get("hard") or {}).items()):
        path = f"spec.hard[{name}]"
        problems = names.qualified_name(name)
        if not problems and "/" not in name and name not in _STANDARD and not _is_prefixed(name):
            problems = ("must be a standard resource for quota",)
        yield from validation.each(path, name, problems)
        yield from resources.validate_quantity(text, path)
        if name in _OBJECTS and resources.canonical_quantity(text) and quantity.milli(text) % 1000:
            yield validation.invalid(path, text, "must be an integer")


def _is_prefixed(name: str) -> bool:
    return name.startswith(("hugepages-", "requests.hugepages-"))


def _validate_scopes(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    scopes = spec.get("scopes") or []
    quoted = ", ".join(validation.go_quote(str(scope)) for scope in scopes)
    shown = validation.GoText(f"[]core.ResourceQuotaScope{{{quoted}}}")
    yield from _validate_scope_names("spec.scopes", shown, scopes, spec.get("hard") or {})


def _validate_selector(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    path = "spec.scopeSelector.matchExpressions"
    expressions = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    scopes = [expression.get("scopeName") for expression in expressions]
    yield from _validate_scope_names(path, expressions, scopes, spec.get("hard") or {})
    for index, expression in enumerate(expressions):
        operator, values = expression.get("operator"), expression.get("values") or []
        if operator in _VALUES_NEEDED and not values:
            yield validation.required(
                f"{path}.values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            )
        if operator not in _VALUES_NEEDED and values:
            yield validation.invalid(
                f"{path}.values", values, "must be no value when `operator` is 'Exist' or 'DoesNotExist'"
            )
        if operator not in (*_VALUES_NEEDED, "Exists", "DoesNotExist"):
            yield validation.invalid(f"{path}[{index}].operator", operator, "not a valid selector operator")


def _validate_scope_names(
    path: str, value: Any, scopes: Sequence[Any], hard: Mapping[str, Any]
) -> Iterator[FieldError]:
    for scope in scopes:
        if scope not in _SCOPES:
            yield validation.invalid(path, value, "unsupported scope")
        for name in sorted(hard):
            if name in _STANDARD and not _fits(scope, name):
                yield validation.invalid(path, value, "unsupported scope applied to resource")
    for pair in _EXCLUSIVE:
        if set(pair) <= set(scopes):
            yield validation.invalid(path, value, "conflicting scopes")


def _fits(scope: Any, name: str) -> bool:
    return name == "pods" if scope == "BestEffort" else name in _OF_PODS


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get quota`."""
    counted = obj.get("status") or {}
    hard, used = counted.get("hard") or {}, counted.get("used") or {}
    texts = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = ", ".join(text for name, text in texts.items() if name.startswith("limits"))
    requests = ", ".join(text for name, text in texts.items() if not name.startswith("limits"))
    return obj["metadata"]["name"], requests, limits, table.created_age(obj, now)


COLUMNS = (
    table.NAME,
    Column("Request", description="Request represents a minimum amount of cpu/memory that a container may consume."),
    Column(
        "Limit",
        description=(
            "Limits control the maximum amount of cpu/memory that a container may use independent of contention on "
            "the node."
        ),
    ),
    table.AGE,
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    short_names=("quota",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_for_create=prepare_for_create,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
