"""The life of each Pod, and which Pods are of the new version. Pure."""

from collections.abc import Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.course import Course
from seatrial.rehearse.lives import PodLife, hash_of
from seatrial.rehearse.result import PodTimeline
from seatrial.rehearse.rules.base import Case
from seatrial.rollout import newest


def of(course: Course, workloads: Sequence[Case]) -> tuple[PodTimeline, ...]:
    """Of all Pods of the workloads, those that are gone included, in the order in which they appeared."""
    fresh = _new_hashes(workloads)
    return tuple(_timeline(course, life, _is_updated(life, fresh)) for life in course.lives.values())


def _new_hashes(workloads: Sequence[Case]) -> frozenset[str]:
    """Which template hashes are those of the new version."""
    found = set()
    for case in workloads:
        owners, members = newest.of(case.obj, case.target.resource.kind, case.course)
        found |= {hash_of(each) for each in (*owners, *members)}
    return frozenset(found - {""})


def _is_updated(life: PodLife, fresh: frozenset[str]) -> bool:
    """ReplicationControllers have no hashes: there a Pod that was made after the change is new."""
    return life.hash in fresh if life.hash else life.is_new


def _timeline(course: Course, life: PodLife, updated: bool) -> PodTimeline:
    pod, owner = life.pod, course.owner_of(life.pod)
    images = [str(each.get("image", "")) for each in pod["spec"]["containers"]]
    return PodTimeline(
        name=objects.name(pod),
        namespace=objects.namespace(pod),
        workload=owner.shown if owner else "",
        version=", ".join(images),
        hash=life.hash,
        updated=updated,
        node=str(pod["spec"].get("nodeName") or ""),
        phases=tuple(life.phases),
        restarts=_restarts(pod),
    )


def _restarts(pod: JSON) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(each.get("restartCount") or 0) for each in statuses), default=0)
