"""RuntimeClass: how a node runs the Pods of this class, what that costs it, and which nodes can.

Follows pkg/apis/node (types.go, validation) and pkg/registry/node/runtimeclass of 1.32.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.core_v1 import placement, resources
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class Overhead(TypedDict, total=False):
    """`podFixed`: what a Pod takes beside what its containers ask for."""

    podFixed: dict[str, str]


class Scheduling(TypedDict, total=False):
    """Which nodes can run the class: labels that they have, and taints that its Pods tolerate."""

    nodeSelector: dict[str, str]
    tolerations: list[JSON]


class RuntimeClass(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    handler: str
    overhead: Overhead
    scheduling: Scheduling


def default(obj: JSON) -> None:
    obj.setdefault("handler", "")
    resources.default_quantities((obj.get("overhead") or {}).get("podFixed"))


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate(obj))


def _validate(obj: JSON) -> Iterator[FieldError]:
    for problem in names.dns1123_label(obj["handler"]):
        yield validation.invalid("handler", obj["handler"], problem)
    overhead, scheduling = obj.get("overhead") or {}, obj.get("scheduling") or {}
    yield from resources.validate_resources({"limits": overhead.get("podFixed") or {}}, "overhead")
    selector = scheduling.get("nodeSelector") or {}
    yield from label_selectors.validate_labels(selector, "scheduling.nodeSelector")
    yield from placement.validate_tolerations(scheduling.get("tolerations") or (), "scheduling.tolerations")


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    return [validation.immutable("handler", new["handler"])] if new["handler"] != old["handler"] else []


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get runtimeclass`."""
    return obj["metadata"]["name"], obj["handler"], table.created_age(obj, now)


COLUMNS = (
    table.NAME,
    Column("Handler", description="The configuration of the container runtime that runs Pods of this class."),
    table.AGE,
)

RESOURCE = Resource(
    group="node.k8s.io",
    version="v1",
    kind="RuntimeClass",
    plural="runtimeclasses",
    namespaced=False,
    singular="runtimeclass",
    default=default,
    validate=validate,
    validate_update=validate_update,
    create_on_update=True,
    unconditional_update=False,
    columns=COLUMNS,
    row=row,
)
