"""What events tell of a workload's steps: Pods made and deleted, ReplicaSets scaled. Pure.

Events are a poor record: equal ones are counted together, so that only the first and the last time are known; of many
alike in ten minutes the rest is combined into one (client-go tools/record/events_cache.go); after an hour they are
gone (kube-apiserver --event-ttl). Where steps may be missing in between there is a gap.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import objects, times

_COMBINED = "(combined from similar events): "
_SCALED = re.compile(r"Scaled (?:up|down) replica set (\S+)(?: from (\d+))? to (\d+)")
_POD = re.compile(r"(?:Created|Deleted) pod: (\S+)|(?:create|delete) Pod (\S+) in StatefulSet \S+ successful")


@dataclass(frozen=True)
class Step:
    """At this second `name` (a ReplicaSet, a Pod) had this many Pods. `before` is None where the event does not tell:
    before 1.27 none did.
    """

    at: float
    name: str
    before: int | None
    after: int


@dataclass(frozen=True)
class Record:
    """Steps in order, and the times between which some are missing."""

    steps: tuple[Step, ...]
    gaps: tuple[tuple[float, float], ...]

    def is_whole(self, since: float, until: float) -> bool:
        """No gap reaches into this time."""
        return not any(first < until and last > since for first, last in self.gaps)


def of_scaling(events: Iterable[JSON], deployment: JSON) -> Record:
    """The sizes of a Deployment's ReplicaSets (ScalingReplicaSet)."""
    return _record(events, deployment, {"ScalingReplicaSet"}, _scaling)


def of_pods(events: Iterable[JSON], owner: JSON) -> Record:
    """The Pods that a ReplicaSet, StatefulSet or DaemonSet made and deleted (SuccessfulCreate, SuccessfulDelete)."""
    return _record(events, owner, {"SuccessfulCreate", "SuccessfulDelete"}, _pod)


def _record(
    events: Iterable[JSON], about: JSON, reasons: set[str], read: Callable[[JSON, str, float], Step | None]
) -> Record:
    found: list[tuple[Step, str]] = []
    gaps = []
    for event in events:
        if event.get("reason") not in reasons or objects.get(event, "involvedObject", "uid") != objects.uid(about):
            continue
        count, first, last = _times(event)
        message = str(event.get("message", ""))
        combined = message.startswith(_COMBINED)
        told = (last,) if combined or count == 1 else (first, last)
        steps = [read(event, message.removeprefix(_COMBINED), at) for at in told]
        found += [(step, str(event["metadata"].get("name", ""))) for step in steps if step]
        if count > (1 if combined else 2):
            gaps.append((first, last))
    found.sort(key=lambda each: (each[0].at, each[1].rpartition(".")[2]))
    return Record(tuple(step for step, _ in found), tuple(sorted(gaps)))


def _times(event: JSON) -> tuple[int, float, float]:
    """How often, first and last: as core/v1 has it, or events.k8s.io."""
    series = event.get("series") or {}
    first = event.get("firstTimestamp") or event.get("eventTime") or objects.creation_timestamp(event)
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or first
    return int(series.get("count") or event.get("count") or 1), _second(first), _second(last)


def _second(text: str) -> float:
    """Most times are in whole seconds; so are all, to be compared."""
    return float(int(times.parse_time(text)))


def _scaling(_: JSON, message: str, at: float) -> Step | None:
    told = _SCALED.match(message)
    return Step(at, told[1], None if told[2] is None else int(told[2]), int(told[3])) if told else None


def _pod(event: JSON, message: str, at: float) -> Step | None:
    told, made = _POD.match(message), event["reason"] == "SuccessfulCreate"
    return Step(at, told[1] or told[2], int(not made), int(made)) if told else None
