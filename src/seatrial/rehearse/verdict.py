"""From the course of an update to the verdict: does it complete, and if not, where and why does it hang? Pure.

Causes are read from the objects and events as `seatrial rollout status` reads them (rollout/obstacles.py).
"""

from collections.abc import Sequence
from typing import Literal

from seatrial.api.registry import EVENTS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse import durations
from seatrial.rehearse.course import Course, PodLife, hash_of
from seatrial.rehearse.result import Finding, PodTimeline, Result
from seatrial.rehearse.target import Target, counts
from seatrial.rollout import newest, obstacles

Decided = Literal["completed", "standstill", "horizon"]


def judge(course: Course, decided_by: Decided, now: float, assumptions: Sequence[str] = ()) -> Result:
    """The verdict of one rehearsal. `now`: when it ended (seconds since 1970)."""
    state = {one: course.object_of(one) for one in course.targets}
    numbers = [counts(obj) for obj in state.values() if obj is not None]
    done = course.complete_at is not None
    ended = course.complete_at if course.complete_at is not None else course.news_at
    found = [] if done else causes(course, now)
    reason = found[0].message if found else ("" if done else _unexplained(course))
    seconds = round(ended - course.began, 3)
    least = min((sample.available for sample in course.samples), default=0)
    desired = sum(each.desired for each in numbers)
    hashes = new_hashes(course)
    fresh = sum(life.ready and _is_updated(life, hashes) for life in course.lives.values())
    return Result(
        verdict="completes" if done else "hangs",
        reason=reason,
        duration_seconds=seconds,
        min_available=least,
        max_pods=course.most_pods,
        scale_events=tuple(course.scales),
        findings=tuple(found),
        headline=headline(done, seconds, least, desired, fresh, reason),
        decided_by=decided_by,
        workloads=tuple(one.shown for one in course.targets),
        desired=desired,
        updated_available=fresh,
        min_ready_pods=min((sample.ready for sample in course.samples), default=0),
        promised_available=sum(each.promised for each in numbers),
        pods=tuple(_timeline(course, life, _is_updated(life, hashes)) for life in course.lives.values()),
        availability=tuple(course.samples),
        events=tuple(course.events),
        assumptions=tuple(assumptions),
        conditions=_conditions(state),
    )


def headline(done: bool, seconds: float, least: int, desired: int, fresh: int, reason: str) -> str:
    """The verdict's first line."""
    took = durations.told(seconds)
    if done:
        when = f"in {took}" if seconds else "at once"
        return f"COMPLETES {when}, at least {least} of {desired} Pods available"
    return f"HANGS at {fresh}/{desired} after {took}: {reason}"


def causes(course: Course, now: float) -> list[Finding]:
    """What stands in the way now, the surest first."""
    found = []
    for one in course.targets:
        obj = course.object_of(one)
        if obj is None:
            continue
        owners, members = newest.of(obj, one.resource.kind, course)
        for obstacle in obstacles.find(members, owners, course.all(EVENTS), now):
            where = f"pod/{obstacle.pod}" if obstacle.pod else one.shown
            found.append(Finding(obstacle.reason, str(obstacle), (where,), severity="problem"))
    return found


def _unexplained(course: Course) -> str:
    for one in course.targets:
        obj = course.object_of(one)
        if obj is None:
            return f"{one.shown} is not there any more"
        if not counts(obj).complete:
            return f"{one.shown} is not complete, and nothing says why"
    return "nothing says why"


def new_hashes(course: Course) -> frozenset[str]:
    """Which template hashes are those of the new version."""
    found = set()
    for one in course.targets:
        obj = course.object_of(one)
        if obj is not None:
            owners, members = newest.of(obj, one.resource.kind, course)
            found |= {hash_of(each) for each in (*owners, *members)}
    return frozenset(found - {""})


def _is_updated(life: PodLife, fresh: frozenset[str]) -> bool:
    """ReplicationControllers have no hashes: there a Pod that was made after the change is new."""
    return life.hash in fresh if life.hash else life.phases[0].time_seconds > 0


def _timeline(course: Course, life: PodLife, updated: bool) -> PodTimeline:
    pod, owner = life.pod, course.owner_of(life.pod)
    images = [str(each.get("image", "")) for each in pod["spec"]["containers"]]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return PodTimeline(
        name=objects.name(pod),
        namespace=objects.namespace(pod),
        workload=owner.shown if owner else "",
        version=", ".join(images),
        hash=life.hash,
        updated=updated,
        node=str(pod["spec"].get("nodeName") or ""),
        phases=tuple(life.phases),
        restarts=max((int(each.get("restartCount") or 0) for each in statuses), default=0),
    )


def _conditions(state: dict[Target, JSON | None]) -> JSON:
    return {
        one.shown: (obj.get("status") or {}).get("conditions") or [] for one, obj in state.items() if obj is not None
    }
