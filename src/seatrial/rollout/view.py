"""A rolling update at one moment, as people look at it: pure, from objects, the same for CLI, demo and tests.

"New" and "old" ReplicaSets are told apart as the Deployment controller does (pkg/controller/deployment/util): the new
one has the Deployment's template.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.workloads import revisions, rolling, template_hash

CHANGE_CAUSE = "kubernetes.io/change-cause"


@dataclass(frozen=True)
class ReplicaSetView:
    """One version of the workload. Counts are Pods."""

    name: str
    revision: int
    images: tuple[str, ...]
    desired: int
    ready: int
    available: int
    is_new: bool


@dataclass(frozen=True)
class RollView:
    """A Deployment's roll. `minimum_available` is what its strategy promises, -1 for Recreate, which promises none."""

    name: str
    namespace: str
    desired: int
    updated: int
    total: int
    available: int
    minimum_available: int
    maximum_total: int
    complete: bool
    failed: str
    replica_sets: tuple[ReplicaSetView, ...]


def images_of(template: JSON) -> tuple[str, ...]:
    """The images of a Pod template's containers, in order."""
    return tuple(str(container.get("image", "")) for container in template.get("spec", {}).get("containers", ()))


def owned(deployment: JSON, replica_sets: Sequence[JSON]) -> list[JSON]:
    """The Deployment's ReplicaSets by revision, oldest first."""
    uid = objects.uid(deployment)
    mine = [rs for rs in replica_sets if (objects.controller_of(rs) or {}).get("uid") == uid]
    return sorted(mine, key=lambda rs: (revisions.revision_of(rs) or 0, objects.name(rs)))


def of_deployment(deployment: JSON, replica_sets: Sequence[JSON]) -> RollView:
    """The state of a Deployment's roll. `replica_sets` may hold others': they are left out."""
    spec, status = deployment["spec"], deployment.get("status", {})
    views = tuple(_replica_set(rs, spec["template"]) for rs in owned(deployment, replica_sets))
    desired = int(spec.get("replicas", 1))
    minimum, maximum = _promise(spec, desired)
    updated, total = int(status.get("updatedReplicas", 0)), int(status.get("replicas", 0))
    available = int(status.get("availableReplicas", 0))
    observed = int(status.get("observedGeneration", 0)) >= objects.generation(deployment)
    return RollView(
        name=objects.name(deployment),
        namespace=objects.namespace(deployment),
        desired=desired,
        updated=updated,
        total=total,
        available=available,
        minimum_available=minimum,
        maximum_total=maximum,
        complete=observed and updated == total == available == desired,
        failed=_failure(status) if observed else "",
        replica_sets=views,
    )


def _promise(spec: Mapping[str, JSON], desired: int) -> tuple[int, int]:
    limits = rolling.limits(spec)
    if spec.get("strategy", {}).get("type") == "Recreate":
        return -1, desired
    return limits.min_available, limits.max_total


def _failure(status: JSON) -> str:
    progressing = conditions.find(status, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        return str(progressing.get("message", ""))
    return ""


def _replica_set(rs: JSON, template: JSON) -> ReplicaSetView:
    status = rs.get("status", {})
    return ReplicaSetView(
        name=objects.name(rs),
        revision=revisions.revision_of(rs) or 0,
        images=images_of(rs["spec"]["template"]),
        desired=int(rs["spec"].get("replicas", 0)),
        ready=int(status.get("readyReplicas", 0)),
        available=int(status.get("availableReplicas", 0)),
        is_new=template_hash.equal_ignoring_hash(rs["spec"]["template"], template),
    )
