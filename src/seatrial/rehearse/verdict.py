"""From the course of an update to the verdict: does it complete, and if not, where and why does it hang? Pure.

Causes are read from the objects and events as `seatrial rollout status` reads them (rollout/obstacles.py).
"""

from collections.abc import Sequence
from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.node.runtimes.simulated import Model
from seatrial.rehearse import evidence, headline, peak, problems, timelines
from seatrial.rehearse.course import Course
from seatrial.rehearse.ending import Ending
from seatrial.rehearse.remedies.proposals import proposals
from seatrial.rehearse.result import Result
from seatrial.rehearse.rules import catalogue
from seatrial.rehearse.rules.base import Case


def cases(course: Course, model: Model, now: float) -> list[Case]:
    """The workloads that are still there, for the rules."""
    found = [(one, course.object_of(one)) for one in course.targets]
    return [Case(one, obj, course, model, now) for one, obj in found if obj is not None]


def judge(
    course: Course,
    ending: Ending,
    model: Model,
    assumptions: Sequence[str] = (),
    *,
    made_up: bool = False,
    configurations: Sequence[JSON] = (),
) -> Result:
    """The verdict of one rehearsal. `made_up`: its Pods have names that only the rehearsal gave them;
    `configurations`: those of admission webhooks.
    """
    workloads = cases(course, model, ending.now)
    done = course.complete_at is not None and not ending.unfinished
    found = [] if done else problems.find(workloads, ending)
    warned = [*(problems.left_behind(workloads) if done else ()), *catalogue.of_all(workloads)]
    ended = course.complete_at if done and course.complete_at is not None else course.news_at
    seconds = round(ended - course.began, 3)
    result = _counted(course, workloads, seconds)
    result = replace(
        result,
        verdict="completes" if done else "hangs",
        reason="" if done else problems.reason(found, workloads, ending),
        findings=(*found, *warned),
        decided_by="completed" if done else ending.decided_by,
        evidence=evidence.chain(
            course, workloads, found, (*ending.happened, *ending.refusals), refused=ending.refusal is not None
        ),
        remedies=tuple(proposals(workloads, found, made_up=made_up, seconds=seconds, configurations=configurations)),
        happened=ending.happened,
        assumptions=tuple(assumptions),
    )
    return replace(result, headline=headline.of(result))


def _counted(course: Course, workloads: Sequence[Case], seconds: float) -> Result:
    """What needs no judgement: figures, lives, events."""
    counts = [case.counts for case in workloads]
    pods = timelines.of(course, workloads)
    at_first, most = peak.of(course.lives.values())
    return Result(
        verdict="hangs",
        reason="",
        duration_seconds=seconds,
        min_available=min((sample.available for sample in course.samples), default=0),
        max_pods=course.most_pods,
        scale_events=tuple(course.scales),
        workloads=tuple(one.shown for one in course.targets),
        desired=sum(each.desired for each in counts),
        is_new=not any(one.is_this(obj) for one in course.targets for obj in course.at_first(one.resource)),
        updated_available=sum(pod.updated and pod.phases[-1].state == "ready" for pod in pods),
        min_ready_pods=min((sample.ready for sample in course.samples), default=0),
        promised_available=sum(each.promised for each in counts),
        peak=most,
        at_first=at_first,
        pods=pods,
        availability=tuple(course.samples),
        events=tuple(course.events),
        conditions={case.name: (case.obj.get("status") or {}).get("conditions") or [] for case in workloads},
    )
