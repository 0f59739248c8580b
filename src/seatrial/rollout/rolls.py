"""How each revision's roll went: when it began, how long it took, its lowest availability, whether it was completed.

Nobody records that; it is put together from what a cluster keeps: creation times, conditions, events, the Pods' ready
times. So all is in whole seconds; of the revision that is rolled out now much is known, of earlier ones only what
their events tell, for an hour. What can't be known is None, what is known in part says so (`Figure.bound`).

An old Pod counts as available until it is deleted: that it failed by itself leaves no trace here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import conditions, go_duration, objects, times
from seatrial.rollout import progress
from seatrial.rollout.recorded_steps import Record, Step
from seatrial.rollout.revision_log import Revision
from seatrial.workloads import controller_revisions, pods, template_hash

EXACTLY, AT_LEAST, AT_MOST = "exactly", "at least", "at most"
_SIGN = {EXACTLY: "", AT_LEAST: "≥", AT_MOST: "≤"}
START_SECONDS = 2.0
"""The first event of a roll is at most this much later than the object that it is about."""


@dataclass(frozen=True)
class Figure:
    """A number, and whether it is `exactly` so, `at least` or `at most`."""

    value: float
    bound: str = EXACTLY


@dataclass(frozen=True)
class Roll:
    """`desired`: the Pods that were wanted. `told`: what stands in the way, or why nothing is known; "" if all is."""

    started: float | None = None
    took: Figure | None = None
    lowest: Figure | None = None
    desired: int | None = None
    completed: bool | None = None
    told: str = ""


UNKNOWN = Roll(told="its events have expired")


@dataclass(frozen=True)
class Evidence:
    """What a cluster tells. `pods` by the name of the object that holds the revision; `made` the events of who owns
    them: the ReplicaSets', by name, or, as "", the set's own.
    """

    obj: JSON
    kind: str
    log: Sequence[Revision]
    pods: dict[str, list[JSON]]
    scaling: Record
    made: dict[str, Record]
    now: float


def of(evidence: Evidence) -> dict[int, Roll]:
    """The roll of each revision, by number."""
    current = _current(evidence)
    rolls = {each.number: UNKNOWN for each in evidence.log}
    if evidence.kind == "Deployment":
        rolls |= _earlier(evidence)
    if current:
        rolls[current.number] = _roll_now(evidence, current)
    return rolls


def _current(evidence: Evidence) -> Revision | None:
    template = evidence.obj["spec"]["template"]
    same = [each for each in evidence.log if template_hash.equal_ignoring_hash(each.template, template)]
    return same[-1] if same else None


# The roll that is going on, or was the last one.


def _roll_now(evidence: Evidence, revision: Revision) -> Roll:
    new = evidence.pods.get(_name(revision), [])
    seconds = int(evidence.obj["spec"].get("minReadySeconds") or 0)
    available = [_available_at(pod, seconds) for pod in new]
    ready = sorted(at for at in available if at is not None)
    seen = progress.of(evidence.obj, evidence.kind)
    record = evidence.made.get(_name(revision) if evidence.kind == "Deployment" else "", Record((), ()))
    started, exact = _started(evidence, revision, record, new)
    if started is None:
        return Roll(desired=seen.desired, completed=seen.done, told="its first events have expired")
    every = _each_made_once(record, started, new)
    ended, sure = (evidence.now, False) if not seen.done else _ended(evidence, ready, record, started, every)
    told = "" if seen.done else seen.error or "it is still rolling"
    bound = _bound(exact, sure or not seen.done, done=seen.done)
    took = Figure(max(0.0, ended - started), bound) if bound else None
    lowest = _lowest_now(evidence, revision, started, ended, ready) if every else None
    return Roll(started, took, lowest, seen.desired, seen.done, told)


def _bound(start_is_exact: bool, end_is_exact: bool, *, done: bool) -> str:
    """Start and end are never earlier than they seem. "" where both may be later: then nothing is known."""
    if not done or not start_is_exact:
        return AT_LEAST if not done or end_is_exact else ""
    return EXACTLY if end_is_exact else AT_MOST


def _started(evidence: Evidence, revision: Revision, record: Record, new: Sequence[JSON]) -> tuple[float | None, bool]:
    """When the roll began, and whether just then. A revision that was brought back is older than its last roll: its
    first Pod made since it had none (any more) shows it.
    """
    if not _was_brought_back(evidence, revision):
        return times.parse_time(revision.when), True
    began: float | None = None
    if evidence.kind == "Deployment":
        for segment in _segments(evidence.scaling.steps):
            if segment[0].name == _name(revision):
                began = segment[0].at
        if began is not None and evidence.scaling.is_whole(began - 1, began + 1):
            return began, True
        standing = {objects.name(pod) for pod in new}
        made = [step.at for step in record.steps if step.after and step.name in standing]
        if made and len(made) == len(standing):
            return min(made), True
    # All Pods of a revision that had none when it was brought back were made in its last roll or later.
    births = [times.parse_time(objects.creation_timestamp(pod)) for pod in new]
    return (min(births), False) if births else (None, False)


def _was_brought_back(evidence: Evidence, revision: Revision) -> bool:
    return bool(revision.formerly) or any(
        each.number < revision.number and each.when > revision.when for each in evidence.log
    )


def _ended(
    evidence: Evidence, ready: Sequence[float], record: Record, started: float, every: bool
) -> tuple[float, bool]:
    """When the last Pod was there, and whether just then: a Pod that was replaced since is not of the roll."""
    condition = conditions.find(evidence.obj.get("status") or {}, "Progressing") or {}
    if condition.get("reason") == "NewReplicaSetAvailable" and condition.get("lastUpdateTime"):
        return times.parse_time(condition["lastUpdateTime"]), True
    gone = [step.at for step in evidence.scaling.steps if step.at >= started and step.before and not step.after]
    return max([*ready, *gone, started]), every and record.is_whole(started, evidence.now)


def _each_made_once(record: Record, started: float, new: Sequence[JSON]) -> bool:
    """All these Pods were made in the roll or before it, and the events of that are there still."""
    made = [step.name for step in record.steps if step.after and step.at >= started - START_SECONDS]
    late = [pod for pod in new if times.parse_time(objects.creation_timestamp(pod)) >= started]
    return bool(made) and sorted(set(made)) == sorted(objects.name(pod) for pod in late)


def _lowest_now(
    evidence: Evidence, revision: Revision, started: float, ended: float, ready: Sequence[float]
) -> Figure | None:
    """The lowest number of Pods available while it rolled: old ones until they are deleted, new ones once they are
    available. Where a roll cut another one short, nobody knows whether that one's Pods ever were: they don't count.
    """
    others = [each for each in evidence.log if each.number != revision.number]
    if not any(each.number < revision.number for each in others):
        return None
    losses = _losses(evidence, others, started, ended)
    if losses is None:
        return None
    left = {_name(each): len(evidence.pods.get(_name(each), [])) for each in others}
    if evidence.kind == "Deployment":
        left = {_name(each): int(each.kept["spec"].get("replicas") or 0) for each in others}
    bound = EXACTLY
    if evidence.kind == "Deployment":
        full = [each for each in others if left[_name(each)] or any(step.name == _name(each) for step in losses)]
        if len(full) > 1 or (full and any(at < started for at in ready)):
            cut = _name(max(full, key=lambda each: each.number))
            losses, left, bound = [step for step in losses if step.name != cut], {**left, cut: 0}, AT_LEAST
    drops = [(step.at, (step.before or 0) - step.after) for step in losses]
    return Figure(lowest(started, ended, sum(left.values()), drops, ready), bound)


def lowest(started: float, ended: float, left: int, drops: Sequence[tuple[float, int]], ready: Sequence[float]) -> int:
    """The least of (old Pods + new ones available). `left`: the old ones in the end; `drops`: how many went when.
    What happens in one second counts together: a Pod goes because another has come.
    """
    moments = {started, *(at for at, _ in drops), *ready}
    return min(
        left + sum(count for at, count in drops if at > moment) + sum(at <= moment for at in ready)
        for moment in sorted(moments)
        if started <= moment <= ended
    )


def _losses(evidence: Evidence, others: Iterable[Revision], started: float, ended: float) -> list[Step] | None:
    """The old Pods' going; None where events are missing. A Deployment's own events tell, or its ReplicaSets'."""
    if evidence.kind != "Deployment":
        record = evidence.made.get("", Record((), ()))
        gone = [step for step in record.steps if not step.after and started <= step.at <= ended]
        return gone if record.is_whole(started, ended) else None
    names = {_name(each) for each in others}
    scaling = evidence.scaling
    steps = [step for step in scaling.steps if step.name in names and started <= step.at <= ended]
    if scaling.is_whole(started, ended) and steps and all(step.before is not None for step in steps):
        return steps
    records = {name: evidence.made.get(name, Record((), ())) for name in names}
    if not all(record.is_whole(started, ended) for record in records.values()):
        return None
    return [
        Step(step.at, name, 1, 0)
        for name, record in sorted(records.items())
        for step in record.steps
        if not step.after and started <= step.at <= ended
    ]


