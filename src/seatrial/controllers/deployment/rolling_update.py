"""The strategy RollingUpdate: one direction at a look, new Pods first.

Follows pkg/controller/deployment/rolling.go (1.32); the numbers are workloads.rolling's.
"""

from seatrial.controllers.deployment import history, new_replica_set, progress
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import objects
from seatrial.reconcile.decision import Decision
from seatrial.workloads import revisions, rolling
from seatrial.workloads.rolling import Scaling


def roll(sync: Sync) -> Decision:
    if not new_replica_set.settle(sync, create=True):
        return sync.decision()
    if _scale_new(sync) or _scale_old(sync):
        return progress.finish(sync)
    if progress.is_complete(sync, sync.status):
        history.clean_up(sync)
    return progress.finish(sync)


def _scale_new(sync: Sync) -> bool:
    if sync.new is None:
        return False
    current, total = sync.new["spec"].get("replicas") or 0, sum(each["spec"].get("replicas") or 0 for each in sync.all)
    target = rolling.reconcile_new(sync.limits, total, current)
    because = f"surge: {total} of {sync.limits.max_total} Pods before"
    return sync.scale([Scaling(objects.name(sync.new), current, target)], because)


def _scale_old(sync: Sync) -> bool:
    if sync.new is None:
        return False
    old = [revisions.size(each) for each in sync.old]
    steps = rolling.reconcile_old(sync.limits, old, revisions.size(sync.new))
    return sync.scale(steps, f"at least {sync.limits.min_available} Pods stay available")
