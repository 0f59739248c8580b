"""ReplicaSet: keeps a number of equal Pods running.

Follows pkg/registry/apps/replicaset, SetDefaults_ReplicaSet and ValidateReplicaSetSpec (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.core_v1 import pod_template, replication_controller
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import selectors, validation
from seatrial.machinery.selectors import Selector
from seatrial.machinery.validation import FieldError

EMPTY_SELECTOR = "empty selector is invalid for deployment"


class ReplicaSetSpec(TypedDict, total=False):
    replicas: int
    minReadySeconds: int
    selector: JSON
    template: pod_template.PodTemplateSpec


class ReplicaSetStatus(TypedDict, total=False):
    replicas: int
    fullyLabeledReplicas: int
    readyReplicas: int
    availableReplicas: int
    observedGeneration: int
    conditions: list[JSON]


class ReplicaSet(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: ReplicaSetSpec
    status: ReplicaSetStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    if spec.get("template") is not None:
        pod_template.default_template(spec["template"])


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from validation.non_negative("spec.replicas", spec.get("replicas"))
    yield from validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from validate_selector(spec.get("selector"), "spec.selector")
    yield from validate_template(spec)


def validate_selector(selector: JSON | None, path: str) -> Iterator[FieldError]:
    """The selector of a ReplicaSet or Deployment: there, well formed, and not empty."""
    if selector is None:
        yield validation.required(path)
        return
    yield from label_selectors.validate_selector(selector, path)
    if label_selectors.is_empty(selector):
        yield label_selectors.invalid_selector(path, selector, EMPTY_SELECTOR)


def validate_template(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    """The template, unless the selector can't be read. An absent template fails for not matching the selector."""
    selector = selector_of(spec)
    if selector is None:
        yield label_selectors.invalid_selector("spec.selector", spec.get("selector"), "invalid label selector")
        return
    yield from pod_template.validate_workload_template(spec.get("template") or {}, selector, "spec.template")


def selector_of(spec: Mapping[str, Any]) -> Selector | None:
    """The selector, or None for one that can't be read (validation has told of it)."""
    try:
        return selectors.from_label_selector(spec.get("selector"))
    except StatusError:
        return None


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    before, after = (old.get("spec") or {}).get("selector"), (new.get("spec") or {}).get("selector")
    return [] if before == after else [label_selectors.invalid_selector("spec.selector", after, "field is immutable")]


def validate_status_update(new: JSON, _old: JSON) -> list[FieldError]:
    return list(replication_controller.validate_status_counts(new.get("status") or {}))


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"replicas": 0}


def selector_text(spec: Mapping[str, Any]) -> str:
    """metav1.FormatLabelSelector: `<none>` for an empty selector, `<error>` for a wrong one."""
    selector = selector_of(spec)
    return "<error>" if selector is None else str(selector) or "<none>"


def row(obj: JSON, now: float) -> Sequence[Any]:
    return replication_controller.row_cells(obj, now, selector_text(obj.get("spec") or {}))


RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    singular="replicaset",
    short_names=("rs",),
    categories=("all",),
    subresources=("scale", "status"),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    selectable_fields=replication_controller.selectable_fields,
    columns=replication_controller.COLUMNS,
    row=row,
)
