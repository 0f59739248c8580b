"""What a Service's roll does next. Pure: from what is there (objects, and the records on them) to one step.

    forward    workload by workload: first step of N Pods, which has to hold · the rest · put back what was changed
    trouble    undo: this workload goes back, then all that were rolled before it · pause: it stays · keep: it goes on
    the end    the records go, and nothing is left of the roll

Each step can be done twice and the run can die after any of them: the next look tells what is left to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout.progress import Progress
from seatrial.rollout.service import change, levers, record
from seatrial.rollout.service.change import Target
from seatrial.rollout.service.ending import Ending, Trouble
from seatrial.rollout.service.record import Record, Stage
from seatrial.rollout.workload import Workload
from seatrial.workloads.revisions import CHANGE_CAUSE

OnFailure = Literal["undo", "pause", "keep"]
CAUSE_LENGTH = 300
STUCK = "it holds the others up, and its version is not wanted any more"


@dataclass(frozen=True)
class Options:
    """`timeout` 0: none. `canary` 0: no first step; `wait`: how long its Pods have to be ready, in seconds."""

    on_failure: OnFailure = "undo"
    timeout: float = 0.0
    max_unavailable: int | str | None = None
    canary: int = 0
    wait: float = 0.0


@dataclass(frozen=True)
class Member:
    """One workload at one moment.

    `made`: how many new Pods there are. `held`: for how many seconds all Pods of the first step have been ready,
    None while they aren't. `evictable`: Pods to evict so that the first step is made, or an undo gets on. `unserved`:
    new Pods that are ready and no endpoints. `observed`: whether the controller has seen the workload as it is.
    """

    target: Target
    obj: JSON | None
    progress: Progress
    desired: int = 0
    made: int = 0
    held: float | None = None
    evictable: Sequence[JSON] = ()
    unserved: Sequence[str] = ()
    observed: bool = True

    @property
    def workload(self) -> Workload:
        return self.target.workload

    @property
    def kind(self) -> str:
        return self.workload.resource.kind


@dataclass(frozen=True)
class View:
    """All that a step may depend on. `now`: seconds since 1970; `roll`: the id for a roll that begins now.

    `begun`: the workloads (`deployment.apps/web`) that this run has seen on their way to its own targets. `ending`: how
    it ends, once that is decided and only the records are left to go.
    """

    service: str
    members: Sequence[Member]
    options: Options
    now: float
    roll: str
    trouble: Trouble | None = None
    begun: frozenset[str] = frozenset()
    ending: Ending | None = None


@dataclass(frozen=True)
class Write:
    """Write the workload as `obj` is. With an `ending` the end is decided, and nothing but cleaning up follows."""

    workload: Workload
    obj: JSON
    because: str
    ending: Ending | None = None


@dataclass(frozen=True)
class Evict:
    """Evict a Pod."""

    workload: Workload
    pod: JSON
    because: str


@dataclass(frozen=True)
class Update:
    """A ReplicationController: let the client-side update run, to this template."""

    workload: Workload
    template: JSON
    canary: int = 0
    wait: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Nothing to do but look on."""

    because: str


@dataclass(frozen=True)
class End:
    """The roll has ended."""

    ending: Ending


Step = Write | Evict | Update | Wait | End


def decide(view: View) -> Step:
    """The next step."""
    gone = next((member for member in view.members if member.obj is None), None)
    if gone is not None:
        left = replace(view, members=[member for member in view.members if member.obj is not None])
        return _forget(left, Ending("kept", "Changed", f"{gone.workload.shown} was deleted meanwhile"))
    if view.ending is not None:
        return _forget(view, view.ending)
    records = [(member, found) for member in view.members if (found := record.of(_obj(member)))]
    undoing = [(member, found) for member, found in records if found.stage == "undoing"]
    if undoing and not _is_taken_over(view, [member for member, _ in undoing]):
        return _undo(view, records)
    for member in view.members:
        step = _forward(view, member)
        if step is not None:
            return step
    return _forget(view, Ending("rolled" if records or view.begun else "nothing to do"))


def under_way(members: Sequence[Member]) -> Member | None:
    """The one that is on its way now, to what is wanted or back; or that was there already and is not complete."""
    return next((member for member in members if member.obj is not None and _is_under_way(member)), None)


def _is_under_way(member: Member) -> bool:
    found = record.of(_obj(member))
    if found is None:
        return change.is_reached(member.target, _obj(member)) and not member.progress.done
    if found.stage in ("canary", "rolling"):
        return found.target == change.identity(member.target)
    return found.stage == "undoing"


def _obj(member: Member) -> JSON:
    assert member.obj is not None
    return member.obj


