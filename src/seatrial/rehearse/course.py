"""The course of an update, read off the trace: each Pod's life, availability, sizes, events. Pure.

Writes are taken in one by one, in their order; nothing here depends on when it is looked at. "News" is a constellation
of sizes and Pod states that was not there before: a crash loop goes round and round without any.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.rehearse import lives, target
from seatrial.rehearse.lives import PodLife
from seatrial.rehearse.result import EventLine, Phase, Sample, ScaleEvent, Step
from seatrial.rehearse.target import Counts, Target
from seatrial.rehearse.trace import Write

_SIZED = frozenset({"ReplicaSet", "ReplicationController", "StatefulSet"})
LONGEST_CHAIN = 4
"""Owners of owners that are looked at: a Pod, its ReplicaSet, its Deployment, and whoever made that."""


class Course:
    """Of one update. `began`: when the change was made (seconds since 1970); `before`: what was there then."""

    def __init__(self, began: float, before: Iterable[JSON]) -> None:
        self.began = self._at = began
        self._targets: list[Target] = []
        self._present: dict[str, dict[str, JSON]] = defaultdict(dict)
        """Kind → uid → every object that is there, as it is."""
        self._owners: dict[str, str] = {}
        self.lives: dict[str, PodLife] = {}
        self.samples: list[Sample] = []
        self.scales: list[ScaleEvent] = []
        self.events: list[EventLine] = []
        self.orders: list[tuple[Target, Step]] = []
        """Each change of what a workload is asked to be."""
        self.news_at = began
        """When something new happened last, in seconds since 1970."""
        self.complete_at: float | None = None
        """Since when all workloads are complete; None while they aren't."""
        self.most_pods = 0
        self._uids: dict[str, Target] = {}
        self._deleted: set[Target] = set()
        """Of these there is nothing left to complete."""
        self._seen: set[object] = set()
        self._states: Counter[tuple[str, str]] = Counter()
        self._ready = 0
        self._counts: dict[str, Counts] = {}
        for obj in before:
            self._note(obj)
        self._at_first = {kind: dict(there) for kind, there in self._present.items()}

    # --- whom it is about ---

    def watch(self, targets: Sequence[Target]) -> None:
        """Follow these workloads as well, as if from the beginning."""
        known = self._sample(self._at, self._alive())
        for one in targets:
            if one in self._targets:
                continue
            self._targets.append(one)
            for obj in self._present[one.resource.kind].values():
                if one.is_this(obj):
                    self._found(one, obj)
        for obj in self._present["Pod"].values():
            if objects.uid(obj) not in self.lives and self.owner_of(obj):
                self._pod(self._at, obj)
        found = self._sample(self._at, self._alive())
        self.samples = [each.with_more(known, found) for each in self.samples]
        self._look(self._at)

    @property
    def targets(self) -> Sequence[Target]:
        """The workloads that it is about, in the order in which that became known."""
        return tuple(self._targets)

    def owner_of(self, obj: JSON) -> Target | None:
        """The target that owns the object, directly or through a ReplicaSet; or that it is."""
        return self.target_of(objects.uid(obj))

    def target_of(self, uid: str) -> Target | None:
        """As `owner_of`, of an object that may be gone."""
        return self._uids.get(self._owner_uid(uid))

    def _owner_uid(self, uid: str) -> str:
        """That of the target that owns the object, or is it; "" if there is none."""
        for _ in range(LONGEST_CHAIN):
            if uid in self._uids:
                return uid
            uid = self._owners.get(uid, "")
        return ""

    def root_of(self, uid: str) -> JSON | None:
        """Who owns the object in the end, as it is now; None if nobody does. The object itself may be gone."""
        root = uid
        for _ in range(LONGEST_CHAIN):
            root = self._owners.get(root, root)
        return next((there[root] for there in self._present.values() if root in there), None) if root != uid else None

    def object_of(self, one: Target) -> JSON | None:
        """The workload as it is."""
        there = self._present[one.resource.kind]
        return next((there[uid] for uid, of in self._uids.items() if of == one and uid in there), None)

    def all(self, resource: ResourceRef) -> list[JSON]:
        """What there is of a kind, by name."""
        return sorted(self._present[resource.kind].values(), key=objects.key)

    def at_first(self, resource: ResourceRef) -> list[JSON]:
        """What there was of a kind before the change."""
        return list(self._at_first.get(resource.kind, {}).values())

    # --- what happens ---

    def take(self, write: Write) -> None:
        """Take in the next write."""
        self._at = write.at
        obj = write.object
        uid = objects.uid(obj)
        if write.type == "DELETED":
            self._present[write.kind].pop(uid, None)
        else:
            self._note(obj)
        kind = obj.get("kind")
        if kind == "Event":
            self._event(write)
            return
        if kind == "Pod":
            if uid not in self.lives and self.owner_of(obj) is None:
                return
            self._pod(write.at, obj, gone=write.type == "DELETED")
        elif kind in _SIZED or uid in self._uids or any(one.is_this(obj) for one in self._targets):
            self._workload(write)
        else:
            return
        self._look(write.at)

    def _note(self, obj: JSON) -> None:
        uid = objects.uid(obj)
        self._present[str(obj.get("kind", ""))][uid] = obj
        controller = objects.controller_of(obj)
        if controller is not None:
            self._owners[uid] = str(controller.get("uid", ""))
        else:
            self._owners.pop(uid, None)

    def _found(self, one: Target, obj: JSON) -> None:
        uid = objects.uid(obj)
        self._uids[uid] = one
        self._counts[uid] = target.counts(obj)

    def _workload(self, write: Write) -> None:
        obj = write.object
        uid = objects.uid(obj)
        one = next((each for each in self._targets if each.is_this(obj)), None)
        if one is not None:
            if write.type == "DELETED":
                self._counts.pop(uid, None)
                self._deleted.add(one)
            else:
                self._deleted.discard(one)
                self._found(one, obj)
                if write.previous and objects.generation(obj) != objects.generation(write.previous):
                    text = _told(write.previous, obj)
                    self.orders.append((one, Step(self._seconds(write.at), one.shown, text)))
        if obj.get("kind") in _SIZED and self.owner_of(obj) is not None and write.type != "DELETED":
            self._size(write)

    def _size(self, write: Write) -> None:
        now = int(write.object["spec"].get("replicas") or 0)
        before = int(write.previous["spec"].get("replicas") or 0) if write.previous else -1
        if now != before:
            shown = f"{write.kind.lower()}/{objects.name(write.object)}"
            self.scales.append(ScaleEvent(self._seconds(write.at), shown, before, now))

    def _pod(self, at: float, pod: JSON, *, gone: bool = False) -> None:
        uid = objects.uid(pod)
        life = self.lives.get(uid)
        if life is None:
            life = self.lives[uid] = PodLife(pod, is_new=uid not in self._at_first.get("Pod", {}))
        elif life.phases:
            self._states[life.hash, life.state] -= 1
            self._ready -= life.ready
        life.pod = pod
        state = "gone" if gone else lives.state_of(pod)
        if not life.phases or life.phases[-1].state != state:
            life.phases.append(Phase(self._seconds(at), state))
        life.ready = state == "ready"
        self._states[life.hash, state] += 1
        self._ready += life.ready

    def _event(self, write: Write) -> None:
        event = write.object
        about = event.get("involvedObject") or {}
        uid = str(about.get("uid", ""))
        concerned = uid in self.lives or uid in self._uids or self._owners.get(uid, "") in self._uids
        if not concerned or write.type == "DELETED":
            return
        shown = f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"
        count = int(event.get("count") or objects.get(event, "series", "count", default=1) or 1)
        line = EventLine(
            self._seconds(write.at),
            shown,
            str(event.get("type", "")),
            str(event.get("reason", "")),
            str(event.get("message", "")),
            count,
        )
        self.events.append(line)

    # --- what it comes to ---

    def _look(self, at: float) -> None:
        alive = self._alive()
        counts = tuple(self._counts.values())
        sample = self._sample(at, alive)
        self.most_pods = max(self.most_pods, sample.pods)
        if not self.samples or replace(self.samples[-1], time_seconds=sample.time_seconds) != sample:
            self.samples.append(sample)
        # A Pod that fails at once gets a successor for ever: one more of that kind is no news.
        states = (key if key[1] == "finished" else (key, number) for key, number in alive.items())
        constellation = (counts, frozenset(states))
        if constellation not in self._seen:
            self._seen.add(constellation)
            self.news_at = at
        self._complete(at, counts)

    def _alive(self) -> dict[tuple[str, str], int]:
        """(hash, state) → Pods that are there."""
        return {key: number for key, number in self._states.items() if number and key[1] != "gone"}

    def _sample(self, at: float, alive: Mapping[tuple[str, str], int]) -> Sample:
        versions = tuple(sorted((label, n) for (label, state), n in alive.items() if state == "ready"))
        available = sum(each.available for each in self._counts.values() if each.known) + self._changing_hands()
        return Sample(self._seconds(at), available, self._ready, sum(alive.values()), versions)

    def _changing_hands(self) -> int:
        """Ready Pods that no status counts: those of a workload that is deleted, or has only just been made."""
        known = {uid for uid, each in self._counts.items() if each.known}
        if len(known) == len(self._targets):
            return 0
        return sum(life.ready and self._owner_uid(objects.uid(life.pod)) not in known for life in self.lives.values())

    def _complete(self, at: float, counts: Sequence[Counts]) -> None:
        done = len(counts) + len(self._deleted) >= len(self._targets) and all(each.complete for each in counts)
        if not done:
            self.complete_at = None
        elif self.complete_at is None:
            self.complete_at = at

    @property
    def terminating(self) -> int:
        """How many of the workloads' Pods are on their way out."""
        return sum(n for (_, state), n in self._states.items() if state == "terminating")

    def _seconds(self, at: float) -> float:
        return round(at - self.began, 3)


def _told(before: JSON, after: JSON) -> str:
    """What a change of a workload's spec is, in a line: its images, as `app web:1 → web:2`, or that it was changed."""

    def images(obj: JSON) -> dict[str, str]:
        spec = objects.get(obj, "spec", "template", "spec", default={})
        return {str(each.get("name")): str(each.get("image")) for each in spec.get("containers") or ()}

    old, new = images(before), images(after)
    changed = [f"{name} {old.get(name, 'new')} → {image}" for name, image in new.items() if old.get(name) != image]
    if changed:
        return f"is changed: {', '.join(changed)}"
    same = objects.get(before, "spec", "template") == objects.get(after, "spec", "template")
    if not same:
        return "is changed: its template"
    sizes = [objects.get(obj, "spec", "replicas") for obj in (before, after)]
    return f"is scaled {sizes[0]} → {sizes[1]}" if sizes[0] != sizes[1] else "is changed, not its template"
