"""DaemonSet: one Pod on every node that fits.

Follows pkg/registry/apps/daemonset, SetDefaults_DaemonSet and ValidateDaemonSetSpec (1.32). The template's generation,
which old group versions have as a field, stands in an annotation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import deployment, replica_set, stateful_set
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_ROLLING = "spec.updateStrategy.rollingUpdate"
_ALWAYS_SHOWN = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
_COUNTS = (*_ALWAYS_SHOWN, "updatedNumberScheduled", "numberAvailable", "numberUnavailable")


class DaemonSetSpec(TypedDict, total=False):
    selector: JSON
    template: pod_template.PodTemplateSpec
    updateStrategy: JSON
    minReadySeconds: int
    revisionHistoryLimit: int


class DaemonSetStatus(TypedDict, total=False):
    currentNumberScheduled: int
    numberMisscheduled: int
    desiredNumberScheduled: int
    numberReady: int
    observedGeneration: int
    updatedNumberScheduled: int
    numberAvailable: int
    numberUnavailable: int
    collisionCount: int
    conditions: list[JSON]


class DaemonSet(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: DaemonSetSpec
    status: DaemonSetStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    _default_strategy(spec)
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    if spec.get("template") is not None:
        pod_template.default_template(spec["template"])


def _default_strategy(spec: JSON) -> None:
    if spec.get("updateStrategy") is None:
        spec["updateStrategy"] = {}
    strategy: JSON = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] != "RollingUpdate":
        return
    if strategy.get("rollingUpdate") is None:
        strategy["rollingUpdate"] = {}
    for name, value in (("maxUnavailable", 1), ("maxSurge", 0)):
        if strategy["rollingUpdate"].get(name) is None:
            strategy["rollingUpdate"][name] = value


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    yield from label_selectors.validate_selector(selector or {}, "spec.selector")
    if selector is not None and label_selectors.is_empty(selector):
        detail = "empty selector is invalid for daemonset"
        yield label_selectors.invalid_selector("spec.selector", selector, detail)
    yield from stateful_set.validate_matching_template(template, replica_set.selector_of(spec), "spec.template")
    yield from stateful_set.validate_endless(template, "DaemonSet", "spec.template")
    yield from validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from _validate_strategy(spec.get("updateStrategy") or {})
    yield from validation.non_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def _validate_strategy(strategy: Mapping[str, Any]) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "RollingUpdate":
        if rolling is None:
            yield validation.required(_ROLLING)
        else:
            yield from _validate_rolling(rolling)
    elif kind != "OnDelete":
        yield validation.unsupported("spec.updateStrategy.type", kind, ("OnDelete", "RollingUpdate"))


def _validate_rolling(rolling: Mapping[str, Any]) -> Iterator[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    both = (("maxUnavailable", unavailable), ("maxSurge", surge))
    for name, value in both:
        yield from deployment.validate_count_or_percent(value, f"{_ROLLING}.{name}")
    for name, value in both:
        yield from deployment.validate_percent_limit(value, f"{_ROLLING}.{name}")
    some_unavailable, some_surge = deployment.number_of(unavailable) != 0, deployment.number_of(surge) != 0
    if some_unavailable and some_surge:
        detail = "may not be set when maxUnavailable is non-zero"
        yield deployment.invalid_count(f"{_ROLLING}.maxSurge", surge, detail)
    elif not some_unavailable and not some_surge:
        yield validation.required(f"{_ROLLING}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    return replica_set.validate_update(new, old)


def validate_status_update(new: JSON, old: JSON) -> list[FieldError]:
    status = new.get("status") or {}
    errors: list[FieldError] = []
    for name in (*_COUNTS, "observedGeneration", "collisionCount"):
        errors += validation.non_negative(f"status.{name}", status.get(name))
    return [*errors, *stateful_set.validate_collisions(status, old.get("status") or {})]


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = dict.fromkeys(_ALWAYS_SHOWN, 0)
    _set_template_generation(obj, 1)


def prepare_for_update(new: JSON, old: JSON) -> None:
    """The template's generation is the server's to count."""
    same = (new.get("spec") or {}).get("template") == (old.get("spec") or {}).get("template")
    _set_template_generation(new, template_generation(old) + (not same))


def template_generation(obj: JSON) -> int:
    """How many templates the DaemonSet has had."""
    text: str = objects.annotations(obj).get(TEMPLATE_GENERATION) or ""
    return int(text) if text.isascii() and text.isdigit() else 1


def _set_template_generation(obj: JSON, number: int) -> None:
    metadata = obj["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), TEMPLATE_GENERATION: str(number)}


def row(obj: JSON, now: float) -> Sequence[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    shown = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    template = spec.get("template") or {}
    return (
        obj["metadata"]["name"],
        *(status.get(name) or 0 for name in shown),
        label_selectors.labels_text((template.get("spec") or {}).get("nodeSelector")),
        table.created_age(obj, now),
        *pod_template.container_cells(template),
        replica_set.selector_text(spec),
    )


COLUMNS = (
    table.NAME,
    Column(
        "Desired",
        "integer",
        description="The total number of nodes that should be running the daemon pod (including nodes correctly "
        "running the daemon pod). More info: "
        "https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column(
        "Current",
        "integer",
        description="The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon "
        "pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
    ),
    Column(
        "Ready",
        "integer",
        description="numberReady is the number of nodes that should be running the daemon pod and have one or more of "
        "the daemon pod running with a Ready Condition.",
    ),
    Column(
        "Up-to-date",
        "integer",
        description="The total number of nodes that are running updated daemon pod",
    ),
    Column(
        "Available",
        "integer",
        description="The number of nodes that should be running the daemon pod and have one or more of the daemon pod "
        "running and available (ready for at least spec.minReadySeconds)",
    ),
    Column(
        "Node Selector",
        description="NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must "
        "match a node's labels for the pod to be scheduled on that node. More info: "
        "https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
    ),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
    Column("Selector", priority=1, description="A label query over pods that are managed by the daemon set."),
)

RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    singular="daemonset",
    short_names=("ds",),
    categories=("all",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    prepare_for_update=prepare_for_update,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)