def _is_taken_over(view: View, undoing: Sequence[Member]) -> bool:
    """Whether the roll that is being undone was to something else than what is wanted now."""
    return any(
        (found := record.of(_obj(member))) is not None and found.target != change.identity(member.target)
        for member in undoing
    )


def _forward(view: View, member: Member) -> Step | None:
    """What this workload needs; None when it has all."""
    obj, found = _obj(member), record.of(_obj(member))
    wanted = change.identity(member.target)
    if found is None and change.is_reached(member.target, obj) and change.has_fields(member.target, obj):
        return None if _is_complete(member) else _in_trouble(view, member) or Wait(_waiting(member))
    if (found is None or found.target != wanted) and member.workload.shown in view.begun:
        ended = "has taken over" if found else "has ended this one"
        return End(Ending("kept", "Changed", f"{member.workload.shown}: another roll {ended} meanwhile"))
    if found is None or found.target != wanted:
        return _in_trouble(view, member) or _begin(view, member, found)
    if found.stage == "done":
        return None
    if found.stage == "paused" and view.trouble is not None:
        return End(Ending("paused", view.trouble.reason, view.trouble.message))
    if found.stage == "paused":
        return _release(view, member, found, "goes on")
    if member.kind != "ReplicationController" and not change.is_reached(member.target, obj):
        return _left_alone(view, member)
    troubled = _in_trouble(view, member)
    if troubled is not None:
        return troubled
    return _first_step(view, member, found) if found.stage == "canary" else _rolling(view, member, found)


def _begin(view: View, member: Member, former: Record | None) -> Write:
    """The first change. A roll that takes over from an unfinished one keeps what that would go back to."""
    obj, kind, options = _obj(member), member.kind, view.options
    spec, fields = obj["spec"], dict(member.target.fields)
    before = {**levers.saved(spec, kind, fields), "template": spec["template"], **(former.before if former else {})}
    after = {field: before.get(field) for field in levers.saved(spec, kind, {})} | fields
    count = min(options.canary, member.desired)
    stage: Stage = "canary" if count and kind != "ReplicationController" else "rolling"
    target = change.identity(member.target)
    note = Record(_roll_id(view), view.service, stage, _begun(view), view.now, target, before, after)
    if kind == "ReplicationController":
        return _write(member, spec, note, "begins")
    spec = {**levers.with_fields(spec, after), "template": member.target.template}
    cause = ", ".join(change.differences(member.target, obj))
    if stage == "canary":
        first = levers.first_step(spec, kind, count, options.wait)
        return _caused(view, cause, _write(member, first, note, f"first step: {count} of {member.desired}"))
    spec = levers.go_on(spec, kind, after, options.max_unavailable)
    return _caused(view, cause, _write(member, spec, note, "begins"))


def _caused(view: View, text: str, write: Write) -> Write:
    """With the cause of the revision that comes of it, as histories show it."""
    cause = f"seatrial rollout service {view.service}: {text}"
    annotations = {**objects.annotations(write.obj), CHANGE_CAUSE: cause[:CAUSE_LENGTH]}
    return replace(write, obj=objects.with_metadata(write.obj, annotations=annotations))


def _roll_id(view: View) -> str:
    known = [found.roll for member in view.members if (found := record.of(_obj(member)))]
    return known[0] if known else view.roll


def _begun(view: View) -> float:
    """A roll to the same targets has one beginning, however often it is run again."""
    same = [
        found.begun
        for member in view.members
        if (found := record.of(_obj(member))) and found.target == change.identity(member.target)
    ]
    return min(same, default=view.now)


def _write(member: Member, spec: JSON, note: Record | None, because: str, ending: Ending | None = None) -> Write:
    return Write(member.workload, {**record.put(_obj(member), note), "spec": spec}, because, ending)


def _first_step(view: View, member: Member, found: Record) -> Step:
    obj, kind = _obj(member), member.kind
    count = min(view.options.canary, member.desired)
    if not count:
        return _release(view, member, found, "no first step is wanted any more")
    if kind == "Deployment" and member.made >= count and not obj["spec"].get("paused"):
        spec = levers.with_fields(levers.stay(obj["spec"], kind), {"minReadySeconds": found.after["minReadySeconds"]})
        return _write(member, spec, found, "the first step is made: paused")
    if member.evictable:
        return Evict(member.workload, member.evictable[0], "first step" if kind == "DaemonSet" else STUCK)
    if member.held is None:
        return Wait(f"first step: {member.made} of {count} Pods made, not all ready")
    if member.held < view.options.wait:
        return Wait(f"first step: ready, and has to hold for {view.options.wait:g} s")
    if member.unserved:
        return Wait(f"first step: {', '.join(member.unserved)} not in the endpoints yet")
    return _release(view, member, found, "the first step has held")


