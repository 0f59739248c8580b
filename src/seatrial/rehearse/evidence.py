"""The chain of evidence for a hang: what happened to the Pod that does not come up, in order, with times. Pure."""

from collections.abc import Iterator, Sequence

from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.course import Course, PodLife
from seatrial.rehearse.result import Finding, Step
from seatrial.rehearse.rules.base import Case

LONGEST = 12
_STATES = {
    "pending": "was made, and waits for a node",
    "pulling": "is bound to {node}",
    "starting": "runs on {node}",
    "ready": "is ready",
    "terminating": "is being deleted",
    "finished": "has finished",
    "gone": "is gone",
}


def chain(course: Course, cases: Sequence[Case], causes: Sequence[Finding]) -> tuple[Step, ...]:
    """In order of time; [] when nothing hangs."""
    if not causes:
        return ()
    if causes[0].rule == "change-refused":
        return tuple(Step(0.0, name, causes[0].message) for name in causes[0].objects)
    # Of many Pods in the same plight one is enough.
    named = set(causes[0].objects[:2])
    steps = [*_scales(course), *_lives(course, named), *_events(course, named)]
    for case in cases:
        steps += _conditions(case)
        steps += _held_back(case, causes[0].rule)
    steps.sort(key=lambda step: step.time_seconds)
    return tuple(steps if len(steps) <= LONGEST else (*steps[: LONGEST // 2], *steps[-LONGEST // 2 :]))


def _scales(course: Course) -> Iterator[Step]:
    """The first and the last change of each set's size."""
    by_object: dict[str, list[Step]] = {}
    for event in course.scales:
        before = "new" if event.from_ < 0 else str(event.from_)
        step = Step(event.time_seconds, event.object, f"size {before} → {event.to}")
        by_object.setdefault(event.object, []).append(step)
    for steps in by_object.values():
        yield steps[0]
        if len(steps) > 1:
            yield steps[-1]


def _lives(course: Course, named: set[str]) -> Iterator[Step]:
    for life in course.lives.values():
        if shown(life) in named:
            for phase in life.phases:
                node = f"node/{life.pod['spec'].get('nodeName') or ''}"
                yield Step(phase.time_seconds, shown(life), _STATES[phase.state].format(node=node))


def _events(course: Course, named: set[str]) -> Iterator[Step]:
    """Each kind of warning once, when it was first given, with how often in all."""
    first: dict[tuple[str, str], Step] = {}
    often: dict[tuple[str, str], int] = {}
    owned = {event.object for event in course.scales}
    for event in course.events:
        if event.type != "Warning" or (event.object not in named and event.object not in owned):
            continue
        key = event.object, event.reason
        often[key] = max(often.get(key, 0) + 1, event.count)
        first.setdefault(key, Step(event.time_seconds, event.object, f"{event.reason}: {event.message}"))
    for key, step in first.items():
        times = f" ({often[key]} times)" if often[key] > 1 else ""
        yield Step(step.time_seconds, step.object, step.text + times)


_SETTINGS = {
    "paused": "has spec.paused: true",
    "on-delete": "has updateStrategy.type: OnDelete",
    "partition": "has an updateStrategy.rollingUpdate.partition that spares all its Pods",
}
"""Rules under which nothing happens, and the setting that it comes from."""


def _held_back(case: Case, rule: str) -> Iterator[Step]:
    """Nothing happens to the Pods: what was asked for, what forbids it, and who runs on as before."""
    if rule not in _SETTINGS:
        return
    orders = [step for one, step in case.course.orders if one == case.target]
    yield from orders
    at = orders[-1].time_seconds if orders else 0.0
    yield Step(at, case.name, _SETTINGS[rule])
    until = round(case.now - case.course.began, 3)
    for life in case.lives[: LONGEST // 3]:
        if not life.is_new and life.state == "ready":
            yield Step(until, shown(life), "runs as before the change")


def _conditions(case: Case) -> Iterator[Step]:
    progressing = conditions.find(case.obj.get("status") or {}, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        at = times.parse_time(progressing["lastTransitionTime"]) - case.course.began
        yield Step(round(at, 3), case.name, str(progressing.get("message", "")))


def shown(life: PodLife) -> str:
    """`pod/web-1`."""
    return f"pod/{objects.name(life.pod)}"
