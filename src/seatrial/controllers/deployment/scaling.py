"""Scaling without rolling: while paused, and whenever the Deployment's size changed.

Follows sync, scale and isScalingEvent of pkg/controller/deployment/sync.go (1.32).
"""

from seatrial.base.types import JSON
from seatrial.controllers.deployment import history, new_replica_set, progress
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import objects
from seatrial.reconcile.decision import Decision
from seatrial.workloads import revisions, rolling


def is_scaling_event(sync: Sync) -> bool:
    """Whether an active ReplicaSet was last told another size of the Deployment."""
    told = (revisions.number(objects.annotations(each).get(revisions.DESIRED_REPLICAS)) for each in sync.active)
    return any(size is not None and size != sync.limits.desired for size in told)


def scale(sync: Sync) -> Decision:
    if not new_replica_set.settle(sync, create=False):
        return sync.decision()
    _scale_replica_sets(sync)
    if sync.spec.get("paused") and revisions.ROLLBACK_TO not in objects.annotations(sync.deployment):
        history.clean_up(sync)
    return progress.finish_without_progress(sync)


def _scale_replica_sets(sync: Sync) -> None:
    only = _active_or_latest(sync)
    if only is not None:
        sync.scale_to(only, sync.limits.desired, "the Deployment was scaled")
        return
    if _is_saturated(sync):
        for each in sync.active_old:
            sync.scale_to(each, 0, "the new ReplicaSet has all Pods that are wanted")
        return
    if (sync.spec.get("strategy") or {}).get("type") == "RollingUpdate":
        sizes = [revisions.size(each) for each in sync.active]
        steps = rolling.proportional(sync.limits, sizes, sync.status.get("replicas") or 0)
        sync.scale(steps, "the Deployment was scaled in the middle of a roll", annotate=True)


def _active_or_latest(sync: Sync) -> JSON | None:
    """The only active ReplicaSet; without any the new one, else the newest; None when several are active."""
    active = sync.active
    if len(active) > 1 or (not active and not sync.all):
        return None
    if active:
        return active[0]
    return sync.new if sync.new is not None else sync.old[-1]


def _is_saturated(sync: Sync) -> bool:
    """Whether the new ReplicaSet alone is the Deployment."""
    if sync.new is None:
        return False
    size, wanted = revisions.size(sync.new), sync.limits.desired
    told = revisions.number(objects.annotations(sync.new).get(revisions.DESIRED_REPLICAS))
    return size.desired == wanted and told == wanted and size.available == wanted
