"""PodDisruptionBudget: how many of a set of Pods may be evicted at a time.

Follows pkg/registry/policy/poddisruptionbudget and pkg/apis/policy/validation (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import deployment
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

ALWAYS_ALLOW = "AlwaysAllow"
_POLICIES = (ALWAYS_ALLOW, "IfHealthyBudget")
COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
"""Of the status; always written out."""


class PodDisruptionBudgetSpec(TypedDict, total=False):
    minAvailable: int | str
    selector: JSON
    maxUnavailable: int | str
    unhealthyPodEvictionPolicy: str


class PodDisruptionBudgetStatus(TypedDict, total=False):
    """`disruptedPods`: name → when its eviction was allowed, until it is seen to be deleted."""

    observedGeneration: int
    disruptedPods: dict[str, str]
    disruptionsAllowed: int
    currentHealthy: int
    desiredHealthy: int
    expectedPods: int
    conditions: list[JSON]


class PodDisruptionBudget(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: PodDisruptionBudgetSpec
    status: PodDisruptionBudgetStatus


def default(obj: JSON) -> None:
    """The spec is always there."""
    if obj.get("spec") is None:
        obj["spec"] = {}


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = dict.fromkeys(COUNTS, 0)


def validate(obj: JSON) -> list[FieldError]:
    return list(_validate_spec(obj.get("spec") or {}))


def _validate_spec(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    limits = {name: spec[name] for name in ("minAvailable", "maxUnavailable") if spec.get(name) is not None}
    if len(limits) == 2:
        yield validation.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for name, value in limits.items():
        yield from deployment.validate_count_or_percent(value, f"spec.{name}")
        yield from deployment.validate_percent_limit(value, f"spec.{name}")
    yield from label_selectors.validate_selector(spec.get("selector") or {}, "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        yield validation.unsupported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES)


def validate_status_update(new: JSON, _old: JSON) -> list[FieldError]:
    counts = new.get("status") or {}
    return [error for name in COUNTS for error in validation.non_negative(f"status.{name}", counts.get(name))]


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get pdb`."""
    spec, counts = obj.get("spec") or {}, obj.get("status") or {}
    limits = (str(spec[name]) if spec.get(name) is not None else "N/A" for name in ("minAvailable", "maxUnavailable"))
    return obj["metadata"]["name"], *limits, counts.get("disruptionsAllowed") or 0, table.created_age(obj, now)


COLUMNS = (
    table.NAME,
    Column("Min Available", description="The minimum number of pods that must be available."),
    Column("Max Unavailable", description="The maximum number of pods that may be unavailable."),
    Column(
        "Allowed Disruptions", "integer", description="Calculated number of pods that may be disrupted at this time."
    ),
    table.AGE,
)

RESOURCE = Resource(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    singular="poddisruptionbudget",
    short_names=("pdb",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_for_create=prepare_for_create,
    has_generation=True,
    unconditional_update=False,
    columns=COLUMNS,
    row=row,
)
