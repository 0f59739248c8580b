"""ControllerRevision: one state that a StatefulSet or DaemonSet once had, kept to roll back to.

Follows pkg/registry/apps/controllerrevision and ValidateControllerRevision (1.32).
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class ControllerRevision(TypedDict, total=False):
    """`data` is whatever its controller makes of it; `revision` orders the revisions of one owner."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    data: JSON
    revision: int


def default(obj: JSON) -> None:
    """revision is always written out."""
    if obj.get("revision") is None:
        obj["revision"] = 0


def validate(obj: JSON) -> list[FieldError]:
    errors = []
    if obj.get("data") is None:
        errors.append(validation.required("data", "data is mandatory"))
    return errors + validation.non_negative("revision", obj.get("revision"))


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    return [] if new.get("data") == old.get("data") else [validation.immutable("data", new.get("data"))]


def controller_text(obj: JSON) -> str:
    """The CONTROLLER cell: `statefulset.apps/web`."""
    reference = objects.controller_of(obj)
    if reference is None:
        return "<none>"
    group = reference["apiVersion"].rpartition("/")[0]
    kind = reference["kind"].lower()
    return f"{kind}.{group}/{reference['name']}" if group else f"{kind}/{reference['name']}"


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get controllerrevisions`."""
    return objects.name(obj), controller_text(obj), obj.get("revision") or 0, table.created_age(obj, now)


COLUMNS = (
    table.NAME,
    Column("Controller", description="Controller of the object"),
    Column("Revision", description="Revision indicates the revision of the state represented by Data."),
    table.AGE,
)

RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    singular="controllerrevision",
    default=default,
    validate=validate,
    validate_update=validate_update,
    columns=COLUMNS,
    row=row,
)
