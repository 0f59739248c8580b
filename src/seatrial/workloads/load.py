"""How much work there is, over time: what stands in for measured metrics where nothing can be measured.

A load is given for a whole workload, in CPUs, bytes or whatever a metric counts, and shared evenly by its ready Pods.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.machinery import go_duration, quantity

Load = Callable[[str, str, str, float], float | None]
"""(namespace, name of the workload, metric such as "cpu", seconds since 1970) → how much; None: nobody knows."""


def no_load(namespace: str, name: str, metric: str, moment: float) -> float | None:
    """Nothing is measured, as in a cluster without a metrics server."""
    return None


@dataclass(frozen=True)
class Curve:
    """Straight lines between points (seconds, amount); level before the first and after the last."""

    points: tuple[tuple[float, float], ...]

    def at(self, seconds: float) -> float:
        index = bisect_right(self.points, seconds, key=lambda point: point[0])
        if index == 0:
            return self.points[0][1]
        if index == len(self.points):
            return self.points[-1][1]
        (before, low), (after, high) = self.points[index - 1], self.points[index]
        return low + (high - low) * (seconds - before) / (after - before)


def parse_curve(text: str) -> Curve:
    """`0s=500m 60s=4 5m=1`: time and amount, in order of time. Raises ValueError that says what is wrong."""
    points = []
    for word in text.replace(",", " ").split():
        moment, separator, amount = word.partition("=")
        if not separator:
            raise ValueError(f"a load curve is written as `0s=500m 60s=4`; {word!r} has no '='")
        points.append(_point(moment, amount))
    return _curve(points, text)


def from_documents(documents: Sequence[Mapping[str, Any]], began: float) -> Load:
    """Curves as a file gives them: `target`, `namespace` (default), `metric` (cpu), `points` {time: amount}.

    Times count from `began` (seconds since 1970). Raises ValueError that says what is wrong.
    """
    curves: dict[tuple[str, str, str], Curve] = {}
    for document in documents:
        if not document.get("target") or not document.get("points"):
            raise ValueError("a load curve needs `target` (the workload's name) and `points` (time: amount)")
        if not isinstance(document["points"], Mapping):
            raise ValueError(f"{document['target']}: `points` are a mapping of times to amounts")
        key = document.get("namespace") or "default", str(document["target"]), document.get("metric") or "cpu"
        points = [_point(str(moment), str(amount)) for moment, amount in document["points"].items()]
        curves[key] = _curve(points, str(document["target"]))

    def load(namespace: str, name: str, metric: str, moment: float) -> float | None:
        curve = curves.get((namespace, name, metric))
        return curve.at(moment - began) if curve is not None else None

    return load


def _point(moment: str, amount: str) -> tuple[float, float]:
    try:
        return go_duration.parse(moment), float(quantity.parse(amount))
    except ValueError as error:
        raise ValueError(f"{moment}={amount}: {error}; times are written like 90s or 5m, amounts like 500m") from None


def _curve(points: Sequence[tuple[float, float]], where: str) -> Curve:
    if not points:
        raise ValueError(f"the load curve {where!r} has no points")
    moments = [moment for moment, _ in points]
    if moments != sorted(set(moments)):
        raise ValueError(f"the points of the load curve {where!r} are not in order of time")
    return Curve(tuple(points))
