"""Status conditions: looking them up, and lists with one condition changed (never the list given).

Three upstream habits: `put` keeps the place (meta.SetStatusCondition, podutil.UpdatePodCondition), `with_condition`
moves a changed condition to the end (Deployment and ReplicaSet), `without` drops one.
"""

from collections.abc import Sequence
from typing import cast

from seatrial.base.types import JSON


def conditions_of(obj: JSON) -> Sequence[JSON]:
    """The conditions of an object, or of a bare status."""
    status = obj.get("status", obj)
    return (status or {}).get("conditions") or () if isinstance(status, dict) else ()


def find(obj: JSON, type: str) -> JSON | None:
    """The condition of this type of an object or of a bare status."""
    for condition in conditions_of(obj):
        if condition.get("type") == type:
            return condition
    return None


def status_of(obj: JSON, type: str) -> str:
    """`True`, `False`, `Unknown`, or "" when there is no such condition."""
    condition = find(obj, type)
    return cast(str, condition.get("status") or "") if condition else ""


def is_true(obj: JSON, type: str) -> bool:
    """Whether the condition is there and True."""
    return status_of(obj, type) == "True"


def _find(conditions: Sequence[JSON], type: str) -> JSON | None:
    return next((condition for condition in conditions if condition.get("type") == type), None)


def _with_old_transition(condition: JSON, old: JSON | None) -> JSON:
    """lastTransitionTime moves only when the status does."""
    if old is None or old.get("status") != condition.get("status") or "lastTransitionTime" not in old:
        return condition
    return {**condition, "lastTransitionTime": old["lastTransitionTime"]}


def put(conditions: Sequence[JSON], condition: JSON) -> list[JSON]:
    """With `condition` in the place of the one of its type, or at the end."""
    old = _find(conditions, condition["type"])
    new = _with_old_transition(condition, old)
    if old is None:
        return [*conditions, new]
    return [new if each is old else each for each in conditions]


def with_condition(conditions: Sequence[JSON], condition: JSON) -> list[JSON]:
    """With `condition` at the end; unchanged if one of its type has the same status and reason already."""
    old = _find(conditions, condition["type"])
    if old and old.get("status") == condition.get("status") and old.get("reason") == condition.get("reason"):
        return list(conditions)
    return [*without(conditions, condition["type"]), _with_old_transition(condition, old)]


def without(conditions: Sequence[JSON], type: str) -> list[JSON]:
    """Without the condition of this type."""
    return [condition for condition in conditions if condition.get("type") != type]
