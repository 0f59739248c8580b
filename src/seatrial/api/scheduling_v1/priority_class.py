"""PriorityClass: a name for how important Pods are.

Follows pkg/apis/scheduling (types.go, helpers.go, validation) and pkg/printers/internalversion of 1.32.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

HIGHEST_OF_USERS = 1_000_000_000
PREEMPT, NEVER = "PreemptLowerPriority", "Never"
_SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES: Mapping[str, JSON] = {
    "system-node-critical": {
        "value": 2_000_001_000,
        "description": "Used for system critical pods that must not be moved from their current node.",
    },
    "system-cluster-critical": {
        "value": 2_000_000_000,
        "description": (
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
        ),
    },
}
"""Those that every cluster has."""


class PriorityClass(TypedDict, total=False):
    """`globalDefault`: for Pods that name no class."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    value: int
    globalDefault: bool
    description: str
    preemptionPolicy: str


def default(obj: JSON) -> None:
    """A class without a value has 0."""
    obj.setdefault("value", 0)
    if obj.get("preemptionPolicy") is None:
        obj["preemptionPolicy"] = PREEMPT


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate(obj))


def _validate(obj: JSON) -> Iterator[FieldError]:
    if objects.name(obj).startswith(_SYSTEM_PREFIX):
        problem = _unlike_system(obj)
        if problem:
            detail = f"priority class names with '{_SYSTEM_PREFIX}' prefix are reserved for system use only. error: "
            yield validation.forbidden("metadata.name", detail + problem)
    elif obj["value"] > HIGHEST_OF_USERS:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}"
        yield validation.forbidden("value", detail)
    if obj["preemptionPolicy"] not in (PREEMPT, NEVER):
        yield validation.unsupported("preemptionPolicy", obj["preemptionPolicy"], (NEVER, PREEMPT))


def _unlike_system(obj: JSON) -> str:
    name = objects.name(obj)
    known = SYSTEM_CLASSES.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if obj["value"] != known["value"]:
        return f"value of {name} PriorityClass must be {known['value']}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.get("globalDefault") else ""


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """How important Pods are does not change behind their backs."""
    errors = []
    if new["value"] != old["value"]:
        errors.append(validation.forbidden("value", "may not be changed in an update."))
    if new["preemptionPolicy"] != old["preemptionPolicy"]:
        errors.append(validation.invalid("preemptionPolicy", new["preemptionPolicy"], "field is immutable"))
    return errors


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get pc`."""
    is_default, policy = bool(obj.get("globalDefault")), obj.get("preemptionPolicy") or ""
    return obj["metadata"]["name"], obj["value"], is_default, table.created_age(obj, now), policy


COLUMNS = (
    table.NAME,
    Column(
        "Value",
        "integer",
        description=(
            "value represents the integer value of this priority class. This is the actual priority that pods receive "
            "when they have the name of this class in their pod spec."
        ),
    ),
    Column(
        "Global-Default",
        "boolean",
        description=(
            "globalDefault specifies whether this PriorityClass should be considered as the default priority for pods "
            "that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. However, if "
            "more than one PriorityClasses exists with their `globalDefault` field set to true, the smallest value of "
            "such global default PriorityClasses will be used as the default priority."
        ),
    ),
    table.AGE,
    Column(
        "PreemptionPolicy",
        description=(
            "preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, "
            "PreemptLowerPriority. Defaults to PreemptLowerPriority if unset."
        ),
    ),
)

RESOURCE = Resource(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    namespaced=False,
    singular="priorityclass",
    short_names=("pc",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    has_generation=True,
    generation_fields=lambda obj: None,
    columns=COLUMNS,
    row=row,
)
