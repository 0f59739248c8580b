"""The chain of evidence for a hang: what happened, in order, from the change to what holds it up. Pure."""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import NODES, POD_DISRUPTION_BUDGETS
from seatrial.machinery import conditions, objects, times
from seatrial.rehearse.course import Course
from seatrial.rehearse.lives import PodLife
from seatrial.rehearse.result import EventLine, Finding, Step
from seatrial.rehearse.rules import held
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
_PROBED = frozenset({"never-ready", "liveness-kills-slow-starter"})
"""Rules about probes. In all others a probe that fails is a consequence."""


def chain(
    course: Course,
    cases: Sequence[Case],
    causes: Sequence[Finding],
    happened: Sequence[Step] = (),
    *,
    refused: bool = False,
) -> tuple[Step, ...]:
    """In order of time; [] when nothing hangs. `happened`: what was done to the cluster, or refused, from outside;
    `refused`: the change was, for good.
    """
    if not causes:
        return ()
    cause = causes[0]
    if refused:
        return tuple(Step(0.0, name, cause.message) for name in cause.objects)
    # Of many Pods in the same plight one is enough.
    named = {name for name in cause.objects if not name.startswith("pod/")} | set(cause.objects[:1])
    steps = [step for case in cases for step in (*_orders(case), *held.holders(case, cause), *_budgets(case, named))]
    steps += [*happened, *_scales(course), *_lives(course, named), *_nodes(course, named)]
    steps += _events(course, named, cause.rule)
    for case in cases:
        steps += [*_conditions(case), *_held_back(case, cause.rule)]
    steps.sort(key=lambda step: step.time_seconds)
    return tuple(steps if len(steps) <= LONGEST else (*steps[: LONGEST // 2], *steps[-LONGEST // 2 :]))


def _orders(case: Case) -> list[Step]:
    """What was asked for; sizes of what has one itself are told as such."""
    sized = {(event.time_seconds, event.object) for event in case.course.scales}
    mine = [step for one, step in case.course.orders if one == case.target]
    return [step for step in mine if (step.time_seconds, step.object) not in sized]


def _scales(course: Course) -> Iterator[Step]:
    """The first and the last change of each set's size."""
    by_object: dict[str, list[Step]] = {}
    for event in course.scales:
        text = f"is made, size {event.to}" if event.from_ < 0 else f"size {event.from_} → {event.to}"
        step = Step(event.time_seconds, event.object, text)
        by_object.setdefault(event.object, []).append(step)
    for steps in by_object.values():
        yield steps[0]
        if len(steps) > 1:
            yield steps[-1]


def _lives(course: Course, named: set[str]) -> Iterator[Step]:
    """When a Pod got anywhere for the first time; one that goes round in circles is told once."""
    for life in course.lives.values():
        if shown(life) not in named:
            continue
        node = f"node/{life.pod['spec'].get('nodeName') or ''}"
        told: set[str] = set()
        for phase in life.phases:
            back = phase.state == "starting" and "is ready" in told
            text = "is not ready any more" if back else _STATES[phase.state].format(node=node)
            if text not in told:
                told.add(text)
                yield Step(phase.time_seconds, shown(life), text)
        if life.state == "terminating" and objects.finalizers(life.pod):
            kept = ", ".join(objects.finalizers(life.pod))
            yield Step(life.phases[-1].time_seconds, shown(life), f"is kept by its finalizers: {kept}")


def _nodes(course: Course, named: set[str]) -> Iterator[Step]:
    """Nodes that have gone silent."""
    for node in course.all(NODES):
        ready = conditions.find(node, "Ready") or {}
        name = f"node/{objects.name(node)}"
        if name in named and ready.get("status") != "True":
            at = times.parse_time(ready["lastTransitionTime"]) if ready.get("lastTransitionTime") else course.began
            text = ": ".join(str(ready[key]) for key in ("reason", "message") if ready.get(key))
            yield Step(max(round(at - course.began, 3), 0.0), name, text or "is not ready")


def _events(course: Course, named: set[str], rule: str) -> Iterator[Step]:
    """Each kind of warning once, when it was first given, with how often in all."""
    first: dict[tuple[str, str], EventLine] = {}
    often: dict[tuple[str, str], int] = {}
    owned = {event.object for event in course.scales}
    for event in course.events:
        if event.type != "Warning" or (event.object not in named and event.object not in owned):
            continue
        if event.reason == "Unhealthy" and rule not in _PROBED:
            continue
        # Readiness, liveness and startup probes give the same reason.
        key = event.object, _kind(event) if event.reason == "Unhealthy" else event.reason
        # Names and details differ from try to try.
        same = _kind(event) in (_kind(first.setdefault(key, event)), "(combined")
        often[key] = max(often.get(key, 0) + same, event.count if same else 0)
    for key, event in first.items():
        times_ = f" ({often[key]} times)" if often[key] > 1 else ""
        yield Step(event.time_seconds, event.object, f"{event.reason}: {event.message}{times_}")


def _kind(event: EventLine) -> str:
    return event.message.partition(" ")[0]


_SETTINGS = {
    "paused": "has spec.paused: true",
    "on-delete": "has updateStrategy.type: OnDelete",
    "partition": "has an updateStrategy.rollingUpdate.partition that spares all its Pods",
}
"""Rules under which nothing happens, and the setting that it comes from."""


def _held_back(case: Case, rule: str) -> Iterator[Step]:
    """Nothing happens to the Pods: what forbids it, and who runs on as before."""
    if rule not in _SETTINGS:
        return
    at = max((step.time_seconds for step in _orders(case)), default=0.0)
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


def _budgets(case: Case, named: set[str]) -> Iterator[Step]:
    """What a budget says that refused an eviction."""
    for budget in case.there(POD_DISRUPTION_BUDGETS):
        status = budget.get("status") or {}
        name = f"poddisruptionbudget/{objects.name(budget)}"
        if name in named:
            healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
            allowed = int(status.get("disruptionsAllowed") or 0)
            spared = f"{allowed} disruptions" if allowed > 1 else "1 disruption" if allowed else "no disruption"
            yield Step(0.0, name, f"needs {needed} healthy Pods, and {healthy} are: it allows {spared}")


def shown(life: PodLife) -> str:
    """`pod/web-1`."""
    return f"pod/{objects.name(life.pod)}"
