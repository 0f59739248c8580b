"""CSINode: the CSI drivers of a node, and how many of its volumes each can attach there.

Follows pkg/apis/storage/validation and pkg/registry/storage/csinode (1.32).
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class CSINodeDriver(TypedDict, total=False):
    """`allocatable`: {"count": N}; without it there is no limit."""

    name: str
    nodeID: str
    topologyKeys: list[str]
    allocatable: JSON


class CSINodeSpec(TypedDict, total=False):
    drivers: list[CSINodeDriver]


class CSINode(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: CSINodeSpec


def drivers(obj: JSON) -> list[JSON]:
    found: list[JSON] = objects.get(obj, "spec", "drivers", default=[])
    return found


def validate(obj: JSON) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, driver in enumerate(drivers(obj)):
        path, name = f"spec.drivers[{index}]", str(driver.get("name") or "")
        errors += [validation.required(f"{path}.{field}") for field in ("name", "nodeID") if not driver.get(field)]
        errors += validation.non_negative(f"{path}.allocatable.count", objects.get(driver, "allocatable", "count"))
        if name in seen:
            errors.append(validation.duplicate(f"{path}.name", name))
        seen.add(name)
    return errors


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """A driver that stays can't be changed."""
    there = {str(driver.get("name")): driver for driver in drivers(new)}
    return [
        validation.immutable("spec.drivers", there[name])
        for name in (str(driver.get("name")) for driver in drivers(old))
        if name in there and there[name] != next(each for each in drivers(old) if each.get("name") == name)
    ]


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get csinodes`."""
    return (obj["metadata"]["name"], len(drivers(obj)), table.created_age(obj, now))


COLUMNS = (
    table.NAME,
    Column("Drivers", "integer", description="Drivers indicates the number of CSI drivers registered on the node"),
    table.AGE,
)

RESOURCE = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="CSINode",
    plural="csinodes",
    namespaced=False,
    singular="csinode",
    validate=validate,
    validate_update=validate_update,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
