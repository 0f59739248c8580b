"""How each kind is told to take a first step and stop, to go on, to stay where it is, and to go back. Pure.

    kind         a first step of N Pods                     go on              stay
    Deployment   surge N, unavailable 0, then paused        its strategy       paused
    StatefulSet  partition: the N highest ordinals          its partition      partition: all
    DaemonSet    OnDelete; N Pods are evicted               RollingUpdate      OnDelete

Until it is paused a Deployment is kept from going on by itself with minReadySeconds: a first step of Pods that become
ready at once would else be over before anybody can pause it. All that is changed here is put back in the end.
"""

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import intstr, objects

HOLD_SECONDS = 300
_FIELDS = {
    "Deployment": ("strategy", "minReadySeconds", "paused"),
    "StatefulSet": ("updateStrategy",),
    "DaemonSet": ("updateStrategy",),
    "ReplicationController": (),
}


def saved(spec: Mapping[str, Any], kind: str, more: Mapping[str, Any]) -> JSON:
    """The fields that are changed on the way, as they are now; those of `more` too. None: there is none."""
    return {field: spec.get(field) for field in (*_FIELDS[kind], *more)}


def refusal(obj: JSON, kind: str, *, canary: bool, max_unavailable: int | str | None) -> str:
    """Why this workload can't be rolled so; "" when it can."""
    spec = obj["spec"]
    if spec.get("paused"):
        return 'is paused: resume it first with "seatrial rollout resume"'
    strategy = str(objects.get(spec, _strategy_field(kind), "type", default="RollingUpdate"))
    if strategy == "OnDelete":
        return "has the update strategy OnDelete: its Pods change only when somebody deletes them"
    if strategy == "Recreate" and (canary or max_unavailable is not None):
        return "has the strategy Recreate, which takes no steps: --canary and --max-unavailable can't be used"
    if kind == "ReplicationController" and max_unavailable is not None:
        return "rolls with one Pod more and none unavailable: --max-unavailable can't be used"
    return ""


def first_step(spec: JSON, kind: str, count: int, wait: float) -> JSON:
    """The spec with which the controller makes `count` new Pods and no more."""
    return _FIRST_STEP[kind](spec, count, wait) if kind in _FIRST_STEP else spec


def _deployment_first(spec: JSON, count: int, wait: float) -> JSON:
    deadline = int(spec.get("progressDeadlineSeconds") or 600)
    hold = min(deadline - 1, int(wait) + HOLD_SECONDS)
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": count, "maxUnavailable": 0}}
    return {**spec, "strategy": strategy, "minReadySeconds": max(hold, int(spec.get("minReadySeconds") or 0))}


def _stateful_set_first(spec: JSON, count: int, wait: float) -> JSON:
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    current = int(objects.get(spec, "updateStrategy", "rollingUpdate", "partition", default=0))
    return _with_partition(spec, max(current, replicas - count))


def _with_partition(spec: JSON, partition: int) -> JSON:
    rolling = {**objects.get(spec, "updateStrategy", "rollingUpdate", default={}), "partition": partition}
    return {**spec, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}


def _on_delete(spec: JSON, count: int, wait: float) -> JSON:
    return {**spec, "updateStrategy": {"type": "OnDelete"}}


_FIRST_STEP: Mapping[str, Callable[[JSON, int, float], JSON]] = {
    "Deployment": _deployment_first,
    "StatefulSet": _stateful_set_first,
    "DaemonSet": _on_delete,
}


def stay(spec: JSON, kind: str) -> JSON:
    """The spec with which nothing more is replaced. A ReplicationController stays by itself."""
    if kind == "Deployment":
        return {**spec, "paused": True}
    if kind == "StatefulSet":
        return _with_partition(spec, 1 if spec.get("replicas") is None else int(spec["replicas"]))
    return _on_delete(spec, 0, 0) if kind == "DaemonSet" else spec


def go_on(spec: JSON, kind: str, after: Mapping[str, Any], max_unavailable: int | str | None) -> JSON:
    """The spec with which all is rolled: as it is to be in the end, save for this roll's own max_unavailable."""
    released = with_fields(spec, after)
    if max_unavailable is None or kind not in _FIRST_STEP:
        return released
    field = _strategy_field(kind)
    rolling = {**objects.get(released, field, "rollingUpdate", default={}), "maxUnavailable": max_unavailable}
    none = not intstr.scaled(max_unavailable, 100, round_up=True)
    if kind == "DaemonSet":
        rolling["maxSurge"] = 1 if none else 0
    elif kind == "Deployment" and none and not intstr.scaled(rolling.get("maxSurge", "25%"), 100, round_up=True):
        rolling["maxSurge"] = 1
    return {**released, field: {"type": "RollingUpdate", "rollingUpdate": rolling}}


def with_fields(spec: JSON, fields: Mapping[str, Any]) -> JSON:
    """The spec with these fields; those that are None are taken away."""
    merged = {**spec, **fields}
    return {field: value for field, value in merged.items() if value is not None or field not in fields}


def _strategy_field(kind: str) -> str:
    return "strategy" if kind == "Deployment" else "updateStrategy"
