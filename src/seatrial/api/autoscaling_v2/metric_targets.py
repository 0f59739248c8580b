"""The metrics of a HorizontalPodAutoscaler: what is measured, and how much of it is wanted.

Follows pkg/apis/autoscaling/validation/validation.go and formatHPAMetrics of pkg/printers/internalversion (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import quantity, validation
from seatrial.machinery.validation import FieldError

SOURCES: Mapping[str, str] = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
"""Type → the field that says more."""
_OF_RESOURCES = ("Resource", "ContainerResource")
_TARGETS = ("Utilization", "Value", "AverageValue")
_MOST_SHOWN = 2


def cpu(utilization: int) -> JSON:
    """This share (in percent) of the CPU that Pods ask for."""
    target = {"type": "Utilization", "averageUtilization": utilization}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def validate_reference(reference: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("kind", "name"):
        if not reference.get(name):
            yield validation.required(f"{path}.{name}")


def validate_metrics(metrics: Sequence[JSON], path: str) -> Iterator[FieldError]:
    for index, metric in enumerate(metrics):
        yield from _validate_metric(metric, f"{path}[{index}]")


def _validate_metric(metric: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    kind = metric.get("type") or ""
    if not kind:
        yield validation.required(f"{path}.type", "must specify a metric source type")
    if kind not in SOURCES:
        yield validation.unsupported(f"{path}.type", kind, tuple(SOURCES))
    expected = SOURCES.get(kind, "")
    for other in sorted(set(SOURCES.values()) - {expected}):
        if metric.get(other) is not None:
            yield validation.forbidden(f"{path}.{other}", "must populate the given metric source only")
    source = metric.get(expected)
    if source is None:
        yield validation.required(f"{path}.{expected}", "must populate information for the given metric source")
    else:
        yield from _validate_source(kind, source, f"{path}.{expected}")


def _validate_source(kind: str, source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    target = source.get("target") or {}
    if kind in _OF_RESOURCES:
        if not source.get("name"):
            yield validation.required(f"{path}.name", "must specify a resource name")
        if kind == "ContainerResource" and not source.get("container"):
            yield validation.required(f"{path}.container", "must specify a container")
    elif not (source.get("metric") or {}).get("name"):
        yield validation.required(f"{path}.metric.name", "must specify a metric name")
    if kind == "Object":
        yield from validate_reference(source.get("describedObject") or {}, f"{path}.describedObject")
    yield from _validate_target(target, f"{path}.target")
    yield from _validate_choice(kind, target, f"{path}.target")


def _validate_target(target: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    kind = target.get("type") or ""
    if not kind:
        yield validation.required(f"{path}.type", "must specify a metric target type")
    elif kind not in _TARGETS:
        yield validation.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if target.get(name) is not None and quantity.parse(target[name]) <= 0:
            yield validation.invalid(f"{path}.{name}", target[name], "must be positive")
    if target.get("averageUtilization") is not None and target["averageUtilization"] < 1:
        yield validation.invalid(f"{path}.averageUtilization", target["averageUtilization"], "must be greater than 0")


def _validate_choice(kind: str, target: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    given = {name for name in ("value", "averageValue", "averageUtilization") if target.get(name) is not None}
    if kind in _OF_RESOURCES:
        if not given & {"averageUtilization", "averageValue"}:
            detail = "must set either a target raw value or a target utilization"
            yield validation.required(f"{path}.averageUtilization", detail)
        if {"averageUtilization", "averageValue"} <= given:
            detail = "may not set both a target raw value and a target utilization"
            yield validation.forbidden(f"{path}.averageValue", detail)
    elif kind == "Pods":
        if "averageValue" not in given:
            yield validation.required(f"{path}.averageValue", "must specify a positive target averageValue")
    elif not given & {"value", "averageValue"}:
        detail = "must set either a target value for metric or a per-pod target"
        yield validation.required(f"{path}.averageValue", detail)


def shown(metrics: Sequence[JSON], current: Sequence[JSON]) -> str:
    """`cpu: 45%/80%`; of more than two metrics the first two."""
    if not metrics:
        return "<none>"
    texts = [_shown(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(metrics)]
    more = len(texts) - _MOST_SHOWN
    return ", ".join(texts[:_MOST_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _shown(metric: JSON, measured: JSON) -> str:
    kind = metric.get("type") or ""
    field = SOURCES.get(kind, "")
    source, now = metric.get(field) or {}, (measured.get(field) or {}).get("current") or {}
    target = source.get("target") or {}
    is_share = target.get("averageUtilization") is not None
    name = "averageUtilization" if is_share else "averageValue" if target.get("averageValue") is not None else "value"
    sign = "%" if is_share else ""
    have = f"{now[name]}{sign}" if now.get(name) is not None else "<unknown>"
    said = f"{have}/{target.get(name, '<auto>')}{sign}"
    if kind in _OF_RESOURCES:
        return f"{source.get('name')}: {said}"
    return f"{said} (avg)" if name == "averageValue" and kind in ("Object", "External") else said
