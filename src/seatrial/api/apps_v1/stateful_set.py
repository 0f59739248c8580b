"""StatefulSet: Pods that are told apart, each with a name, a place in the order, and claims of its own.

Follows pkg/registry/apps/statefulset, SetDefaults_StatefulSet and ValidateStatefulSetSpec (1.32). `maxUnavailable` is
alpha there and dropped unless a feature gate is on; here it counts where it is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import deployment, replica_set
from seatrial.api.core_v1 import pod_template
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import selectors, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

_ROLLING = "spec.updateStrategy.rollingUpdate"
_POLICIES = ("OrderedReady", "Parallel")
_COUNTS = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FORBIDDEN_UPDATE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


class StatefulSetSpec(TypedDict, total=False):
    replicas: int
    selector: JSON
    template: pod_template.PodTemplateSpec
    volumeClaimTemplates: list[JSON]
    serviceName: str
    podManagementPolicy: str
    updateStrategy: JSON
    revisionHistoryLimit: int
    minReadySeconds: int
    persistentVolumeClaimRetentionPolicy: JSON
    ordinals: JSON


class StatefulSetStatus(TypedDict, total=False):
    observedGeneration: int
    replicas: int
    readyReplicas: int
    currentReplicas: int
    updatedReplicas: int
    availableReplicas: int
    currentRevision: str
    updateRevision: str
    collisionCount: int
    conditions: list[JSON]


class StatefulSet(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: JSON
    spec: StatefulSetSpec
    status: StatefulSetStatus


def default(obj: JSON) -> None:
    spec = obj.get("spec")
    if spec is None:
        spec = obj["spec"] = {}
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    _default_strategy(spec)
    _default_retention(spec)
    for name, value in (("replicas", 1), ("revisionHistoryLimit", 10)):
        if spec.get(name) is None:
            spec[name] = value
    if spec.get("template") is not None:
        pod_template.default_template(spec["template"])
    for claim in spec.get("volumeClaimTemplates") or ():
        _default_claim(claim)


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
    if strategy["rollingUpdate"].get("partition") is None:
        strategy["rollingUpdate"]["partition"] = 0


def _default_retention(spec: JSON) -> None:
    if spec.get("persistentVolumeClaimRetentionPolicy") is None:
        spec["persistentVolumeClaimRetentionPolicy"] = {}
    policy: JSON = spec["persistentVolumeClaimRetentionPolicy"]
    for name in ("whenDeleted", "whenScaled"):
        if not policy.get(name):
            policy[name] = "Retain"


def _default_claim(claim: JSON) -> None:
    """A template says what it is, and has the defaults of a claim."""
    claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
    spec = claim.setdefault("spec", {})
    if not spec.get("volumeMode"):
        spec["volumeMode"] = "Filesystem"
    status = claim.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    policy = spec.get("podManagementPolicy") or ""
    if not policy:
        yield validation.required("spec.podManagementPolicy")
    elif policy not in _POLICIES:
        detail = "must be 'OrderedReady' or 'Parallel'"
        yield validation.invalid("spec.podManagementPolicy", policy, detail)
    yield from _validate_strategy(spec.get("updateStrategy") or {})
    yield from _validate_retention(spec.get("persistentVolumeClaimRetentionPolicy"))
    yield from validation.non_negative("spec.replicas", spec.get("replicas"))
    yield from validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from validation.non_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    yield from _validate_selector(spec.get("selector"))
    template = spec.get("template") or {}
    # As upstream, the Pods' spec is left to their creation: its mounts name claims that are not among its volumes.
    yield from _validate_labels(template, replica_set.selector_of(spec), "spec.template")
    yield from pod_template.validate_metadata(template, "spec.template")
    yield from validate_endless(template, "StatefulSet", "spec.template")


def _validate_selector(selector: JSON | None) -> Iterator[FieldError]:
    if selector is None:
        yield validation.required("spec.selector")
        return
    yield from label_selectors.validate_selector(selector, "spec.selector")
    if label_selectors.is_empty(selector):
        detail = "empty selector is invalid for statefulset"
        yield label_selectors.invalid_selector("spec.selector", selector, detail)


def _validate_strategy(strategy: Mapping[str, Any]) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if not kind:
        yield validation.required("spec.updateStrategy")
    elif kind == "OnDelete":
        if rolling is not None:
            yield validation.invalid(_ROLLING, rolling, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind != "RollingUpdate":
        yield validation.invalid("spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        yield from _validate_rolling(rolling)


def _validate_rolling(rolling: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from validation.non_negative(f"{_ROLLING}.partition", rolling.get("partition"))
    unavailable, path = rolling.get("maxUnavailable"), f"{_ROLLING}.maxUnavailable"
    if unavailable is None:
        return
    yield from deployment.validate_count_or_percent(unavailable, path)
    if unavailable in (0, "0%"):
        yield deployment.invalid_count(path, unavailable, "cannot be 0")
    yield from deployment.validate_percent_limit(unavailable, path)


def _validate_retention(policy: Mapping[str, Any] | None) -> Iterator[FieldError]:
    for name in ("whenDeleted", "whenScaled"):
        value = (policy or {}).get(name)
        if policy is not None and value not in ("Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            yield validation.unsupported(path, value or "", ("Retain", "Delete"))


def validate_matching_template(
    template: Mapping[str, Any], selector: selectors.Selector | None, path: str
) -> Iterator[FieldError]:
    """The template, and that its labels are selected (for DaemonSets and Jobs)."""
    yield from _validate_labels(template, selector, path)
    yield from pod_template.validate_template(template, path)


def _validate_labels(
    template: Mapping[str, Any], selector: selectors.Selector | None, path: str
) -> Iterator[FieldError]:
    labels = (template.get("metadata") or {}).get("labels")
    if selector is not None and not selector.empty and not selector.matches(labels or {}):
        detail = "`selector` does not match template `labels`"
        yield label_selectors.invalid_labels(f"{path}.metadata.labels", labels, detail)


def validate_endless(template: Mapping[str, Any], kind: str, path: str) -> Iterator[FieldError]:
    """What keeps Pods running for ever always restarts them (also for DaemonSets)."""
    spec = template.get("spec") or {}
    if spec.get("restartPolicy") in ("OnFailure", "Never"):
        yield validation.unsupported(f"{path}.spec.restartPolicy", spec["restartPolicy"], ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        yield validation.forbidden(f"{path}.spec.activeDeadlineSeconds", detail)


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    def fixed(obj: JSON) -> JSON:
        return {name: value for name, value in (obj.get("spec") or {}).items() if name not in _CHANGEABLE}

    return [] if fixed(new) == fixed(old) else [validation.forbidden("spec", _FORBIDDEN_UPDATE)]


def validate_status_update(new: JSON, old: JSON) -> list[FieldError]:
    return list(_validate_status(new.get("status") or {}, old.get("status") or {}))


def _validate_status(status: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    replicas = status.get("replicas") or 0
    for name in ("replicas", *_COUNTS, "observedGeneration", "collisionCount"):
        yield from validation.non_negative(f"status.{name}", status.get(name))
    for name in _COUNTS:
        if (status.get(name) or 0) > replicas:
            yield validation.invalid(f"status.{name}", status[name], "cannot be greater than status.replicas")
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        detail = "cannot be greater than status.readyReplicas"
        yield validation.invalid("status.availableReplicas", available, detail)
    yield from validate_collisions(status, old)


def validate_collisions(status: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[FieldError]:
    """collisionCount only grows (also for DaemonSets)."""
    collisions, before = status.get("collisionCount"), old.get("collisionCount")
    if before is not None and (collisions is None or collisions < before):
        yield validation.invalid("status.collisionCount", collisions or 0, "cannot be decremented")


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"replicas": 0, "availableReplicas": 0}


def row(obj: JSON, now: float) -> Sequence[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return (
        obj["metadata"]["name"],
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        table.created_age(obj, now),
        *pod_template.container_cells(spec.get("template") or {}),
    )


COLUMNS = (
    table.NAME,
    Column("Ready", description="Number of the pod with ready state"),
    table.AGE,
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column("Images", priority=1, description="Images referenced by each container in the template."),
)

RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    singular="statefulset",
    short_names=("sts",),
    categories=("all",),
    subresources=("scale", "status"),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    name_rule="label",
    columns=COLUMNS,
    row=row,
)
