"""One look at a Deployment in the making: what is known, and what shall be done.

Upstream's sync functions write to the API as they go and change their copy of the Deployment. A `Sync` collects the
same writes, in the same order, as actions. Two rules follow from there being one Decision at the end:

- The Deployment's status is written at most once in a look. Upstream would write it a second time with an old
  resourceVersion, be refused, and look again; here the second write is left out, and the first one wakes the key.
- A ReplicaSet is updated at most once in a look; the events of all steps are kept.
"""

from collections.abc import Callable, Sequence

from seatrial.api.registry import DEPLOYMENTS, REPLICA_SETS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers.deployment.view import View
from seatrial.machinery import conditions, objects
from seatrial.reconcile.decision import Action, Decision, Event, Update
from seatrial.workloads import revisions, rolling
from seatrial.workloads.rolling import Scaling


class Sync:
    """See the module. `deployment` is the Deployment as it will be after the actions so far."""

    def __init__(self, view: View, now: float) -> None:
        self.view, self.now = view, now
        self.deployment: JSON = view.deployment
        self.spec: JSON = view.deployment["spec"]
        self.limits = rolling.limits(self.spec)
        replica_sets = view.claims.claimed
        self.new: JSON | None = revisions.find_new(self.spec["template"], replica_sets)
        new_uid = objects.uid(self.new) if self.new else ""
        self.old: list[JSON] = [each for each in revisions.oldest_first(replica_sets) if objects.uid(each) != new_uid]
        self.actions: list[Action] = []
        self.wrote_status = False
        self.after_failure: Callable[[StatusError], Decision] | None = None

    @property
    def all(self) -> list[JSON]:
        """Old ReplicaSets, oldest first, then the new one."""
        return self.old if self.new is None else [*self.old, self.new]

    @property
    def active(self) -> list[JSON]:
        return [each for each in self.all if each["spec"].get("replicas")]

    @property
    def active_old(self) -> list[JSON]:
        return [each for each in self.old if each["spec"].get("replicas")]

    @property
    def status(self) -> JSON:
        return self.deployment.get("status") or {}

    @property
    def has_progress_deadline(self) -> bool:
        return revisions.has_progress_deadline(self.spec)

    def set_condition(self, condition: JSON) -> None:
        """In what is known of the Deployment; `write_status` writes it."""
        listed = conditions.with_condition(self.status.get("conditions") or (), condition)
        self.deployment = objects.with_status(self.deployment, {**self.status, "conditions": listed})

    def write_status(self, because: str) -> bool:
        """Write the Deployment's status (and annotations) now; False when this look has done so already."""
        if self.wrote_status:
            return False
        self.actions.append(Update(DEPLOYMENTS, self.deployment, because, subresource="status"))
        self.wrote_status = True
        return True

    def tell(self, kind: str, reason: str, message: str) -> None:
        """An event on the Deployment."""
        self.actions.append(Event(self.view.deployment, "Warning" if kind == "Warning" else "Normal", reason, message))

    def scale(self, steps: Sequence[Scaling], because: str, *, annotate: bool = False) -> bool:
        """Scale ReplicaSets; whether any size changed. With `annotate` also those whose annotations are out of date."""
        by_name = {objects.name(each): each for each in self.all}
        merged: dict[str, list[Scaling]] = {}
        for step in steps:
            merged.setdefault(step.name, []).append(step)
        changed = False
        for name, own in merged.items():
            resized = [step for step in own if step.before != step.after]
            if resized or (annotate and self._annotations_differ(by_name[name])):
                self._update_size(by_name[name], own[-1].after, resized, because)
            changed = changed or bool(resized)
        return changed

    def scale_to(self, replica_set: JSON, size: int, because: str) -> bool:
        before = replica_set["spec"].get("replicas") or 0
        return self.scale([Scaling(objects.name(replica_set), before, size)], because)

    def _annotations_differ(self, replica_set: JSON) -> bool:
        present = objects.annotations(replica_set)
        return any(present.get(key) != value for key, value in revisions.replicas_annotations(self.limits).items())

    def _update_size(self, replica_set: JSON, size: int, steps: Sequence[Scaling], because: str) -> None:
        annotations = {**objects.annotations(replica_set), **revisions.replicas_annotations(self.limits)}
        updated = objects.with_metadata(replica_set, annotations=annotations)
        updated["spec"] = {**replica_set["spec"], "replicas": size}
        told = [self.scaling_event(step) for step in steps]
        first = told[0] if told else None
        self.actions.append(Update(REPLICA_SETS, updated, because, on_success=lambda _: first))
        self.actions.extend(told[1:])

    def scaling_event(self, step: Scaling) -> Event:
        direction = "up" if step.before < step.after else "down"
        text = f"Scaled {direction} replica set {step.name} from {step.before} to {step.after}"
        return Event(self.view.deployment, "Normal", "ScalingReplicaSet", text)

    def decision(self, status: JSON | None = None, requeue_after: float | None = None) -> Decision:
        """The end of the look; `status` is left out where one was written before."""
        written = None
        if status is not None and not self.wrote_status:
            written = objects.with_status(self.deployment, status)
        return Decision(tuple(self.actions), written, requeue_after, self.after_failure)
