"""Pod: shape, defaults, validation, what `kubectl get pods` shows.

Follows pkg/registry/core/pod/strategy.go and pkg/apis/core/validation (ValidatePodCreate, ValidatePodUpdate) of 1.32.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import gated_pod, placement, pod_columns, pod_spec, resources
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, times, validation
from seatrial.machinery.validation import FieldError

_UPDATE_FORBIDDEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_ADD_OR_REMOVE = "pod updates may not add or remove containers"
_DEADLINE_LONGER = "must be less than or equal to previous value"


class PodStatus(TypedDict, total=False):
    """What is known of a Pod: written by its node, apart from a few conditions."""

    phase: str
    conditions: list[JSON]
    message: str
    reason: str
    nominatedNodeName: str
    hostIP: str
    hostIPs: list[JSON]
    podIP: str
    podIPs: list[JSON]
    startTime: str
    initContainerStatuses: list[JSON]
    containerStatuses: list[JSON]
    qosClass: str


class Pod(TypedDict, total=False):
    """Containers that live and die together on one node."""

    apiVersion: str
    kind: str
    metadata: JSON
    spec: JSON
    status: PodStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    pod_spec.default_pod_spec(spec)
    pod_spec.default_pod_only(spec)


def validate(obj: JSON) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = list(pod_spec.validate_pod_spec(spec, "spec"))
    if spec.get("ephemeralContainers"):
        errors.append(validation.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        errors.append(
            validation.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
        )
    return errors


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """Images, tolerations (additions), the deadline (shorter) and little else may change."""
    new_spec, old_spec = new.get("spec") or {}, old.get("spec") or {}
    if new_spec == old_spec:
        return []
    errors = [*_validate_image_updates(new_spec, old_spec), *_validate_deadline_update(new_spec, old_spec)]
    if any(error.type == "FieldValueForbidden" for error in errors):
        return errors
    errors += _validate_gate_updates(new_spec, old_spec)
    if not _kept(new_spec.get("tolerations") or (), old_spec.get("tolerations") or ()):
        errors.append(
            validation.forbidden(
                "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
            )
        )
    if old_spec.get("schedulingGates"):
        errors += gated_pod.validate_update(new_spec, old_spec)
    if _frozen_part(new_spec, old_spec) != old_spec:
        errors.append(validation.forbidden("spec", _UPDATE_FORBIDDEN))
    return errors


def _validate_image_updates(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    for kind in ("containers", "initContainers"):
        if len(new.get(kind) or ()) != len(old.get(kind) or ()):
            yield validation.forbidden(f"spec.{kind}", _ADD_OR_REMOVE)
            return
        for index, container in enumerate(new.get(kind) or ()):
            if not (container.get("image") or "").strip():
                yield validation.required(f"spec.{kind}[{index}].image")


def _validate_deadline_update(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    path, deadline, before = (
        "spec.activeDeadlineSeconds",
        new.get("activeDeadlineSeconds"),
        old.get("activeDeadlineSeconds"),
    )
    if deadline is None:
        if before is not None:
            yield validation.invalid(path, None, "must not update from a positive integer to nil value")
    elif not 0 <= deadline <= 2147483647:
        yield validation.invalid(path, deadline, "must be between 0 and 2147483647, inclusive")
    elif before is not None and deadline > before:
        yield validation.invalid(path, deadline, _DEADLINE_LONGER)


def _validate_gate_updates(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    known = [gate.get("name") for gate in old.get("schedulingGates") or ()]
    for index, gate in enumerate(new.get("schedulingGates") or ()):
        if gate.get("name") not in known:
            yield validation.forbidden(
                f"spec.schedulingGates[{index}].name", "only deletion is allowed, but found new scheduling gate"
            )


def _kept(new: Sequence[JSON], old: Sequence[JSON]) -> bool:
    """Whether every old toleration is still there, its tolerationSeconds aside."""

    def bare(toleration: JSON) -> JSON:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    present = [bare(toleration) for toleration in new]
    return all(bare(toleration) in present for toleration in old)


def _frozen_part(new: Mapping[str, Any], old: Mapping[str, Any]) -> JSON:
    """The new spec with everything taken back that may change: equal to the old one if the update is allowed."""
    spec = dict(new)
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        _take_back(spec, old, name)
    if (old.get("terminationGracePeriodSeconds") or 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        _take_back(spec, old, "terminationGracePeriodSeconds")
    if old.get("schedulingGates"):
        gated_pod.take_back(spec, old)
    for kind in ("containers", "initContainers"):
        if kind in spec:
            pairs = zip(spec[kind] or (), old.get(kind) or (), strict=False)
            spec[kind] = [{**container, "image": before.get("image")} for container, before in pairs]
    return spec


def _take_back(spec: JSON, old: Mapping[str, Any], name: str) -> None:
    spec.pop(name, None)
    if name in old:
        spec[name] = old[name]


def validate_status_update(new: JSON, old: JSON) -> list[FieldError]:
    """A container that has ended for good stays ended."""
    policy = (old.get("spec") or {}).get("restartPolicy")
    if policy in (None, "Always"):
        return []
    errors = []
    before = {status.get("name"): status for status in objects.get(old, "status", "containerStatuses", default=())}
    for index, status in enumerate(objects.get(new, "status", "containerStatuses", default=())):
        ended = objects.get(before.get(status.get("name")), "state", "terminated")
        may_restart = policy == "OnFailure" and ended is not None and ended.get("exitCode") != 0
        if ended is not None and not may_restart and not objects.get(status, "state", "terminated"):
            path = f"status.containerStatuses[{index}].state"
            errors.append(validation.forbidden(path, "may not be transitioned to non-terminated state"))
    return errors


def prepare_for_create(obj: JSON) -> None:
    """A new Pod is Pending; whatever status came along is dropped."""
    spec = obj.get("spec") or {}
    placement.apply_label_keys(spec.get("affinity") or {}, objects.labels(obj))
    obj["status"] = {"phase": "Pending", "qosClass": resources.qos_class(spec)}
    if spec.get("schedulingGates"):
        obj["status"]["conditions"] = [_scheduling_gated(objects.creation_timestamp(obj))]


def _scheduling_gated(created_at: str) -> JSON:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": created_at or times.format_time(0),
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def selectable_fields(obj: JSON) -> dict[str, str]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return {
        "spec.nodeName": spec.get("nodeName") or "",
        "spec.restartPolicy": spec.get("restartPolicy") or "",
        "spec.schedulerName": spec.get("schedulerName") or "",
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
        "status.phase": status.get("phase") or "",
        "status.podIP": status.get("podIP") or "",
        "status.podIPs": status.get("podIP") or "",
        "status.nominatedNodeName": status.get("nominatedNodeName") or "",
    }


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    singular="pod",
    short_names=("po",),
    categories=("all",),
    subresources=("attach", "binding", "eviction", "exec", "log", "status"),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    graceful=True,
    returns_deleted=True,
    selectable_fields=selectable_fields,
    columns=pod_columns.COLUMNS,
    row=pod_columns.row,
)
