"""What came of a recording that was rehearsed, in the figures that recordings have of themselves. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse import target
from seatrial.rehearse.recordings.recorded import Played
from seatrial.rehearse.result import ScaleEvent
from seatrial.rehearse.trace import Write

WAVE_SECONDS = 0.6
"""Changes of size that lie closer together are one wave."""
_SIZED = ("ReplicaSet", "ReplicationController")
_KINDS = frozenset(resource.kind for resource in target.KINDS)
Outcome = Literal["completed", "stalled"]
Told = tuple[str, str, str, str]
"""(Deployment, type, status, reason) of a condition that has changed."""


@dataclass(frozen=True)
class Figures:
    """Named as in recordings. `duration` in seconds; None: it never got complete, or did not stay so."""

    outcome: Outcome
    duration: float | None
    rs_spec: tuple[str, ...]
    """Each change of a size, in order: `rs2:3->5`, `rs2:new->5`, `rs2:deleted`."""
    rs_waves: tuple[Mapping[str, int], ...]
    """As `waves` has them."""
    min_ready_pods: int
    max_pods: int
    conditions: tuple[Told, ...]


def of(played: Played) -> Figures:
    """The figures of one run."""
    state, sizes = _State(), _Sizes(_names(played), played.began)
    for obj in played.before:
        state.note(obj, gone=False)
    told: list[Told] = []
    fewest, most = state.ready, len(state.pods)
    complete_at: float | None = played.began if state.is_complete else None
    for write in played.writes:
        state.note(write.object, gone=write.type == "DELETED")
        sizes.note(write)
        told += _conditions(write)
        if write.kind == "Pod":
            fewest, most = min(fewest, state.ready), max(most, len(state.pods))
        if write.kind in _KINDS:
            complete_at = (complete_at or write.at) if state.is_complete else None
    duration = None if complete_at is None else round(complete_at - played.began, 2)
    outcome: Outcome = "stalled" if duration is None else "completed"
    return Figures(outcome, duration, tuple(sizes.steps), waves(sizes.scales), fewest, most, tuple(told))


@dataclass
class _State:
    """What is there at a moment: uid → Pod, uid → workload that nothing else owns."""

    pods: dict[str, JSON] = field(default_factory=dict)
    workloads: dict[str, JSON] = field(default_factory=dict)

    def note(self, obj: JSON, *, gone: bool) -> None:
        kind = obj.get("kind")
        if kind == "Pod":
            _keep(self.pods, obj, gone=gone)
        elif kind in _KINDS and objects.controller_of(obj) is None:
            _keep(self.workloads, obj, gone=gone)

    @property
    def ready(self) -> int:
        return sum(conditions.is_true(pod, "Ready") and not objects.is_terminating(pod) for pod in self.pods.values())

    @property
    def is_complete(self) -> bool:
        return all(_is_complete(obj) for obj in self.workloads.values())


def _keep(there: dict[str, JSON], obj: JSON, *, gone: bool) -> None:
    if gone:
        there.pop(objects.uid(obj), None)
    else:
        there[objects.uid(obj)] = obj


def _is_complete(obj: JSON) -> bool:
    """With OnDelete, whoever deletes Pods decides how far it goes."""
    if objects.get(obj, "spec", "updateStrategy", "type") == "OnDelete" and obj["kind"] == "StatefulSet":
        return bool(objects.get(obj, "status", "readyReplicas", default=0) == obj["spec"]["replicas"])
    return target.counts(obj).complete


def _names(played: Played) -> dict[str, str]:
    """uid → rs1, rs2, … of Deployments' ReplicaSets in order of creation; others have their own names."""
    found = {objects.uid(obj): obj for obj in played.before if obj.get("kind") == "ReplicaSet"}
    for write in played.writes:
        if write.kind == "ReplicaSet":
            found.setdefault(objects.uid(write.object), write.object)
    owned = [uid for uid, obj in found.items() if (objects.controller_of(obj) or {}).get("kind") == "Deployment"]
    return {uid: f"rs{n}" for n, uid in enumerate(sorted(owned, key=lambda uid: played.order[uid]), 1)}


@dataclass
class _Sizes:
    """Changes of spec.replicas. `names`: as `_names` has them; `steps`: `rs2:3->5`, `rs2:new->5`, `rs2:deleted`."""

    names: Mapping[str, str]
    began: float
    steps: list[str] = field(default_factory=list)
    scales: list[ScaleEvent] = field(default_factory=list)

    def note(self, write: Write) -> None:
        if write.kind not in _SIZED:
            return
        name = self.names.get(objects.uid(write.object), objects.name(write.object))
        if write.type == "DELETED":
            self.steps.append(f"{name}:deleted")
            return
        now = target.counts(write.object).desired
        before = -1 if write.previous is None else target.counts(write.previous).desired
        if now != before:
            self.steps.append(f"{name}:{'new' if before < 0 else before}->{now}")
            self.scales.append(ScaleEvent(write.at - self.began, name, before, now))


def waves(scales: Sequence[ScaleEvent]) -> tuple[Mapping[str, int], ...]:
    """The net result of changes that lie close together: object → size; one that is as large as before is left out."""
    found: list[dict[str, int]] = []
    before: dict[str, int] = {}
    start: dict[str, int] = {}
    last = float("-inf")
    for scale in scales:
        if scale.time_seconds - last > WAVE_SECONDS:
            before |= found[-1] if found else {}
            found.append({})
            start = {}
        start.setdefault(scale.object, before.get(scale.object, scale.from_))
        found[-1][scale.object] = scale.to
        if scale.to == start[scale.object]:
            del found[-1][scale.object]
        last = scale.time_seconds
    return tuple(dict(sorted(wave.items())) for wave in found if wave)


def _conditions(write: Write) -> Iterable[Told]:
    """Of Deployments: what differs from before in status or reason."""
    if write.kind != "Deployment" or write.type == "DELETED":
        return
    before = _by_type(write.previous)
    for kind, (status, reason) in _by_type(write.object).items():
        if before.get(kind) != (status, reason):
            yield objects.name(write.object), kind, status, reason


def _by_type(obj: JSON | None) -> dict[str, tuple[str, str]]:
    found = objects.get(obj or {}, "status", "conditions", default=())
    return {str(each["type"]): (str(each.get("status")), str(each.get("reason"))) for each in found}