def _available_at(pod: JSON, min_ready_seconds: int) -> float | None:
    since = None if objects.is_terminating(pod) else pods.ready_since(pod)
    return None if since is None else since + min_ready_seconds


def _name(revision: Revision) -> str:
    return objects.name(revision.kept)


def pods_of(kind: str, log: Sequence[Revision], found: Iterable[JSON]) -> dict[str, list[JSON]]:
    """The Pods of each revision, by the name of what holds it."""
    every = list(found)
    if kind == "Deployment":
        return {_name(each): [pod for pod in every if objects.is_controlled_by(pod, each.kept)] for each in log}
    label = controller_revisions.POD_LABEL
    return {
        _name(each): [
            pod
            for pod in every
            if objects.labels(pod).get(label) in (_name(each), objects.labels(each.kept).get(label) or _name(each))
        ]
        for each in log
    }


# Rolls before that: a Deployment's own events, as long as they are there.


def _earlier(evidence: Evidence) -> dict[int, Roll]:
    segments = _segments(evidence.scaling.steps)
    return {
        each.number: _roll_of(evidence, each, segments)
        for each in evidence.log
        if any(segment[0].name == _name(each) for segment in segments)
    }


def _segments(steps: Sequence[Step]) -> list[list[Step]]:
    """A roll is towards the ReplicaSet that grows: it lasts until another one does. Where two grow in one second the
    Deployment is scaled while it rolls.
    """
    segments: list[list[Step]] = []
    target = ""
    for index, step in enumerate(steps):
        grows = step.before is None or step.after > step.before
        if grows and step.name != target and not _is_scaled_with(target, step, steps[: index + 2]):
            target = step.name
            segments.append([])
        if segments:
            segments[-1].append(step)
    return segments


