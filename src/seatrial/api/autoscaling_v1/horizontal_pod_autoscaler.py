"""HorizontalPodAutoscaler in autoscaling/v1: a share of the CPU, and the rest in annotations.

Follows pkg/apis/autoscaling/v1/{conversion,defaults}.go (1.32).
"""

from typing import Any

import orjson

from seatrial.api import old_version
from seatrial.api.autoscaling_v2 import metric_targets
from seatrial.api.autoscaling_v2.horizontal_pod_autoscaler import DEFAULT_CPU_UTILIZATION
from seatrial.api.autoscaling_v2.horizontal_pod_autoscaler import RESOURCE as STORED
from seatrial.base.types import JSON

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_SPEC = {"metrics": "metrics", "behavior": "behavior"}
_STATUS = {"current-metrics": "currentMetrics", "conditions": "conditions"}
"""Annotation without its prefix → the field of v2."""


def default(obj: JSON) -> None:
    """At least one Pod; 80 % of the CPU if no metric is asked for at all."""
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    annotations = obj["metadata"].get("annotations") or {}
    if spec.get("targetCPUUtilizationPercentage") is None and _PREFIX + "metrics" not in annotations:
        spec["targetCPUUtilizationPercentage"] = DEFAULT_CPU_UTILIZATION


def to_stored(obj: JSON) -> JSON:
    """With the CPU's share and the annotations as metrics and behavior."""
    found, metadata = _taken(obj)
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    share = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = list(found.get("metrics") or ())
    if share is not None:
        metrics.insert(0, metric_targets.cpu(share))
    if metrics:
        spec["metrics"] = metrics
    if found.get("behavior"):
        spec["behavior"] = found["behavior"]
    status.pop("currentCPUUtilizationPercentage", None)
    status.update({field: found[short] for short, field in _STATUS.items() if short in found})
    return {**obj, "metadata": metadata, "spec": spec, **({"status": status} if obj.get("status") is not None else {})}


def from_stored(obj: JSON) -> JSON:
    """The first share of the CPU as a field, all else as annotations."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    annotations = dict(obj["metadata"].get("annotations") or {})
    metrics = list(spec.pop("metrics", None) or ())
    for metric in metrics:
        if _cpu_share(metric, "target") is not None:
            spec["targetCPUUtilizationPercentage"] = _cpu_share(metric, "target")
            metrics.remove(metric)
            break
    for short, value in (("metrics", metrics), ("behavior", spec.pop("behavior", None))):
        if value:
            annotations[_PREFIX + short] = orjson.dumps(value).decode()
    for metric in status.get("currentMetrics") or ():
        if _cpu_share(metric, "current") is not None:
            status["currentCPUUtilizationPercentage"] = _cpu_share(metric, "current")
    for short, field in _STATUS.items():
        value = status.pop(field, None)
        if value:
            annotations[_PREFIX + short] = orjson.dumps(value).decode()
    metadata = {**obj["metadata"], "annotations": annotations} if annotations else obj["metadata"]
    return {**obj, "metadata": metadata, "spec": spec, **({"status": status} if obj.get("status") is not None else {})}


def _cpu_share(metric: JSON, field: str) -> int | None:
    source = metric.get("resource") or {}
    if metric.get("type") != "Resource" or source.get("name") != "cpu":
        return None
    share: int | None = (source.get(field) or {}).get("averageUtilization")
    return share


def _taken(obj: JSON) -> tuple[dict[str, Any], JSON]:
    """What the annotations say, and the metadata without them; what can't be read is left out."""
    annotations = obj["metadata"].get("annotations") or {}
    found = {}
    for short in (*_SPEC, *_STATUS):
        if _PREFIX + short in annotations:
            try:
                found[short] = orjson.loads(annotations[_PREFIX + short])
            except orjson.JSONDecodeError:
                continue
    left = {name: text for name, text in annotations.items() if name.removeprefix(_PREFIX) not in found}
    metadata = {name: value for name, value in obj["metadata"].items() if name != "annotations"}
    return found, {**metadata, "annotations": left} if left else metadata


RESOURCE = old_version.of(
    STORED,
    "autoscaling",
    "v1",
    default=default,
    fields_to_stored=to_stored,
    fields_from_stored=from_stored,
    propagation=STORED.default_propagation,
)
