"""The workloads whose update is rehearsed, and whether it is complete. Pure.

Complete means more than `kubectl rollout status` asks: nothing of the old version is left, and every Pod is available
(a Deployment whose new Pods all run but are not available is not complete).
"""

from dataclasses import dataclass, replace

from seatrial.api import old_versions
from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import intstr, objects
from seatrial.rollout.workload import Workload
from seatrial.workloads import rolling

KINDS: tuple[Resource, ...] = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS, REPLICATION_CONTROLLERS)


def resource_of(obj: JSON) -> Resource | None:
    """Which of KINDS an object is of, in whatever version; None if it is of none."""
    return next((each for each in KINDS if old_versions.stored_as(obj) is not None and each.kind == obj["kind"]), None)


@dataclass(frozen=True)
class Target:
    """One workload by name."""

    resource: Resource
    namespace: str
    name: str

    @property
    def shown(self) -> str:
        """`deployment/web`."""
        return f"{self.resource.singular}/{self.name}"

    @property
    def workload(self) -> Workload:
        """The same for the commands of `seatrial rollout`."""
        return Workload(self.resource, self.name, self.namespace)

    def is_this(self, obj: JSON) -> bool:
        return obj.get("kind") == self.resource.kind and objects.key(obj) == (self.namespace, self.name)


@dataclass(frozen=True)
class Counts:
    """Pods of one workload as its status counts them. `promised`: what its strategy never falls below.

    `known`: a controller has looked at it, and it is not being deleted; else its status counts too few.
    """

    desired: int = 0
    updated: int = 0
    total: int = 0
    available: int = 0
    promised: int = 0
    complete: bool = False
    known: bool = True


def counts(obj: JSON) -> Counts:
    """Of any of KINDS."""
    status = obj.get("status") or {}
    known = bool(status.get("observedGeneration")) and not objects.is_terminating(obj)
    return replace(_COUNTERS[obj["kind"]](obj, status), known=known)


def _replicas(obj: JSON) -> int:
    wanted = obj["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def _count(status: JSON, field: str) -> int:
    return int(status.get(field) or 0)


def _observed(obj: JSON, status: JSON) -> bool:
    return _count(status, "observedGeneration") >= objects.generation(obj)


def _deployment(obj: JSON, status: JSON) -> Counts:
    desired = _replicas(obj)
    # As long as the controller has not got to the template, none of its Pods are there.
    updated = _count(status, "updatedReplicas") if _observed(obj, status) else 0
    total = _count(status, "replicas")
    available = _count(status, "availableReplicas")
    rolls = (obj["spec"].get("strategy") or {}).get("type") != "Recreate"
    promised = rolling.limits(obj["spec"]).min_available if rolls else 0
    complete = _observed(obj, status) and updated == total == available == desired
    return Counts(desired, updated, total, available, promised, complete)


def _stateful_set(obj: JSON, status: JSON) -> Counts:
    spec, desired = obj["spec"], _replicas(obj)
    ready, total, available = (_count(status, each) for each in ("readyReplicas", "replicas", "availableReplicas"))
    partition = int(objects.get(spec, "updateStrategy", "rollingUpdate", "partition", default=0))
    same = status.get("currentRevision") == status.get("updateRevision")
    updated = total if same else _count(status, "updatedReplicas")
    # A partition that spares every Pod is no update, though kubectl calls it complete.
    # The revisions become the same only where a rolling update has replaced every Pod.
    in_part = partition > 0 or objects.get(spec, "updateStrategy", "type") == "OnDelete"
    done = same or (in_part and updated >= desired - partition > 0)
    complete = _observed(obj, status) and done and ready == total == desired and available >= desired
    return Counts(desired, updated, total, available, max(desired - 1, 0), complete)


def _daemon_set(obj: JSON, status: JSON) -> Counts:
    desired, updated = _count(status, "desiredNumberScheduled"), _count(status, "updatedNumberScheduled")
    available, total = _count(status, "numberAvailable"), _count(status, "currentNumberScheduled")
    unavailable = objects.get(obj["spec"], "updateStrategy", "rollingUpdate", "maxUnavailable", default=1)
    promised = desired - intstr.scaled(unavailable, desired, round_up=True)
    complete = _observed(obj, status) and updated == available == desired
    return Counts(desired, updated, total, available, max(promised, 0), complete)


def _replica_set(obj: JSON, status: JSON) -> Counts:
    desired, total, available = _replicas(obj), _count(status, "replicas"), _count(status, "availableReplicas")
    complete = _observed(obj, status) and total == available == desired
    return Counts(desired, total, total, available, 0, complete)


_COUNTERS = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replica_set,
}
