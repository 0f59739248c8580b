"""Old ReplicaSets are kept for rolling back, up to revisionHistoryLimit.

Follows cleanupDeployment of pkg/controller/deployment/sync.go (1.32).
"""

from seatrial.api.registry import REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import objects
from seatrial.reconcile.decision import Delete
from seatrial.workloads import revisions


def clean_up(sync: Sync) -> None:
    """Delete the oldest ReplicaSets that are too many, but only those that are empty for certain."""
    if not revisions.has_history_limit(sync.spec):
        return
    alive = [each for each in sync.old if not objects.is_terminating(each)]
    surplus = len(alive) - sync.spec["revisionHistoryLimit"]
    if surplus <= 0:
        return
    for each in revisions.by_revision(alive)[:surplus]:
        if _is_empty(each):
            because = f"revisionHistoryLimit: {sync.spec['revisionHistoryLimit']}"
            sync.actions.append(Delete(REPLICA_SETS, objects.key(each), objects.uid(each), because))


def _is_empty(replica_set: JSON) -> bool:
    status = replica_set.get("status") or {}
    seen = objects.generation(replica_set) <= (status.get("observedGeneration") or 0)
    return seen and not status.get("replicas") and not replica_set["spec"].get("replicas")
