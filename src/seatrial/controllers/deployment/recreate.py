"""The strategy Recreate: all old Pods gone, then the new ones.

Follows pkg/controller/deployment/recreate.go (1.32).
"""

from seatrial.controllers.deployment import history, new_replica_set, progress
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import objects
from seatrial.reconcile.decision import Decision
from seatrial.workloads import pods
from seatrial.workloads.rolling import Scaling


def recreate(sync: Sync) -> Decision:
    if not new_replica_set.settle(sync, create=False):
        return sync.decision()
    down = [Scaling(objects.name(each), each["spec"]["replicas"], 0) for each in sync.active_old]
    if sync.scale(down, "Recreate: old Pods go first") or _old_pods_running(sync):
        return progress.finish(sync)
    if sync.new is None and not new_replica_set.settle(sync, create=True):
        return sync.decision()
    if sync.new is not None:
        sync.scale_to(sync.new, sync.limits.desired, "Recreate: no old Pods are left")
    if progress.is_complete(sync, sync.status):
        history.clean_up(sync)
    return progress.finish(sync)


def _old_pods_running(sync: Sync) -> bool:
    """Pods that are being deleted still run, and nobody knows of those of a lost node."""
    if any((each.get("status") or {}).get("replicas") for each in sync.old):
        return True
    new_uid = objects.uid(sync.new) if sync.new else ""
    return any(not pods.is_finished(pod) for uid, owned in sync.view.pods.items() if uid != new_uid for pod in owned)
