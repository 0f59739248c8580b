"""coordination.k8s.io/v1 Lease (pkg/apis/coordination/validation, printLease in pkg/printers)."""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class LeaseSpec(TypedDict, total=False):
    """Who holds it, since when, and for how long."""

    holderIdentity: str
    leaseDurationSeconds: int
    acquireTime: str
    renewTime: str
    leaseTransitions: int


class Lease(TypedDict, total=False):
    """A claim that must be renewed."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: LeaseSpec


def default(obj: JSON) -> None:
    """spec is always written out."""
    obj.setdefault("spec", {})


def validate(obj: JSON) -> Sequence[FieldError]:
    """Durations are positive, transitions don't count backwards."""
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        errors.append(validation.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    return errors + validation.non_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


_HOLDER = (
    "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, "
    "the holder identity must be equal to the elected LeaseCandidate.metadata.name field."
)
COLUMNS = (table.NAME, Column("Holder", description=_HOLDER), table.AGE)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get leases`."""
    holder = objects.get(obj, "spec", "holderIdentity", default="")
    return objects.name(obj), holder, table.created_age(obj, now)


RESOURCE = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    singular="lease",
    default=default,
    validate=validate,
    create_on_update=True,
    unconditional_update=False,
    columns=COLUMNS,
    row=row,
)
