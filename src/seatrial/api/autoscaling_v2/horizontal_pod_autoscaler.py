"""HorizontalPodAutoscaler: as many Pods as a metric asks for.

Follows pkg/apis/autoscaling (v2/defaults.go, validation/validation.go) and pkg/printers/internalversion of 1.32.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.autoscaling_v2 import metric_targets
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

DEFAULT_CPU_UTILIZATION = 80
LONGEST_WINDOW_SECONDS, LONGEST_PERIOD_SECONDS = 3600, 1800
DEFAULT_RULES: Mapping[str, JSON] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
}
"""What a `behavior` leaves out; without a `behavior` none of it is filled in."""
_SELECT = ("Disabled", "Max", "Min")
_POLICIES = ("Percent", "Pods")


class HorizontalPodAutoscalerSpec(TypedDict, total=False):
    scaleTargetRef: JSON
    minReplicas: int
    maxReplicas: int
    metrics: list[JSON]
    behavior: JSON


class HorizontalPodAutoscalerStatus(TypedDict, total=False):
    observedGeneration: int
    lastScaleTime: str
    currentReplicas: int
    desiredReplicas: int
    currentMetrics: list[JSON]
    conditions: list[JSON]


class HorizontalPodAutoscaler(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: HorizontalPodAutoscalerSpec
    status: HorizontalPodAutoscalerStatus


def default(obj: JSON) -> None:
    """At least one Pod, and 80 % of the CPU that is asked for."""
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        spec["metrics"] = [metric_targets.cpu(DEFAULT_CPU_UTILIZATION)]
    behavior = spec.get("behavior")
    if behavior is not None:
        for direction, rules in DEFAULT_RULES.items():
            behavior[direction] = {
                **rules,
                **{k: v for k, v in (behavior.get(direction) or {}).items() if v is not None},
            }


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None}


def validate(obj: JSON) -> list[FieldError]:
    spec = obj.get("spec") or {}
    return [
        *_validate_size(spec),
        *metric_targets.validate_reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef"),
        *metric_targets.validate_metrics(spec.get("metrics") or (), "spec.metrics"),
        *_validate_behavior(spec.get("behavior") or {}),
    ]


def _validate_size(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        yield validation.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield validation.invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield validation.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")


def _validate_behavior(behavior: Mapping[str, Any]) -> Iterator[FieldError]:
    for direction in ("scaleUp", "scaleDown"):
        rules, path = behavior.get(direction), f"spec.behavior.{direction}"
        if rules is None:
            continue
        window = rules.get("stabilizationWindowSeconds")
        if window is not None:
            yield from _validate_seconds(window, f"{path}.stabilizationWindowSeconds", LONGEST_WINDOW_SECONDS, 0)
        if rules.get("selectPolicy") not in (None, *_SELECT):
            yield validation.unsupported(f"{path}.selectPolicy", rules["selectPolicy"], _SELECT)
        if not rules.get("policies"):
            yield validation.required(f"{path}.policies", "must specify at least one Policy")
        for index, policy in enumerate(rules.get("policies") or ()):
            yield from _validate_policy(policy, f"{path}.policies[{index}]")


def _validate_policy(policy: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if policy.get("type") not in _POLICIES:
        yield validation.unsupported(f"{path}.type", policy.get("type") or "", _POLICIES)
    if (policy.get("value") or 0) <= 0:
        yield validation.invalid(f"{path}.value", policy.get("value") or 0, "must be greater than zero")
    yield from _validate_seconds(policy.get("periodSeconds") or 0, f"{path}.periodSeconds", LONGEST_PERIOD_SECONDS, 1)


def _validate_seconds(seconds: int, path: str, most: int, least: int) -> Iterator[FieldError]:
    if seconds < least:
        yield validation.invalid(path, seconds, f"must be greater than {'' if least else 'or equal to '}zero")
    if seconds > most:
        yield validation.invalid(path, seconds, f"must be less than or equal to {most}")


def validate_status_update(new: JSON, _old: JSON) -> list[FieldError]:
    counts = new.get("status") or {}
    return [
        error
        for name in ("currentReplicas", "desiredReplicas")
        for error in validation.non_negative(f"status.{name}", counts.get(name))
    ]


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get hpa`."""
    spec, counted = obj.get("spec") or {}, obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    shown = metric_targets.shown(spec.get("metrics") or (), counted.get("currentMetrics") or ())
    least = spec.get("minReplicas")
    return (
        obj["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        shown,
        "<unset>" if least is None else str(least),
        spec.get("maxReplicas") or 0,
        counted.get("currentReplicas") or 0,
        table.created_age(obj, now),
    )


COLUMNS = (
    table.NAME,
    Column("Reference", description="Reference to the resource whose size is set."),
    Column("Targets", description="Current and wanted values of the metrics."),
    Column("MinPods", description="The lower limit for the number of replicas."),
    Column("MaxPods", description="The upper limit for the number of replicas."),
    Column("Replicas", description="The number of replicas as last seen by the autoscaler."),
    table.AGE,
)

RESOURCE = Resource(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    singular="horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    name_rule="subdomain",
    columns=COLUMNS,
    row=row,
)
