"""What a rehearsal tells: the verdict and everything it rests on, as values and as JSON.

All times are seconds after the change; before it there is nothing. The JSON (`-o json`) has the fields of `Result` by
their names; lists are in order of time.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from seatrial.base.types import JSON

Verdict = Literal["completes", "hangs"]
Decided = Literal["completed", "standstill", "horizon", "refused"]
State = Literal["pending", "pulling", "starting", "ready", "terminating", "finished", "gone"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know. `severity` "problem": why it hangs; "warning": what may hurt although it completes.

    `objects` are `kind/name`, with `namespace/` in front where that is not the workload's; `remedy` says in words what
    to change, or is "".
    """

    rule: str
    message: str
    objects: tuple[str, ...] = ()
    remedy: str = ""
    severity: Literal["problem", "warning"] = "warning"


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain of evidence: at this time this was so, or happened, with this object."""

    time_seconds: float
    object: str
    text: str


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """spec.replicas of a ReplicaSet, ReplicationController or StatefulSet changed. `from_` -1: it was created."""

    time_seconds: float
    object: str
    from_: int
    to: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A Pod is in this state from then on, until the next one."""

    time_seconds: float
    state: State


@dataclass(frozen=True, slots=True)
class PodTimeline:
    """The life of one Pod. `version` is its images, `hash` its template's; `updated`: it is of the new version."""

    name: str
    namespace: str
    workload: str
    version: str
    hash: str
    updated: bool
    node: str
    phases: tuple[Phase, ...]
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The workloads' Pods from this time on; `available` is what their statuses say, the rest is counted.

    Ready Pods of a workload whose status can't say it, as it is deleted or has only just been made, are available, too.
    """

    time_seconds: float
    available: int
    ready: int
    pods: int
    versions: tuple[tuple[str, int], ...] = ()
    """(hash, ready Pods of it), in order of the hash."""

    def with_more(self, before: "Sample", after: "Sample") -> "Sample":
        """With the Pods of a workload that was found to be concerned later, by which the count went up."""
        known = dict(before.versions)
        versions = {label: number for label, number in after.versions if label not in known} | dict(self.versions)
        return Sample(
            self.time_seconds,
            self.available + after.available - before.available,
            self.ready + after.ready - before.ready,
            self.pods + after.pods - before.pods,
            tuple(sorted(versions.items())),
        )


@dataclass(frozen=True, slots=True)
class EventLine:
    """A Kubernetes Event about an object that is concerned; `count` grows when it repeats."""

    time_seconds: float
    object: str
    type: str
    reason: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something to do that may mend it, to be read as "with TITLE: OUTCOME".

    `action`: patch the object, by the `patch` of that type; make the `manifests`; delete it; or force it away, of a
    node that is gone. `also`: further objects with which the same is done. `namespace`: "" of an object that is in
    none. `after`: so many seconds after the change, since it is clear only then. `said`: the command, where the rest
    doesn't tell it or kubectl has a better one. `completes`: whether the update does, with it; None as long as that
    has not been rehearsed.
    """

    title: str
    object: str
    namespace: str
    patch: JSON = field(default_factory=dict)
    outcome: str = ""
    completes: bool | None = None
    action: Literal["patch", "create", "delete", "force-delete"] = "patch"
    also: tuple[str, ...] = ()
    patch_type: Literal["merge", "strategic"] = "merge"
    manifests: tuple[JSON, ...] = ()
    after: float = 0.0
    said: str = ""

    @property
    def objects(self) -> tuple[str, ...]:
        """All that it is done to."""
        return (self.object, *self.also)

    @property
    def command(self) -> str:
        """What does it, for a shell."""
        if self.said:
            return self.said
        where = f" -n {self.namespace}" if self.namespace else ""
        if self.action == "patch":
            patch = f"{where} --type={self.patch_type} -p {shlex.quote(json.dumps(self.patch))}"
            return " && ".join(f"kubectl patch {name}{patch}" for name in self.objects)
        force = " --grace-period=0 --force" if self.action == "force-delete" else ""
        return f"kubectl delete {' '.join(self.objects)}{where}{force}"


