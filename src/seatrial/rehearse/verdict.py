"""From the course of an update to the verdict: does it complete, and if not, where and why does it hang? Pure.

Causes are read from the objects and events as `seatrial rollout status` reads them (rollout/obstacles.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.node.runtimes.simulated import Model
from seatrial.rehearse import durations, evidence
from seatrial.rehearse.course import Course, PodLife, hash_of
from seatrial.rehearse.remedies.proposals import proposals
from seatrial.rehearse.result import Finding, PodTimeline, Result, Step
from seatrial.rehearse.rules import catalogue, causes
from seatrial.rehearse.rules.base import Case
from seatrial.rehearse.target import Counts
from seatrial.rollout import newest

_POD = re.compile(r"\bpod [\w.-]+")
Decided = Literal["completed", "standstill", "horizon", "refused"]


@dataclass(frozen=True)
class Ending:
    """How a rehearsal ended. `now` in seconds since 1970.

    `refusals`: the steps of a change that were refused to the end, since when, and why; `unfinished`: the change that
    was not done; `refusal`: why the API server would have none of it; `happened`: the faults.
    """

    decided_by: Decided
    now: float
    unfinished: str = ""
    refusals: tuple[Step, ...] = ()
    refusal: str = ""
    happened: tuple[Step, ...] = ()


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
    ended = course.complete_at if done and course.complete_at is not None else course.news_at
    warned = [finding for case in workloads for finding in catalogue.warnings(case)]
    problems = [] if done else _with_words(problems_of(workloads, ending), warned)
    proved = problems and ending.decided_by != "horizon"
    reason = problems[0].message if proved else ("" if done else _unexplained(workloads, ending))
    seconds = round(ended - course.began, 3)
    least = min((sample.available for sample in course.samples), default=0)
    counts = [case.counts for case in workloads]
    desired = sum(each.desired for each in counts)
    hashes = new_hashes(workloads)
    fresh = sum(life.ready and _is_updated(life, hashes) for life in course.lives.values())
    return Result(
        verdict="completes" if done else "hangs",
        reason=reason,
        duration_seconds=seconds,
        min_available=least,
        max_pods=course.most_pods,
        scale_events=tuple(course.scales),
        findings=(*problems, *warned),
        headline=headline(done, seconds, (least, fresh, desired), reason, decided_by=ending.decided_by),
        decided_by=ending.decided_by,
        workloads=tuple(one.shown for one in course.targets),
        desired=desired,
        updated_available=fresh,
        min_ready_pods=min((sample.ready for sample in course.samples), default=0),
        promised_available=_promised(counts),
        evidence=evidence.chain(course, workloads, problems, (*ending.happened, *ending.refusals)),
        remedies=tuple(proposals(workloads, problems, made_up=made_up, seconds=seconds, configurations=configurations)),
        pods=tuple(_timeline(course, life, _is_updated(life, hashes)) for life in course.lives.values()),
        availability=tuple(course.samples),
        events=tuple(course.events),
        happened=ending.happened,
        assumptions=tuple(assumptions),
        conditions={case.name: (case.obj.get("status") or {}).get("conditions") or [] for case in workloads},
    )


def headline(
    done: bool,
    seconds: float,
    counts: tuple[int, int, int],
    reason: str,
    spread: str = "",
    decided_by: Decided = "completed",
) -> str:
    """The verdict's first line. `counts`: least available, updated and ready, desired; `spread`: `p95 2m55s`."""
    least, fresh, desired = counts
    took = durations.told(seconds)
    if done:
        when = f"in {took}" if seconds else "at once"
        return f"COMPLETES {when}{f' ({spread})' if spread else ''}, at least {least} of {desired} Pods available"
    if decided_by == "refused":
        return f"REFUSED: {reason}"
    found = "UNDECIDED" if decided_by == "horizon" else "HANGS"
    return f"{found} at {fresh}/{desired} after {took}: {reason}"


def problems_of(workloads: Sequence[Case], ending: Ending) -> list[Finding]:
    """What stands in the way at the end, the surest first."""
    if ending.refusal:
        named = tuple(case.name for case in workloads)
        return [causes.problem("change-refused", f"{ending.unfinished}: {ending.refusal}", named)]
    found = [
        causes.problem("drain-refused", f"{ending.unfinished}: {one.object}: {one.text}", _with_budgets(workloads, one))
        for one in ending.refusals
        if ending.unfinished
    ]
    for case in workloads:
        if not case.counts.complete:
            found += causes.of(case)
    return _together(found)


def _with_budgets(workloads: Sequence[Case], refused: Step) -> tuple[str, ...]:
    """A Pod that may not be evicted, and the budgets that choose it."""
    budgets = [
        f"poddisruptionbudget/{objects.name(budget)}"
        for case in workloads
        for life in case.lives
        if evidence.shown(life) == refused.object
        for budget in case.there(POD_DISRUPTION_BUDGETS)
        if selectors.from_label_selector(budget["spec"].get("selector")).matches(objects.labels(life.pod))
    ]
    return (refused.object, *budgets)


def _together(found: Sequence[Finding]) -> list[Finding]:
    """What is said of many Pods is said once."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for each in found:
        alike.setdefault((each.rule, _POD.sub("pod", each.message)), []).append(each)
    return [_once(group) for group in alike.values()]


def _once(group: Sequence[Finding]) -> Finding:
    first = group[0]
    named = tuple(dict.fromkeys(name for each in group for name in each.objects))
    others = len({each.objects[0] for each in group if each.objects[:1] and each.objects[0].startswith("pod/")}) - 1
    more = f" (and {others} more Pod{'s' if others > 1 else ''})" if others > 0 else ""
    return replace(first, message=first.message + more, objects=named)


def _with_words(problems: Sequence[Finding], warned: Sequence[Finding]) -> list[Finding]:
    """Where a rule warns, too, what it says to do."""
    words = {each.rule: each.remedy for each in warned}
    return [replace(each, remedy=each.remedy or words.get(each.rule, "")) for each in problems]


def _promised(counts: Sequence[Counts]) -> int:
    return sum(each.promised for each in counts)


def _unexplained(workloads: Sequence[Case], ending: Ending) -> str:
    """No guess: what is known is said, and that the cause isn't."""
    left = [case for case in workloads if not case.counts.complete]
    if ending.unfinished:
        return f"{ending.unfinished} is not done"
    if not left:
        return "the workloads are not there any more"
    counts = left[0].counts
    state = f"{counts.updated} of {counts.desired} updated, {counts.available} available, {counts.total} in all"
    if ending.decided_by == "horizon":
        return f"{left[0].name} still moves when the time is up ({state}); a longer horizon may decide"
    return f"{left[0].name} does not go on ({state}), and no object or event says why"


def new_hashes(workloads: Sequence[Case]) -> frozenset[str]:
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
