"""Conditions of Deployments and ReplicaSets: their types, reasons and how they are made.

Follows pkg/controller/deployment/util/deployment_util.go and pkg/controller/replicaset/replica_set_utils.go (1.32).
Setting them is `machinery.conditions.with_condition`.
"""

from seatrial.base.types import JSON
from seatrial.machinery import times

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"

NEW_REPLICA_SET = "NewReplicaSetCreated"
FOUND_NEW_REPLICA_SET = "FoundNewReplicaSet"
REPLICA_SET_UPDATED = "ReplicaSetUpdated"
NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
CREATE_FAILED = "ReplicaSetCreateError"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"


def deployment_condition(type: str, status: str, reason: str, message: str, now: float) -> JSON:
    """A DeploymentCondition of this moment."""
    moment = times.format_time(now)
    return {
        "type": type,
        "status": status,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


def availability(enough: bool, now: float) -> JSON:
    """Whether at least as many Pods are available as the Deployment promises."""
    if enough:
        text = "Deployment has minimum availability."
        return deployment_condition(AVAILABLE, "True", "MinimumReplicasAvailable", text, now)
    text = "Deployment does not have minimum availability."
    return deployment_condition(AVAILABLE, "False", "MinimumReplicasUnavailable", text, now)


def replica_failure(reason: str, message: str, now: float) -> JSON:
    """A ReplicaSet's (or ReplicationController's) ReplicaFailure condition."""
    return {
        "type": REPLICA_FAILURE,
        "status": "True",
        "lastTransitionTime": times.format_time(now),
        "reason": reason,
        "message": message,
    }


def of_replica_set(condition: JSON) -> JSON:
    """A ReplicaSet's condition as a Deployment's."""
    moment = condition.get("lastTransitionTime")
    return {
        "type": condition["type"],
        "status": condition.get("status"),
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
        "reason": condition.get("reason") or "",
        "message": condition.get("message") or "",
    }
