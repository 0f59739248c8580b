"""Which Pods are the newest of a workload, and who has to make them, of those in sight.

The newest are those of the template as it is now: of the Deployment's new ReplicaSet, of a set's update revision. As
long as the controller hasn't seen the template, there are none.
"""

from collections.abc import Sequence
from typing import Protocol

from seatrial.api.registry import CONTROLLER_REVISIONS, EVENTS, PODS, REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout.sight import Scope
from seatrial.workloads import controller_revisions, revisions


class InSight(Protocol):
    """Whoever has the objects: a Sight, or a rehearsal's course."""

    def all(self, resource: ResourceRef) -> list[JSON]: ...


def scopes(label_selector: str) -> tuple[Scope, ...]:
    """What has to be seen to know a workload's newest Pods, and what stands in their way."""
    return (
        Scope(PODS, label_selector),
        Scope(REPLICA_SETS, label_selector, optional=True),
        Scope(CONTROLLER_REVISIONS, label_selector, optional=True),
        Scope(EVENTS, field_selector="type=Warning", optional=True),
    )


def selector_of(obj: JSON) -> str:
    """The selector of a workload's Pods, as a query has it."""
    return str(selectors.from_label_selector(obj["spec"].get("selector")))


def observed(obj: JSON) -> bool:
    """Whether the controller has seen the object as it is."""
    return int(objects.get(obj, "status", "observedGeneration", default=0)) >= objects.generation(obj)


def of(obj: JSON, kind: str, sight: InSight) -> tuple[list[JSON], list[JSON]]:
    """(who has to make the newest Pods, these Pods, those on their way out left out)."""
    owners, pods = _of(obj, kind, sight)
    return owners, [pod for pod in pods if not objects.is_terminating(pod)]


def _of(obj: JSON, kind: str, sight: InSight) -> tuple[list[JSON], list[JSON]]:
    pods = sight.all(PODS)
    if kind == "Deployment":
        return _of_deployment(obj, sight.all(REPLICA_SETS), pods)
    mine = [pod for pod in pods if objects.is_controlled_by(pod, obj)]
    if kind == "ReplicationController":
        return [obj], mine
    if not observed(obj):
        return [], []
    newest = _update_revision(obj, kind, sight.all(CONTROLLER_REVISIONS))
    label = controller_revisions.POD_LABEL
    return [obj], [pod for pod in mine if newest and objects.labels(pod).get(label) == newest]


def _of_deployment(obj: JSON, sets: Sequence[JSON], pods: Sequence[JSON]) -> tuple[list[JSON], list[JSON]]:
    mine = [rs for rs in sets if objects.is_controlled_by(rs, obj)]
    new = revisions.find_new(obj["spec"]["template"], mine)
    if new is None:
        return [], []
    return [{**new, "kind": "ReplicaSet"}], [pod for pod in pods if objects.is_controlled_by(pod, new)]


def _update_revision(obj: JSON, kind: str, kept: Sequence[JSON]) -> str:
    """The value of the newest Pods' label controller-revision-hash."""
    if kind == "StatefulSet":
        return str(objects.get(obj, "status", "updateRevision", default=""))
    mine = controller_revisions.in_order(each for each in kept if objects.is_controlled_by(each, obj))
    return str(objects.labels(mine[-1]).get(controller_revisions.POD_LABEL, "")) if mine else ""
