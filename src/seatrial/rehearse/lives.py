"""The life of one Pod: the states that it goes through, and which template it is of. Pure."""

from dataclasses import dataclass, field

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.result import Phase, State
from seatrial.workloads import pods

HASH_LABELS = ("pod-template-hash", "controller-revision-hash", "deployment")
"""Labels with the hash of a template, or of what a rolling update of ReplicationControllers is about."""


@dataclass(slots=True)
class PodLife:
    """One Pod. `pod`: as it was seen last; `phases` with seconds after the change."""

    pod: JSON
    phases: list[Phase] = field(default_factory=list)
    ready: bool = False
    is_new: bool = True
    """It was made after the change."""

    @property
    def state(self) -> State:
        """The last one."""
        return self.phases[-1].state

    @property
    def was_ready(self) -> bool:
        """Before the change."""
        return not self.is_new and self.phases[0].state == "ready"

    @property
    def hash(self) -> str:
        """Which template it is of (`hash_of`)."""
        return hash_of(self.pod)


def hash_of(obj: JSON) -> str:
    """Which template a Pod or ReplicaSet is of; "" for a ReplicationController's."""
    labels = objects.labels(obj)
    return next((str(labels[label]) for label in HASH_LABELS if labels.get(label)), "")


def state_of(pod: JSON) -> State:
    """Where a Pod is in its life."""
    if objects.is_terminating(pod):
        return "terminating"
    if pods.is_finished(pod):
        return "finished"
    if pods.is_ready(pod):
        return "ready"
    if not pod["spec"].get("nodeName"):
        return "pending"
    return "starting" if (pod.get("status") or {}).get("phase") == "Running" else "pulling"
