"""A rehearsal of a recording, in the recording's own figures, and where the two differ.

Compared are the outcome, the sizes of ReplicaSets (each change where every recorded run had the same, else the net
result of waves of changes), the fewest ready Pods, the most Pods, Deployments' conditions, and the duration: within
5 % or 0.3 s a wave, because a real control plane adds so much.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse import recorded, target
from seatrial.rehearse.recorded import Played
from seatrial.rehearse.trace import Change

WAVE_SECONDS = 0.6
SHARE, WAVE_SURPLUS_SECONDS = 0.05, 0.3
_SIZED = ("ReplicaSet", "ReplicationController")
_KINDS = frozenset(resource.kind for resource in target.KINDS)
Told = tuple[str, str, str, str]
"""(Deployment, type, status, reason) of a condition that has changed."""


@dataclass(frozen=True)
class Figures:
    """`duration` None: it never got complete, or did not stay so."""

    outcome: str
    duration: float | None
    rs_spec: tuple[str, ...]
    rs_waves: tuple[Mapping[str, int], ...]
    min_ready_pods: int
    max_pods: int
    conditions: tuple[Told, ...]


@dataclass(frozen=True)
class Difference:
    """`what` is a name of Figures."""

    what: str
    recorded: object
    rehearsed: object


@dataclass
class _State:
    """What is there at a moment."""

    pods: dict[str, JSON] = field(default_factory=dict)
    workloads: dict[str, JSON] = field(default_factory=dict)


def figures(played: Played) -> Figures:
    """Of a rehearsal."""
    state = _State()
    for obj in played.before:
        _note(state, obj, gone=False)
    names = _names(played)
    sizes: list[tuple[float, str, str, int]] = []
    told: list[Told] = []
    fewest, most = _ready(state), len(state.pods)
    complete_at: float | None = played.began if _is_complete(state) else None
    for change in played.changes:
        _note(state, change.object, gone=change.type == "DELETED")
        sizes += _size(change, names, played.began)
        told += _conditions(change)
        if change.kind == "Pod":
            fewest, most = min(fewest, _ready(state)), max(most, len(state.pods))
        if change.kind in _KINDS:
            complete_at = (complete_at or change.at) if _is_complete(state) else None
    duration = None if complete_at is None else round(complete_at - played.began, 2)
    outcome = "stalled" if duration is None else "completed"
    spec = tuple(f"{name}:{step}" for _, name, step, _ in sizes)
    return Figures(outcome, duration, spec, waves(sizes), fewest, most, tuple(told))


def _note(state: _State, obj: JSON, *, gone: bool) -> None:
    kind = obj.get("kind")
    if kind == "Pod":
        _keep(state.pods, obj, gone=gone)
    elif kind in _KINDS and objects.controller_of(obj) is None:
        _keep(state.workloads, obj, gone=gone)


def _keep(there: dict[str, JSON], obj: JSON, *, gone: bool) -> None:
    if gone:
        there.pop(objects.uid(obj), None)
    else:
        there[objects.uid(obj)] = obj


def _ready(state: _State) -> int:
    return sum(conditions.is_true(pod, "Ready") and not objects.is_terminating(pod) for pod in state.pods.values())


def _is_complete(state: _State) -> bool:
    return all(_is_done(obj) for obj in state.workloads.values())


def _is_done(obj: JSON) -> bool:
    """With OnDelete, whoever deletes Pods decides how far it goes."""
    if objects.get(obj, "spec", "updateStrategy", "type") == "OnDelete" and obj["kind"] == "StatefulSet":
        return bool(objects.get(obj, "status", "readyReplicas", default=0) == obj["spec"]["replicas"])
    return target.counts(obj).complete


def _names(played: Played) -> dict[str, str]:
    """uid → rs1, rs2, … of Deployments' ReplicaSets in order of creation; others have their own names."""
    found = {objects.uid(obj): obj for obj in played.before if obj.get("kind") == "ReplicaSet"}
    for change in played.changes:
        if change.kind == "ReplicaSet":
            found.setdefault(objects.uid(change.object), change.object)
    owned = [uid for uid, obj in found.items() if (objects.controller_of(obj) or {}).get("kind") == "Deployment"]
    return {uid: f"rs{n}" for n, uid in enumerate(sorted(owned, key=lambda uid: played.order[uid]), 1)}


def _size(change: Change, names: Mapping[str, str], began: float) -> Iterable[tuple[float, str, str, int]]:
    """(seconds, name, `3->5`, new size) of a change of spec.replicas."""
    if change.kind not in _SIZED:
        return
    name = names.get(objects.uid(change.object), objects.name(change.object))
    if change.type == "DELETED":
        yield change.at - began, name, "deleted", 0
        return
    now = target.counts(change.object).desired
    if change.previous is None:
        yield change.at - began, name, f"new->{now}", now
    elif (before := target.counts(change.previous).desired) != now:
        yield change.at - began, name, f"{before}->{now}", now


