"""ReplicationController: keeps a number of equal Pods running; the ReplicaSet of the early days.

Follows pkg/registry/core/replicationcontroller, SetDefaults_ReplicationController and
ValidateReplicationControllerSpec (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_COUNTS = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")


class ReplicationControllerSpec(TypedDict, total=False):
    replicas: int
    minReadySeconds: int
    selector: dict[str, str]
    template: pod_template.PodTemplateSpec


class ReplicationControllerStatus(TypedDict, total=False):
    replicas: int
    fullyLabeledReplicas: int
    readyReplicas: int
    availableReplicas: int
    observedGeneration: int
    conditions: list[JSON]


class ReplicationController(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: ReplicationControllerSpec
    status: ReplicationControllerStatus


def default(obj: JSON) -> None:
    """Selector and labels come from the template's labels."""
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    template = spec.get("template")
    if template is not None:
        labels = objects.labels(template)
        if labels and not spec.get("selector"):
            spec["selector"] = dict(labels)
        if labels and not objects.labels(obj):
            obj.setdefault("metadata", {})["labels"] = dict(labels)
        pod_template.default_template(template)
    if spec.get("replicas") is None:
        spec["replicas"] = 1


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector") or {}
    if not selector:
        yield validation.required("spec.selector")
    yield from label_selectors.validate_labels(selector, "spec.selector")
    yield from validation.non_negative("spec.replicas", spec.get("replicas"))
    yield from pod_template.validate_workload_template(
        spec.get("template"), selectors.from_map(selector), "spec.template"
    )


def validate_status_counts(status: Mapping[str, Any]) -> Iterator[FieldError]:
    """No count may be negative or above `replicas` (also for ReplicaSets)."""
    replicas = status.get("replicas") or 0
    for name in ("replicas", *_COUNTS, "observedGeneration"):
        yield from validation.non_negative(f"status.{name}", status.get(name))
    for name in _COUNTS:
        if (status.get(name) or 0) > replicas:
            yield validation.invalid(f"status.{name}", status[name], "cannot be greater than status.replicas")
    if (status.get("availableReplicas") or 0) > (status.get("readyReplicas") or 0):
        detail = "cannot be greater than readyReplicas"
        yield validation.invalid("status.availableReplicas", status["availableReplicas"], detail)


def validate_status_update(new: JSON, _old: JSON) -> list[FieldError]:
    return list(validate_status_counts(new.get("status") or {}))


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"replicas": 0}


def selectable_fields(obj: JSON) -> dict[str, str]:
    return {"status.replicas": str((obj.get("status") or {}).get("replicas") or 0)}


def row_cells(obj: JSON, now: float, selector_text: str) -> Sequence[Any]:
    """The cells of ReplicationControllers and ReplicaSets."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return (
        obj["metadata"]["name"],
        spec.get("replicas") or 0,
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        table.created_age(obj, now),
        *pod_template.container_cells(spec.get("template") or {}),
        selector_text,
    )


def row(obj: JSON, now: float) -> Sequence[Any]:
    return row_cells(obj, now, label_selectors.labels_text((obj.get("spec") or {}).get("selector")))


COLUMNS = (
    table.NAME,
    Column("Desired", "integer", description="The number of replicas that are wanted."),
    Column("Current", "integer", description="The most recently observed number of replicas."),
    Column("Ready", "integer", description="The number of ready replicas."),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
    Column("Selector", priority=1, description="The label query over pods that should match the replica count."),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    singular="replicationcontroller",
    short_names=("rc",),
    categories=("all",),
    subresources=("scale", "status"),
    default=default,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    wipe_status_on_create=False,
    has_generation=True,
    default_propagation="Orphan",
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
