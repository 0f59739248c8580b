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
from seatrial.machinery.validation import FieldError, GoText

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
_OF_PODS = frozenset(
    ("pods", *(f"{kind}{name}" for kind in ("", "requests.", "limits.") for name in ("cpu", "memory")))
)
"""What scopes can be applied to."""
_EXCLUSIVE = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_VALUES_NEEDED = ("In", "NotIn")
_MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


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
    if set(before) == set(after):
        return []
    return [validation.invalid("spec.scopes", _go_scopes(after), "field is immutable")]


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
    path, scopes = "spec.scopes", spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            yield validation.invalid(path, _go_scopes(scopes), "unsupported scope")
        for _ in _unfit(scope, spec.get("hard") or {}):
            yield validation.invalid(path, _go_scopes(scopes), "unsupported scope applied to resource")
    yield from _validate_pairs(path, _go_scopes(scopes), scopes)


def _validate_selector(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    path = "spec.scopeSelector.matchExpressions"
    selector = spec.get("scopeSelector") or {}
    expressions = selector.get("matchExpressions") or []
    for expression in expressions:
        yield from _validate_expression(expression, path, selector, spec.get("hard") or {})
    yield from _validate_pairs(path, _go_scopes(spec.get("scopes")), [each.get("scopeName") for each in expressions])


def _validate_expression(expression: JSON, path: str, selector: JSON, hard: Mapping[str, Any]) -> Iterator[FieldError]:
    scope, operator, values = expression.get("scopeName"), expression.get("operator"), expression.get("values") or []
    if scope not in _SCOPES:
        yield validation.invalid(f"{path}.scopeName", scope, "unsupported scope")
    for _ in _unfit(scope, hard):
        yield validation.invalid(path, _go_selector(selector), "unsupported scope applied to resource")
    if scope in _SCOPES and scope != "PriorityClass" and operator != "Exists":
        yield validation.invalid(f"{path}.operator", operator, _MUST_EXIST)
    if operator in _VALUES_NEEDED and not values:
        yield validation.required(
            f"{path}.values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        )
    if operator in ("Exists", "DoesNotExist") and values:
        yield validation.invalid(
            f"{path}.values",
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        )
    if operator not in (*_VALUES_NEEDED, "Exists", "DoesNotExist"):
        yield validation.invalid(f"{path}.operator", operator, "not a valid selector operator")


def _validate_pairs(path: str, shown: GoText, scopes: Sequence[Any]) -> Iterator[FieldError]:
    for pair in _EXCLUSIVE:
        if set(pair) <= set(scopes):
            yield validation.invalid(path, shown, "conflicting scopes")


def _unfit(scope: Any, hard: Mapping[str, Any]) -> Iterator[str]:
    """The limits that the scope can't be applied to."""
    fitting = frozenset({"pods"}) if scope == "BestEffort" else _OF_PODS
    for name in sorted(hard):
        if scope in _SCOPES and name not in fitting and (name in _STANDARD or _is_prefixed(name)):
            yield name


def _go_scopes(scopes: Sequence[Any] | None) -> GoText:
    if not scopes:
        return GoText("[]core.ResourceQuotaScope(nil)")
    return GoText(f"[]core.ResourceQuotaScope{{{', '.join(validation.go_quote(str(scope)) for scope in scopes)}}}")


def _go_selector(selector: JSON) -> GoText:
    shown = ", ".join(
        f"core.ScopedResourceSelectorRequirement{{ScopeName:{validation.go_quote(str(each.get('scopeName')))}, "
        f"Operator:{validation.go_quote(str(each.get('operator')))}, "
        f"Values:{validation.go_strings(each.get('values'))}}}"
        for each in selector.get("matchExpressions") or ()
    )
    return GoText(f"core.ScopeSelector{{MatchExpressions:[]core.ScopedResourceSelectorRequirement{{{shown}}}}}")


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
