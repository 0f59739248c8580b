"""Policies of a Job: podFailurePolicy, successPolicy, limits per index, podReplacementPolicy; defaults and validation.

Follows validatePodFailurePolicy, validateSuccessPolicy and the rules around them in pkg/apis/batch/validation (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import validation
from seatrial.machinery.validation import FieldError

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_MAX_RULES, _MAX_SUCCESS_RULES = 20, 20
_MAX_FAILED_INDEXES = 100000


def default(spec: JSON) -> None:
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"


def validate(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        yield from validation.non_negative(f"{path}.{name}", spec.get(name))
    yield from _validate_per_index(spec, path)
    if spec.get("podFailurePolicy") is not None:
        yield from _validate_failure_policy(spec, f"{path}.podFailurePolicy.rules")
    if spec.get("successPolicy") is not None:
        yield from _validate_success_policy(spec, f"{path}.successPolicy")
    yield from _validate_replacement(spec, f"{path}.podReplacementPolicy")


def _validate_per_index(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    per_index, most = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if per_index is not None and spec.get("completionMode") != "Indexed":
        yield validation.invalid(f"{path}.backoffLimitPerIndex", per_index, "requires indexed completion mode")
    if most is None:
        return
    if per_index is None:
        yield validation.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    completions = spec.get("completions")
    if completions is not None and most > completions:
        yield validation.invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions")
    if most > _MAX_FAILED_INDEXES:
        yield validation.invalid(f"{path}.maxFailedIndexes", most, "must be less than or equal to 100000")


def _validate_failure_policy(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    rules: Sequence[JSON] = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > _MAX_RULES:
        yield validation.too_many(path, len(rules), _MAX_RULES)
    template = (spec.get("template") or {}).get("spec") or {}
    listed = [*(template.get("initContainers") or ()), *(template.get("containers") or ())]
    names = {container.get("name") for container in listed}
    for index, rule in enumerate(rules):
        yield from _validate_rule(spec, rule, f"{path}[{index}]", names)


def _validate_rule(spec: Mapping[str, Any], rule: JSON, path: str, names: set[Any]) -> Iterator[FieldError]:
    action = rule.get("action") or ""
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield validation.invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    if action not in _ACTIONS:
        yield (
            validation.unsupported(f"{path}.action", action, _ACTIONS)
            if action
            else validation.required(f"{path}.action", f"valid values: {_quoted(_ACTIONS)}")
        )
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if codes is not None:
        yield from _validate_codes(codes, f"{path}.onExitCodes", names)
    for index, pattern in enumerate(patterns):
        yield from _validate_pattern(pattern, f"{path}.onPodConditions[{index}]")
    if codes is not None and patterns:
        yield validation.invalid(path, rule, "specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not patterns:
        yield validation.invalid(path, rule, "specifying one of OnExitCodes and OnPodConditions is required")


def _quoted(values: Sequence[str]) -> str:
    return "[" + " ".join(validation.go_quote(value) for value in values) + "]"


def _validate_codes(codes: JSON, path: str, names: set[Any]) -> Iterator[FieldError]:
    operator, values = codes.get("operator") or "", codes.get("values") or []
    if operator not in ("In", "NotIn"):
        yield validation.unsupported(f"{path}.operator", operator, ("In", "NotIn"))
    if codes.get("containerName") is not None and codes["containerName"] not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        yield validation.invalid(f"{path}.containerName", codes["containerName"], detail)
    if not values:
        yield validation.invalid(f"{path}.values", values, "at least one value is required")
    elif len(values) > 255:
        yield validation.too_many(f"{path}.values", len(values), 255)
    if values != sorted(values):
        yield validation.invalid(f"{path}.values", values, "must be ordered")
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            yield validation.invalid(f"{path}.values[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            yield validation.duplicate(f"{path}.values[{index}]", value)


def _validate_pattern(pattern: JSON, path: str) -> Iterator[FieldError]:
    if not pattern.get("type"):
        yield validation.required(f"{path}.type")
    if pattern.get("status") not in ("False", "True", "Unknown"):
        yield validation.unsupported(f"{path}.status", pattern.get("status") or "", ("False", "True", "Unknown"))


def _validate_success_policy(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if spec.get("completionMode") != "Indexed":
        detail = "requires indexed completion mode"
        yield validation.invalid(path, spec["successPolicy"], detail)
        return
    rules: Sequence[JSON] = spec["successPolicy"].get("rules") or ()
    if not rules:
        yield validation.required(f"{path}.rules", "at least one rules must be specified")
    elif len(rules) > _MAX_SUCCESS_RULES:
        yield validation.too_many(f"{path}.rules", len(rules), _MAX_SUCCESS_RULES)
    for index, rule in enumerate(rules):
        here, count = f"{path}.rules[{index}]", rule.get("succeededCount")
        if count is None and rule.get("succeededIndexes") is None:
            detail = "at least one of succeededCount or succeededIndexes must be specified"
            yield validation.required(here, detail)
        yield from validation.non_negative(f"{here}.succeededCount", count)
        if count is not None and count > (spec.get("completions") or 0):
            detail = (
                f"must be less than or equal to {spec.get('completions') or 0} (the number of specified completions)"
            )
            yield validation.invalid(f"{here}.succeededCount", count, detail)


def _validate_replacement(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    policy = spec.get("podReplacementPolicy")
    if policy is None:
        return
    if spec.get("podFailurePolicy") is not None:
        if policy != "Failed":
            yield validation.unsupported(path, policy, ("Failed",))
    elif policy not in ("Failed", "TerminatingOrFailed"):
        yield validation.unsupported(path, policy, ("Failed", "TerminatingOrFailed"))
