"""From what is in sight to what the plan looks at. Pure: nothing is read but what a Sight holds already."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from seatrial.api.registry import (
    CONTROLLER_REVISIONS,
    ENDPOINT_SLICES,
    EVENTS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
)
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rollout import newest, obstacles, progress, stuck
from seatrial.rollout.obstacles import Obstacle
from seatrial.rollout.progress import Progress
from seatrial.rollout.rolling_update import plan as replication
from seatrial.rollout.rolling_update import resume
from seatrial.rollout.service import change, record
from seatrial.rollout.service.change import Target
from seatrial.rollout.service.plan import Member, Options
from seatrial.rollout.service.record import Record
from seatrial.rollout.sight import Scope, Sight
from seatrial.workloads import pods

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
UNSERVED_SECONDS = 30.0
_NEEDED = {"Deployment": REPLICA_SETS, "DaemonSet": CONTROLLER_REVISIONS}
"""Without these nobody can tell a workload's new Pods from its old ones."""
DEADLINE_SECONDS = 10.0


def scopes(service: JSON, selector: str, targets: Sequence[Target]) -> tuple[Scope, ...]:
    """All that a roll of this Service has to see. `selector`: the Service's, as a query has it."""
    slices = Scope(ENDPOINT_SLICES, f"{SERVICE_NAME_LABEL}={objects.name(service)}", optional=True)
    kinds = {target.workload.resource.kind: target.workload.resource for target in targets}
    needed = [revisions for kind, revisions in _NEEDED.items() if kind in kinds]
    seen = (
        replace(scope, optional=scope.optional and scope.resource not in needed) for scope in newest.scopes(selector)
    )
    return (*(Scope(resource) for resource in kinds.values()), slices, *seen)


def endpoints(sight: Sight) -> frozenset[str] | None:
    """The names of the Service's Pods that get traffic; None when endpoints may not be read."""
    if not sight.readable(ENDPOINT_SLICES):
        return None
    return frozenset(_ready_endpoints(sight.all(ENDPOINT_SLICES)))


def _ready_endpoints(slices: Iterable[JSON]) -> Iterator[str]:
    for each in slices:
        for endpoint in each.get("endpoints") or ():
            if objects.get(endpoint, "conditions", "ready", default=True):
                yield str(objects.get(endpoint, "targetRef", "name", default=""))


def member(target: Target, sight: Sight, options: Options, served: frozenset[str] | None, now: float) -> Member:
    """One workload. `served`: the Pods that get traffic, None when that is not known."""
    obj = find(target, sight)
    if obj is None:
        return Member(target, None, Progress("it is gone"))
    kind, found = target.workload.resource.kind, record.of(obj)
    _, new = _newest(target, obj, found, sight)
    desired = _desired(obj, kind)
    ready = [objects.name(pod) for pod in new if pods.is_ready(pod)]
    return Member(
        target,
        obj,
        _progress(target, obj, kind, found, sight, len(ready)),
        desired,
        len(new),
        _held(new, min(options.canary, desired), now),
        _evictable(obj, kind, found, new, min(options.canary, desired), sight, now),
        [] if served is None else [name for name in ready if name not in served],
        newest.observed(obj),
    )


def find(target: Target, sight: Sight) -> JSON | None:
    """The workload; of a ReplicationController that is between two names, its successor."""
    workload = target.workload
    obj = sight.get(workload.resource, workload.name)
    if workload.resource is REPLICATION_CONTROLLERS and (obj is None or objects.is_terminating(obj)):
        return resume.find_successor(workload.name, sight.all(REPLICATION_CONTROLLERS))
    return obj


def _newest(target: Target, obj: JSON, found: Record | None, sight: Sight) -> tuple[list[JSON], list[JSON]]:
    """(who has to make the new Pods, the new Pods). A ReplicationController's are its successor's."""
    if target.workload.resource is not REPLICATION_CONTROLLERS:
        return newest.of(obj, target.workload.resource.kind, sight)
    successor = resume.find_successor(target.workload.name, sight.all(REPLICATION_CONTROLLERS))
    for rc in filter(None, (successor, obj)):
        if change.is_reached(_wanted(target, found), rc):
            return newest.of(rc, "ReplicationController", sight)
    return [], []


def _wanted(target: Target, found: Record | None) -> Target:
    """What the workload is on the way to."""
    if found is not None and found.stage == "undoing":
        return Target(target.workload, found.before["template"])
    return target


def _desired(obj: JSON, kind: str) -> int:
    if kind == "DaemonSet":
        return int(objects.get(obj, "status", "desiredNumberScheduled", default=0))
    replicas = obj["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _progress(target: Target, obj: JSON, kind: str, found: Record | None, sight: Sight, ready: int) -> Progress:
    if kind != "ReplicationController":
        return progress.of(obj, kind)
    name, desired, wanted = target.workload.name, replication.replicas(obj), _wanted(target, found)
    others = [each for each in sight.all(REPLICATION_CONTROLLERS) if resume.source_name(each) == name]
    done = (
        objects.name(obj) == name
        and not others
        and change.is_reached(wanted, obj)
        and replication.has_desired_replicas(obj)
        and ready == desired
    )
    updated = ready if change.is_reached(wanted, obj) else 0
    return Progress(f"{updated} of {desired} Pods are new", done, "", desired, updated, ready)


def _held(new: Sequence[JSON], count: int, now: float) -> float | None:
    """For how long all new Pods have been ready, when there are enough."""
    since = [pods.ready_since(pod) for pod in new]
    known = [at for at in since if at is not None]
    if len(known) < max(count, 1) or len(known) < len(new):
        return None
    return max(0.0, now - max(known))


def _evictable(
    obj: JSON, kind: str, found: Record | None, new: Sequence[JSON], count: int, sight: Sight, now: float
) -> list[JSON]:
    if kind == "StatefulSet" and found is not None:
        one = stuck.find(obj, sight.all(PODS), sight.all(EVENTS), now)
        return [one.pod] if one else []
    if kind != "DaemonSet" or found is None or found.stage != "canary" or not newest.observed(obj):
        return []
    mine = [pod for pod in sight.all(PODS) if objects.is_controlled_by(pod, obj)]
    alive = [pod for pod in mine if not objects.is_terminating(pod)]
    under_way = len(new) + max(0, _desired(obj, kind) - len(alive))
    old = [pod for pod in alive if pod not in new]
    old.sort(key=lambda pod: (pods.is_ready(pod), objects.name(pod)))
    return old[: max(0, count - under_way)]


def in_the_way(one: Member, sight: Sight, now: float) -> list[Obstacle]:
    """What keeps this workload's newest Pods from serving, with patience; the surest first."""
    if one.obj is None:
        return []
    owners, new = _newest(one.target, one.obj, record.of(one.obj), sight)
    found = obstacles.find(new, owners, sight.all(EVENTS), now)
    if one.kind == "Deployment" and one.progress.error:
        found.append(Obstacle("Deadline", "", one.progress.error, DEADLINE_SECONDS))
    if one.progress.done and one.unserved:
        told = f"{', '.join(one.unserved)}: ready, but not among the Service's endpoints"
        found.append(Obstacle("Endpoints", "", told, UNSERVED_SECONDS))
    return sorted(found, key=lambda obstacle: obstacle.patience)