def _is_scaled_with(target: str, step: Step, near: Sequence[Step]) -> bool:
    return any(
        each.name == target and each.at == step.at and each.before is not None and each.after > each.before
        for each in near
    )


def _roll_of(evidence: Evidence, revision: Revision, segments: Sequence[Sequence[Step]]) -> Roll:
    """One that another has followed. Its Pods are gone, so nobody knows when the last of them was available."""
    name = _name(revision)
    index = max(number for number, segment in enumerate(segments) if segment[0].name == name)
    segment = segments[index]
    brought_back = _was_brought_back(evidence, revision)
    started = segment[0].at if brought_back else times.parse_time(revision.when)
    sizes = {step.name: step.after for step in segment}
    desired = max(step.after for step in segment if step.name == name)
    gone = [step.at for step in segment if step.name != name]
    surely_began = not brought_back or evidence.scaling.is_whole(started - 1, started + 1)
    if not surely_began or not evidence.scaling.is_whole(started, segment[-1].at):
        return Roll(None if brought_back else started, told="events tell only a part of it")
    took = Figure(max(gone) - started, AT_LEAST) if gone else None
    others = {each: size for each, size in sizes.items() if each != name and size}
    if others:
        told = f"another followed at {sizes[name]} new and {sum(others.values())} old Pods"
        return Roll(started, took, None, desired, False, told)
    return Roll(started, took, None, desired, True if gone else None)


# For people and scripts.


def shown(roll: Roll) -> tuple[str, str, str]:
    """How long, the lowest availability, whether completed: as cells of a table, `-` for what nobody knows."""
    took = f"{_SIGN[roll.took.bound]}{go_duration.rounded(roll.took.value)}" if roll.took else "-"
    lowest = f"{_SIGN[roll.lowest.bound]}{roll.lowest.value:.0f}/{roll.desired}" if roll.lowest else "-"
    return took, lowest, {True: "yes", False: "no", None: "-"}[roll.completed]


def data(roll: Roll) -> JSON:
    """For scripts: a figure is null, or a number with its bound."""
    return {
        "started": None if roll.started is None else times.format_time(roll.started),
        "took_seconds": _figure(roll.took),
        "lowest_available": _figure(roll.lowest),
        "desired": roll.desired,
        "completed": roll.completed,
        "told": roll.told,
    }


def _figure(figure: Figure | None) -> JSON | None:
    return None if figure is None else {"value": figure.value, "bound": figure.bound}