@dataclass(frozen=True, slots=True)
class Need:
    """What Pods ask for together. `requests`: resource → quantity, of containers and overhead."""

    pods: int = 0
    requests: dict[str, str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """`5 Pods, 2500m cpu, 1Gi memory`."""
        asked = (f"{amount} {name}" for name, amount in self.requests.items())
        return ", ".join([f"{self.pods} Pod{'' if self.pods == 1 else 's'}", *asked])


@dataclass(frozen=True, slots=True)
class Spread:
    """How long many trials took, in seconds; hanging ones count as endless and are left out of the figures.

    `shown_seconds`: how long the one took of which the Pods and events are.
    """

    trials: int
    completed: int
    p50_seconds: float
    p95_seconds: float
    worst_seconds: float
    min_available: int
    shown_seconds: float = 0.0


NOTHING = Need()


def seconds_at(samples: Sequence[Sample], available: int, until: float) -> float:
    """For how many seconds exactly this many Pods were available, up to `until`."""
    ends = [*(sample.time_seconds for sample in samples[1:]), until]
    spans = zip(samples, ends, strict=False)
    return round(sum(max(end - s.time_seconds, 0.0) for s, end in spans if s.available == available), 3)


@dataclass(frozen=True)
class Result:
    """The verdict. `headline` is its first line for people.

    `duration_seconds`: from the change until the last workload was complete, or until nothing moved any more.
    `min_available`: the least that the workloads' statuses called available together; `min_ready_pods` the least Pods
    that were ready and not terminating; `max_pods` the most Pods, terminating ones included.
    `decided_by`: completed, standstill (nothing but retries went on), refused (by the API server, at once) or horizon:
    the time was up while it still moved, so that "hangs" is not proved, and the headline says UNDECIDED.
    """

    verdict: Verdict
    reason: str
    duration_seconds: float
    min_available: int
    max_pods: int
    scale_events: tuple[ScaleEvent, ...] = ()
    findings: tuple[Finding, ...] = ()
    headline: str = ""
    decided_by: Decided = "completed"
    workloads: tuple[str, ...] = ()
    desired: int = 0
    is_new: bool = False
    """None of the workloads was there before the change."""
    updated_available: int = 0
    min_ready_pods: int = 0
    promised_available: int = 0
    """What the strategies promise never to fall below."""
    peak: Need = NOTHING
    """The most that the workloads' Pods ask for, terminating ones included, finished ones not."""
    at_first: Need = NOTHING
    """What they asked for before the change."""
    evidence: tuple[Step, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    pods: tuple[PodTimeline, ...] = ()
    availability: tuple[Sample, ...] = ()
    events: tuple[EventLine, ...] = ()
    happened: tuple[Step, ...] = ()
    """The faults that befell the cluster."""
    spread: Spread | None = None
    assumptions: tuple[str, ...] = ()
    conditions: JSON = field(default_factory=dict)
    """kind/name → its conditions at the end."""

    @property
    def completes(self) -> bool:
        return self.verdict == "completes"

    @property
    def shown_seconds(self) -> float:
        """When the run ended of which `pods` and `events` are; `duration_seconds` is that of many."""
        return self.spread.shown_seconds if self.spread else self.duration_seconds

    @property
    def peak_told(self) -> str:
        """`5 Pods, 2500m cpu, 1Gi memory (before: 4 Pods, 2 cpu, 800Mi memory)`."""
        if not self.at_first.pods:
            return self.peak.told
        return f"{self.peak.told} ({'as before' if self.peak == self.at_first else f'before: {self.at_first.told}'})"

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not keep it from completing."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def has_two_versions(self) -> bool:
        """Whether there is a new one to be told from an old one."""
        return len({pod.updated for pod in self.pods}) > 1

    @property
    def with_faults(self) -> list[EventLine]:
        """The events, and the faults as such."""
        faults = [EventLine(step.time_seconds, step.object, "Warning", "Fault", step.text) for step in self.happened]
        return sorted([*faults, *self.events], key=lambda event: event.time_seconds)

    @property
    def remedies_title(self) -> str:
        """What is said of the remedies: whether one was found to help, or none was, or nobody has tried."""
        if any(remedy.completes for remedy in self.remedies):
            return "What helps"
        return "What may help" if all(remedy.completes is None for remedy in self.remedies) else "What was tried"

    def to_json(self) -> JSON:
        """Everything, with `from` for `from_`."""
        value: dict[str, Any] = asdict(self)
        for event in value["scale_events"]:
            event["from"] = event.pop("from_")
        for remedy, told in zip(self.remedies, value["remedies"], strict=True):
            told["command"] = remedy.command
        return value
