"""Deployment: rolls Pods from one template to the next.

Follows pkg/registry/apps/deployment, SetDefaults_Deployment and ValidateDeploymentSpec (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.apps_v1 import replica_set
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_STRATEGIES = ("Recreate", "RollingUpdate")
_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
_ROLLING = "spec.strategy.rollingUpdate"


class DeploymentSpec(TypedDict, total=False):
    replicas: int
    selector: JSON
    template: pod_template.PodTemplateSpec
    strategy: JSON
    minReadySeconds: int
    revisionHistoryLimit: int
    paused: bool
    progressDeadlineSeconds: int


class DeploymentStatus(TypedDict, total=False):
    observedGeneration: int
    replicas: int
    updatedReplicas: int
    readyReplicas: int
    availableReplicas: int
    unavailableReplicas: int
    conditions: list[JSON]
    collisionCount: int


class Deployment(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: DeploymentSpec
    status: DeploymentStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    _default_strategy(spec)
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    if spec.get("progressDeadlineSeconds") is None:
        spec["progressDeadlineSeconds"] = 600
    if spec.get("template") is not None:
        pod_template.default_template(spec["template"])


def _default_strategy(spec: JSON) -> None:
    if spec.get("strategy") is None:
        spec["strategy"] = {}
    strategy: JSON = spec["strategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] != "RollingUpdate":
        return
    if strategy.get("rollingUpdate") is None:
        strategy["rollingUpdate"] = {}
    rolling: JSON = strategy["rollingUpdate"]
    for name in ("maxUnavailable", "maxSurge"):
        if rolling.get(name) is None:
            rolling[name] = "25%"


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from validation.non_negative("spec.replicas", spec.get("replicas"))
    yield from replica_set.validate_selector(spec.get("selector"), "spec.selector")
    yield from replica_set.validate_template(spec)
    yield from _validate_strategy(spec.get("strategy") or {})
    for name in ("minReadySeconds", "revisionHistoryLimit"):
        yield from validation.non_negative(f"spec.{name}", spec.get(name))
    deadline = spec.get("progressDeadlineSeconds")
    yield from validation.non_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        yield validation.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _validate_strategy(strategy: Mapping[str, Any]) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            yield validation.forbidden(_ROLLING, "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        if rolling is None:
            yield validation.required(_ROLLING, "this should be defaulted and never be nil")
        else:
            yield from _validate_rolling(rolling)
    else:
        yield validation.unsupported("spec.strategy.type", kind, _STRATEGIES)


def _validate_rolling(rolling: Mapping[str, Any]) -> Iterator[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from validate_count_or_percent(value, f"{_ROLLING}.{name}")
    if number_of(unavailable) == 0 and number_of(surge) == 0:
        detail = "may not be 0 when `maxSurge` is 0"
        yield invalid_count(f"{_ROLLING}.maxUnavailable", unavailable, detail)
    yield from validate_percent_limit(unavailable, f"{_ROLLING}.maxUnavailable")


def validate_count_or_percent(value: Any, path: str) -> Iterator[FieldError]:
    """A number from 0 on, or a percentage (also for DaemonSets and budgets)."""
    if isinstance(value, str):
        yield from (invalid_count(path, value, message) for message in names.percent(value))
    elif (value or 0) < 0:
        yield validation.invalid(path, value, "must be greater than or equal to 0")


def validate_percent_limit(value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, str) and not names.percent(value) and int(value[:-1]) > 100:
        yield invalid_count(path, value, "must not be greater than 100%")


def number_of(value: Any) -> int:
    """As upstream compares with 0: a text that is no percentage counts as 0."""
    if isinstance(value, str):
        return 0 if names.percent(value) else int(value[:-1])
    return value or 0


def invalid_count(path: str, value: Any, detail: str) -> FieldError:
    """An Invalid error that shows an IntOrString as Go's %#v writes it."""
    text, number = (value, 0) if isinstance(value, str) else ("", value or 0)
    kind = int(isinstance(value, str))
    shown = f"intstr.IntOrString{{Type:{kind}, IntVal:{number}, StrVal:{validation.go_quote(text)}}}"
    return FieldError("FieldValueInvalid", path, f"Invalid value: {shown}: {detail}")


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    return replica_set.validate_update(new, old)


def validate_status_update(new: JSON, old: JSON) -> list[FieldError]:
    return list(_validate_status(new.get("status") or {}, old.get("status") or {}))


def _validate_status(status: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("observedGeneration", *_COUNTS, "collisionCount"):
        yield from validation.non_negative(f"status.{name}", status.get(name))
    replicas, available = status.get("replicas") or 0, status.get("availableReplicas") or 0
    for name in ("updatedReplicas", "readyReplicas", "availableReplicas"):
        if (status.get(name) or 0) > replicas:
            yield validation.invalid(f"status.{name}", status[name], "cannot be greater than status.replicas")
    if available > (status.get("readyReplicas") or 0):
        yield validation.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas")
    collisions, before = status.get("collisionCount"), old.get("collisionCount")
    if before is not None and (collisions is None or collisions < before):
        yield validation.invalid("status.collisionCount", collisions or 0, "cannot be decremented")


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {}


def generation_fields(obj: JSON) -> Any:
    """Annotations count: the controller copies them to ReplicaSets."""
    return obj.get("spec"), (obj.get("metadata") or {}).get("annotations") or {}


def row(obj: JSON, now: float) -> Sequence[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return (
        obj["metadata"]["name"],
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        table.created_age(obj, now),
        *pod_template.container_cells(spec.get("template") or {}),
        replica_set.selector_text(spec),
    )


COLUMNS = (
    table.NAME,
    Column("Ready", description="Number of the pod with ready state"),
    Column(
        "Up-to-date",
        description="Total number of non-terminated pods targeted by this deployment that have the desired template "
        "spec.",
    ),
    Column(
        "Available",
        description="Total number of available pods (ready for at least minReadySeconds) targeted by this deployment.",
    ),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
    Column("Selector", priority=1, description="Label selector for pods."),
)

RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    short_names=("deploy",),
    categories=("all",),
    subresources=("scale", "status"),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    generation_fields=generation_fields,
    columns=COLUMNS,
    row=row,
)