def waves(sizes: Sequence[tuple[float, str, str, int]]) -> tuple[Mapping[str, int], ...]:
    """The net result of changes that lie close together; a ReplicaSet that is as large as before is left out.

    `sizes`: (seconds, name, `3->5`, `new->5` or "deleted", new size), in order.
    """
    found: list[dict[str, int]] = []
    before: dict[str, int] = {}
    start: dict[str, int] = {}
    last = float("-inf")
    for at, name, step, now in sizes:
        if step == "deleted":
            continue
        if at - last > WAVE_SECONDS:
            before |= found[-1] if found else {}
            found.append({})
            start = {}
        old = step.partition("->")[0]
        start.setdefault(name, before.get(name, -1 if old == "new" else int(old)))
        found[-1][name] = now
        if now == start[name]:
            del found[-1][name]
        last = at
    return tuple(dict(sorted(wave.items())) for wave in found if wave)


def _conditions(change: Change) -> Iterable[Told]:
    """Of Deployments: what differs from before in status or reason."""
    if change.kind != "Deployment" or change.type == "DELETED":
        return
    before = _by_type(change.previous)
    for kind, (status, reason) in _by_type(change.object).items():
        if before.get(kind) != (status, reason):
            yield objects.name(change.object), kind, status, reason


def _by_type(obj: JSON | None) -> dict[str, tuple[str, str]]:
    found = objects.get(obj or {}, "status", "conditions", default=())
    return {str(each["type"]): (str(each.get("status")), str(each.get("reason"))) for each in found}


# --- against the recording ---


@dataclass(frozen=True)
class Comparison:
    """Of one recording. `pace`: one of recorded.PACES; `problems`: what steps were refused."""

    name: str
    pace: str
    figures: Figures
    differences: list[Difference]
    problems: list[str]

    def to_json(self) -> JSON:
        """For scripts."""
        return {
            "name": self.name,
            "pace": self.pace,
            "same": not self.differences,
            "figures": asdict(self.figures),
            "differences": [asdict(each) for each in self.differences],
            "problems": self.problems,
        }


def compare(file: Path, release: str) -> Comparison:
    """Rehearse a recording and compare: at each pace that its control plane may have had, until all is the same.

    Raises ToolError for a file that is none.
    """
    recording = recorded.read(file)
    found: list[Comparison] = []
    for pace in recorded.paces(recording):
        played = recorded.play(recording, release, pace)
        mine = figures(played)
        found.append(Comparison(file.stem, pace, mine, differences(recording, mine), played.problems))
        if not found[-1].differences:
            return found[-1]
    return found[0]


def differences(recording: JSON, mine: Figures) -> list[Difference]:
    """Pure. Empty where the rehearsal did as the real control plane."""
    stable, runs = recording.get("stable") or {}, recording.get("runs") or [{}]
    found = [
        Difference(name, recording.get(name), getattr(mine, name))
        for name in ("min_ready_pods", "max_pods")
        if recording.get(name) and getattr(mine, name) not in recording[name]
    ]
    if recording.get("outcome") in ("completed", "stalled") and recording["outcome"] != mine.outcome:
        found.append(Difference("outcome", recording["outcome"], mine.outcome))
    exact = stable.get("rs_spec") and runs[0].get("rs_spec") is not None
    if exact and list(mine.rs_spec) != runs[0]["rs_spec"]:
        found.append(Difference("rs_spec", runs[0]["rs_spec"], list(mine.rs_spec)))
    recorded_waves = [list(run["rs_waves"]) for run in runs if run.get("rs_waves") is not None]
    if recorded_waves and not exact and [dict(wave) for wave in mine.rs_waves] not in recorded_waves:
        found.append(Difference("rs_waves", recorded_waves[0], [dict(wave) for wave in mine.rs_waves]))
    found += _condition_differences(recording, mine)
    found += _duration_differences(recording, mine)
    return found


def _condition_differences(recording: JSON, mine: Figures) -> Iterable[Difference]:
    if not (recording.get("stable") or {}).get("conditions"):
        return
    theirs = [
        (str(seen["name"]), kind, value[0], value[1])
        for seen in recording.get("observations") or ()
        if seen.get("k") == "deployment"
        for kind, value in (seen.get("conditions") or {}).items()
        if value is not None
    ]
    ours = list(mine.conditions)
    if _changes(theirs) != _changes(ours):
        yield Difference("conditions", _changes(theirs), _changes(ours))


def _changes(told: Iterable[Told]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Each condition's own course: the order between conditions of one write is nobody's promise."""
    courses: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, kind, status, reason in told:
        course = courses.setdefault((name, kind), [])
        if not course or course[-1] != (status, reason):
            course.append((status, reason))
    return courses


def _duration_differences(recording: JSON, mine: Figures) -> Iterable[Difference]:
    recorded = sorted(each for each in recording.get("durations") or () if each is not None)
    if not recorded or mine.duration is None:
        return
    tolerance = max(SHARE * recorded[-1], WAVE_SURPLUS_SECONDS * max(len(mine.rs_waves), 1))
    if not recorded[0] - tolerance <= mine.duration <= recorded[-1] + tolerance:
        yield Difference("duration", recorded, mine.duration)
