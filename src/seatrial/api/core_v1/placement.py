"""Where a Pod may run: affinity, tolerations, topology spread constraints: validation, and what creation makes of it.

Follows validateAffinity, ValidateTolerations and validateTopologySpreadConstraints of pkg/apis/core/validation (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.api import label_selectors
from seatrial.base.types import JSON
from seatrial.machinery import validation
from seatrial.machinery.validation import FieldError

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_WHEN_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_WEIGHT_RANGE = "must be in the range 1-100"


def validate_tolerations(tolerations: Sequence[JSON], path: str) -> Iterator[FieldError]:
    for index, toleration in enumerate(tolerations):
        yield from _validate_toleration(toleration, f"{path}[{index}]")


def _validate_toleration(toleration: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    key, operator, effect = (toleration.get(name) or "" for name in ("key", "operator", "effect"))
    if key:
        yield from label_selectors.validate_label_name(key, f"{path}.key")
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield validation.invalid(f"{path}.operator", operator, detail)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield validation.invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    if operator == "Exists" and toleration.get("value"):
        yield validation.invalid(path, dict(toleration), "value must be empty when `operator` is 'Exists'")
    elif operator not in ("", "Equal", "Exists"):
        yield validation.unsupported(f"{path}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in _EFFECTS:
        yield validation.unsupported(f"{path}.effect", effect, _EFFECTS)


def validate_spread_constraints(constraints: Sequence[JSON], path: str) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        here = f"{path}[{index}]"
        skew, key = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
        action = constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            yield validation.invalid(f"{here}.maxSkew", skew, "must be greater than zero")
        if not key:
            yield validation.required(f"{here}.topologyKey", "can not be empty")
        if action not in _WHEN_UNSATISFIABLE:
            yield validation.unsupported(f"{here}.whenUnsatisfiable", action, _WHEN_UNSATISFIABLE)
        if (key, action) in seen:
            yield validation.duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        seen.add((key, action))
        yield from _validate_min_domains(constraint, here)
        yield from label_selectors.validate_selector(constraint.get("labelSelector") or {}, f"{here}.labelSelector")


def _validate_min_domains(constraint: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    domains = constraint.get("minDomains")
    if domains is None:
        return
    if domains <= 0:
        yield validation.invalid(f"{path}.minDomains", domains, "must be greater than zero")
    if constraint.get("whenUnsatisfiable") != "DoNotSchedule":
        detail = (
            f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {constraint.get('whenUnsatisfiable')}"
        )
        yield validation.invalid(f"{path}.minDomains", domains, detail)


def validate_affinity(affinity: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if affinity.get("nodeAffinity"):
        yield from _validate_node_affinity(affinity["nodeAffinity"], f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        if affinity.get(name):
            yield from _validate_pod_affinity(affinity[name], f"{path}.{name}")


def _validate_node_affinity(affinity: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    required = affinity.get(_REQUIRED)
    if required is not None:
        terms = required.get("nodeSelectorTerms") or ()
        if not terms:
            yield validation.required(
                f"{path}.{_REQUIRED}.nodeSelectorTerms", "must have at least one node selector term"
            )
        for index, term in enumerate(terms):
            yield from _validate_node_term(term, f"{path}.{_REQUIRED}.nodeSelectorTerms[{index}]")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _validate_weight(preferred, here)
        yield from _validate_node_term(preferred.get("preference") or {}, f"{here}.preference")


def _validate_weight(preferred: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    weight = preferred.get("weight") or 0
    if not 1 <= weight <= 100:
        yield validation.invalid(f"{path}.weight", weight, _WEIGHT_RANGE)


def _validate_node_term(term: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in ("matchExpressions", "matchFields"):
        for index, expression in enumerate(term.get(field) or ()):
            yield from _validate_node_requirement(expression, f"{path}.{field}[{index}]")


def _validate_node_requirement(expression: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in ("In", "NotIn") and not values:
        yield validation.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield validation.forbidden(
            f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        )
    elif operator in ("Gt", "Lt") and len(values) != 1:
        yield validation.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator not in _NODE_OPERATORS:
        yield validation.invalid(f"{path}.operator", operator, "not a valid selector operator")
    yield from label_selectors.validate_label_name(expression.get("key") or "", f"{path}.key")


def _validate_pod_affinity(affinity: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for index, term in enumerate(affinity.get(_REQUIRED) or ()):
        yield from _validate_pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, preferred in enumerate(affinity.get(_PREFERRED) or ()):
        here = f"{path}.{_PREFERRED}[{index}]"
        yield from _validate_weight(preferred, here)
        yield from _validate_pod_term(preferred.get("podAffinityTerm") or {}, f"{here}.podAffinityTerm")


def _validate_pod_term(term: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("labelSelector", "namespaceSelector"):
        yield from label_selectors.validate_selector(term.get(name) or {}, f"{path}.{name}")
    if not term.get("topologyKey"):
        yield validation.required(f"{path}.topologyKey", "can not be empty")
        return
    yield from label_selectors.validate_label_name(term["topologyKey"], f"{path}.topologyKey")


def apply_label_keys(affinity: JSON, labels: Mapping[str, str]) -> None:
    """Put matchLabelKeys and mismatchLabelKeys into the label selectors (pkg/registry/core/pod/strategy.go)."""
    for name in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(name) or {}
        terms = (*(rules.get(_REQUIRED) or ()), *(each["podAffinityTerm"] for each in rules.get(_PREFERRED) or ()))
        for term in terms:
            if term.get("labelSelector") is None:
                continue
            added = [
                {"key": key, "operator": operator, "values": [labels[key]]}
                for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
                for key in term.get(field) or ()
                if key in labels
            ]
            if added:
                before = term["labelSelector"].get("matchExpressions") or []
                term["labelSelector"] = {**term["labelSelector"], "matchExpressions": [*before, *added]}