def _release(view: View, member: Member, found: Record, because: str) -> Write:
    spec = levers.go_on(_obj(member)["spec"], member.kind, found.after, view.options.max_unavailable)
    return _write(member, spec, found.at("rolling", view.now, reason="", message=""), because)


def _rolling(view: View, member: Member, found: Record) -> Step:
    if not _is_complete(member):
        if member.kind == "ReplicationController":
            return Update(member.workload, member.target.template, view.options.canary, view.options.wait)
        if member.evictable:
            return Evict(member.workload, member.evictable[0], STUCK)
        return Wait(_waiting(member))
    spec = levers.with_fields(_obj(member)["spec"], found.after)
    return _write(member, spec, found.at("done", view.now), "done")


def _is_complete(member: Member) -> bool:
    return member.progress.done and not member.unserved


def _waiting(member: Member) -> str:
    if member.progress.done and member.unserved:
        return f"{', '.join(member.unserved)} not in the endpoints yet"
    return member.progress.message


def _in_trouble(view: View, member: Member) -> Step | None:
    """How the roll ends when there is trouble; None when there is none. What has not begun yet is left out."""
    trouble = view.trouble
    if trouble is None:
        return None
    begun = [each for each in view.members if record.of(_obj(each)) is not None]
    if not begun or view.options.on_failure == "keep":
        return _forget(view, Ending("kept", trouble.reason, trouble.message))
    one = member if member in begun else begun[-1]
    found = record.of(_obj(one))
    assert found is not None
    if view.options.on_failure == "undo":
        return _revert(view, one, found, trouble.reason, trouble.message)
    note = found.at("paused", view.now, reason=trouble.reason, message=trouble.message)
    return _write(one, levers.stay(_obj(one)["spec"], one.kind), note, f"paused: {trouble.message}")


def _left_alone(view: View, member: Member) -> Step:
    """Somebody else has changed the template: it is theirs now."""
    message = f"somebody else has changed {member.workload.shown} meanwhile: it is left as it is"
    return _forget(view, Ending("kept", "Changed", message))


def _revert(view: View, member: Member, found: Record, reason: str, message: str) -> Write:
    note = found.at("undoing", view.now, reason=reason, message=message)
    if member.kind == "ReplicationController":
        return _write(member, _obj(member)["spec"], note, f"undo: {message}")
    spec = levers.with_fields(_obj(member)["spec"], found.before)
    return _caused(view, f"undone: {message}", _write(member, spec, note, f"undo: {message}"))


def _undo(view: View, records: Sequence[tuple[Member, Record]]) -> Step:
    """All that were changed go back, the last one first."""
    first = next(found for _, found in records if found.stage == "undoing")
    for member, found in reversed(records):
        if found.stage != "undoing":
            return _revert(view, member, found, first.reason, first.message)
        if not _is_back(member, found):
            if view.trouble is not None:
                told = f"{first.message}; and {member.workload.shown} can't go back: {view.trouble.message}"
                return End(Ending("undo failed", first.reason, told))
            return _going_back(view, member, found)
    return _forget(view, Ending("undone", first.reason, first.message))


def _going_back(view: View, member: Member, found: Record) -> Step:
    before = Target(member.workload, found.before["template"])
    if member.kind == "ReplicationController":
        return Update(member.workload, before.template)
    if not change.is_reached(before, _obj(member)):
        return _left_alone(view, member)
    if member.evictable:
        return Evict(member.workload, member.evictable[0], STUCK)
    return Wait(_waiting(member))


def _is_back(member: Member, found: Record) -> bool:
    before = Target(member.workload, found.before["template"])
    return change.is_reached(before, _obj(member)) and member.progress.done


def _forget(view: View, ending: Ending) -> Step:
    """Take the records away, one after the other; then it has ended."""
    for member in view.members:
        found = record.of(_obj(member))
        if found is None:
            continue
        return _write(member, _put_back(member, found, ending), None, "nothing is left of the roll", ending)
    if not all(member.observed for member in view.members):
        return Wait("the controllers let go of the roll")
    return End(ending)


def _put_back(member: Member, found: Record, ending: Ending) -> JSON:
    """The spec without what this roll has changed on its way; of what is somebody else's now, no more than that."""
    spec: JSON = _obj(member)["spec"]
    if ending.outcome != "kept" or found.stage == "undoing":
        return spec
    own = levers.saved(spec, member.kind, {}) if ending.reason == "Changed" else found.after
    return levers.with_fields(spec, {field: found.after.get(field) for field in own})
