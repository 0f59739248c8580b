"""How much work there is during a rehearsal, which autoscalers follow: as a behaviour file says, else as it was.

In a behaviour file, per workload (`NAME` or `NAMESPACE/NAME`), points in time after the change:

    load:
      shop:
      - {at: 0s, cpu: 500m}
      - {at: 30s, cpu: 4, requests: 200}

`cpu` and `memory` are what all of its Pods use together; every other key is a metric of that name. Between points the
load goes straight from one to the next; before the first and after the last it stays.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse import durations
from seatrial.workloads.load import Curve

Key = tuple[str, str, str]
"""(namespace or "", workload, metric)."""
Curves = Mapping[Key, Curve]


@dataclass
class GivenLoad:
    """A `workloads.load.Load`. `began`: when the change comes (seconds since 1970); until then it is as at first."""

    curves: Curves = field(default_factory=dict)
    began: float = math.inf

    def __call__(self, namespace: str, name: str, metric: str, moment: float) -> float | None:
        curve = self.curves.get((namespace, name, metric)) or self.curves.get(("", name, metric))
        return curve.at(moment - self.began) if curve is not None else None


def lasts(curves: Curves) -> float:
    """Seconds after the change at which the last load changes for the last time."""
    return max((curve.points[-1][0] for curve in curves.values()), default=0.0)


def observed(loaded: Sequence[JSON]) -> tuple[Curves, list[str]]:
    """What autoscalers measured last, as a load that stays; and what to tell of it."""
    curves: dict[Key, Curve] = {}
    told = []
    for scaler in filter(_is_scaler, loaded):
        name = str(objects.get(scaler, "spec", "scaleTargetRef", "name", default=""))
        found = dict(_measured(scaler))
        curves |= {
            (objects.namespace(scaler), name, metric): Curve(((0.0, amount),)) for metric, amount in found.items()
        }
        shown = f"horizontalpodautoscaler/{objects.name(scaler)}"
        if found:
            amounts = ", ".join(f"{metric} {amount:g}" for metric, amount in found.items())
            told.append(
                f"{shown}: the load is assumed to stay as last measured: {amounts} in all (set `load` in --behaviour)"
            )
    return curves, told


def unknown(loaded: Sequence[JSON], curves: Curves) -> Iterator[str]:
    """What to tell of autoscalers about whose load nothing is known."""
    for scaler in filter(_is_scaler, loaded):
        if "seatrial.dev/load" in objects.annotations(scaler):
            continue
        name = str(objects.get(scaler, "spec", "scaleTargetRef", "name", default=""))
        places = ("", objects.namespace(scaler) or "default")
        if not any(key[0] in places and key[1] == name for key in curves):
            shown = f"horizontalpodautoscaler/{objects.name(scaler)}"
            yield f"{shown}: the load is not known, so it scales nothing (set `load` in --behaviour)"


def unused(loaded: Sequence[JSON], said: Curves) -> Iterator[str]:
    """What to tell of a load that a behaviour file gives to what no autoscaler scales: a name may be written wrong."""
    scaled = {
        (objects.namespace(scaler) or "default", str(objects.get(scaler, "spec", "scaleTargetRef", "name", default="")))
        for scaler in filter(_is_scaler, loaded)
    }
    given = {(namespace, name) for namespace, name, _ in said}
    idle = [
        f"{namespace}/{name}" if namespace else name
        for namespace, name in sorted(given)
        if not any(name == known and namespace in ("", where) for where, known in scaled)
    ]
    if idle:
        yield f"the load that --behaviour gives {', '.join(idle)} changes nothing: no horizontalpodautoscaler scales it"


def _is_scaler(obj: JSON) -> bool:
    """One that an API server may have taken."""
    reference = objects.get(obj, "spec", "scaleTargetRef")
    return obj.get("kind") == "HorizontalPodAutoscaler" and isinstance(reference, dict)


def _measured(scaler: JSON) -> Iterator[tuple[str, float]]:
    metrics, replicas = (objects.get(scaler, "status", field) for field in ("currentMetrics", "currentReplicas"))
    if not isinstance(metrics, list) or not isinstance(replicas, int):
        return
    for metric in metrics:
        kind = "resource" if objects.get(metric, "resource") else "pods"
        name = objects.get(metric, "resource", "name") or objects.get(metric, "pods", "metric", "name")
        try:
            average = quantity.parse(str(objects.get(metric, kind, "current", "averageValue")))
        except ValueError:
            continue
        if name:
            yield str(name), float(average) * replicas


def parse(content: Any, where: str) -> Curves:
    """`{WORKLOAD: [{at: TIME, METRIC: AMOUNT}]}`. Raises ToolError."""
    if not isinstance(content, dict):
        raise ToolError(f"{where}: takes workloads, and of each a list of points as {{at: 30s, cpu: 2}}")
    curves: dict[Key, Curve] = {}
    for workload, points in content.items():
        namespace, _, name = str(workload).rpartition("/")
        for metric, curve in _curves(points, f"{where}: {workload}").items():
            curves[namespace, name, metric] = curve
    return curves


def _curves(points: Any, where: str) -> dict[str, Curve]:
    if not isinstance(points, list) or not points or not all(isinstance(point, dict) for point in points):
        raise ToolError(f"{where}: takes a list of points as {{at: 30s, cpu: 2}}")
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        at = _seconds(point.get("at", 0), where)
        for metric, amount in point.items():
            if metric != "at":
                found[str(metric)].append((at, _amount(amount, f"{where}: {metric}")))
    for metric, each in found.items():
        moments = [at for at, _ in each]
        if moments != sorted(set(moments)):
            raise ToolError(f"{where}: the points of {metric} are not in order of time")
    return {metric: Curve(tuple(each)) for metric, each in found.items()}


def _seconds(value: Any, where: str) -> float:
    try:
        return durations.parse(str(value))
    except ValueError:
        raise ToolError(f"{where}: at: takes seconds or a duration such as 90s or 5m; got {value!r}") from None


def _amount(value: Any, where: str) -> float:
    try:
        amount = float(quantity.parse(str(value)))
    except ValueError as error:
        raise ToolError(f"{where}: {error}; amounts are written like 500m or 2") from None
    if amount < 0:
        raise ToolError(f"{where}: takes no less than 0; got {value!r}")
    return amount
