"""core/v1 Namespace (pkg/registry/core/namespace/strategy.go, printNamespace in pkg/printers/internalversion)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import meta_v1
from seatrial.api.meta_v1 import Condition, ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"
ACTIVE = "Active"
TERMINATING = "Terminating"


class NamespaceSpec(TypedDict, total=False):
    """Who has to agree before the namespace goes away."""

    finalizers: list[str]


class NamespaceStatus(TypedDict, total=False):
    """Active, or Terminating with conditions that say what is still there."""

    phase: str
    conditions: list[Condition]


class Namespace(TypedDict, total=False):
    """A scope for names."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: NamespaceSpec
    status: NamespaceStatus


def default(obj: JSON) -> None:
    """The label that carries the name; a generated name comes later (see prepare_for_create)."""
    obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = ACTIVE
    _label_with_name(obj)


def _label_with_name(obj: JSON) -> None:
    metadata = obj.setdefault("metadata", {})
    name, labels = metadata.get("name"), metadata.get("labels") or {}
    if name and labels.get(NAME_LABEL) != name:
        metadata["labels"] = {**labels, NAME_LABEL: name}


def validate(obj: JSON) -> Sequence[FieldError]:
    """spec.finalizers are qualified names."""
    errors: list[FieldError] = []
    for finalizer in objects.get(obj, "spec", "finalizers", default=()):
        errors += validation.each("spec.finalizers", finalizer, names.qualified_name(finalizer))
        errors += meta_v1.finalizer_name_errors(finalizer, "spec.finalizers")
    return errors


def validate_status_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """The phase follows metadata.deletionTimestamp."""
    phase = objects.get(new, "status", "phase", default="")
    if objects.is_terminating(new):
        if phase != TERMINATING:
            text = "may only be 'Terminating' if `deletionTimestamp` is not empty"
            return [validation.invalid("status.Phase", phase, text)]
    elif phase != ACTIVE:
        return [validation.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]
    return []


def prepare_for_create(obj: JSON) -> None:
    """A new namespace is Active and held by the finalizer `kubernetes`."""
    _label_with_name(obj)
    obj["status"] = {"phase": ACTIVE}
    finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)


def prepare_for_update(new: JSON, old: JSON) -> None:
    """spec.finalizers change through the subresource finalize only."""
    new["spec"] = {**new.get("spec", {}), "finalizers": objects.get(old, "spec", "finalizers", default=[])}


def selectable_fields(obj: JSON) -> Mapping[str, str]:
    """What field selectors can ask for."""
    return {"status.phase": objects.get(obj, "status", "phase", default=""), "name": objects.name(obj)}


COLUMNS = (
    table.NAME,
    Column("Status", description="The status of the namespace"),
    table.AGE,
)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get namespaces`."""
    return objects.name(obj), objects.get(obj, "status", "phase", default=""), table.created_age(obj, now)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    namespaced=False,
    singular="namespace",
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=("finalize", "status"),
    default=default,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    prepare_for_update=prepare_for_update,
    returns_deleted=True,
    name_rule="label",
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
