"""Status and conditions of a Deployment: counts, availability, progress, deadline, pause.

Follows pkg/controller/deployment/progress.go, and calculateStatus, checkPausedConditions of sync.go (1.32).
"""

from seatrial.base.types import JSON
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.decision import Decision
from seatrial.workloads import conditions as workload_conditions

_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
_RETRY_SECONDS = 0.005


def check_paused(sync: Sync) -> None:
    """Tell of pausing and resuming, so that a pause does not count as lack of progress."""
    condition = conditions.find(sync.deployment, workload_conditions.PROGRESSING)
    reason = condition.get("reason") if condition else None
    if not sync.has_progress_deadline or reason == workload_conditions.TIMED_OUT:
        return
    paused, told = bool(sync.spec.get("paused")), reason == workload_conditions.PAUSED
    if paused and not told:
        _set_progressing(sync, "Unknown", workload_conditions.PAUSED, "Deployment is paused")
        sync.write_status("paused")
    elif told and not paused:
        _set_progressing(sync, "Unknown", workload_conditions.RESUMED, "Deployment is resumed")
        sync.write_status("resumed")


def _set_progressing(sync: Sync, status: str, reason: str, text: str) -> None:
    progressing = workload_conditions.PROGRESSING
    sync.set_condition(workload_conditions.deployment_condition(progressing, status, reason, text, sync.now))


def counts(sync: Sync) -> JSON:
    """calculateStatus: the counts, Available, and the other conditions as they are."""
    statuses = [each.get("status") or {} for each in sync.all]
    new_status = (sync.new or {}).get("status") or {}
    available = sum(status.get("availableReplicas") or 0 for status in statuses)
    wanted = sum(each["spec"].get("replicas") or 0 for each in sync.all)
    numbers = {
        "observedGeneration": objects.generation(sync.deployment),
        "replicas": sum(status.get("replicas") or 0 for status in statuses),
        "updatedReplicas": new_status.get("replicas") or 0,
        "readyReplicas": sum(status.get("readyReplicas") or 0 for status in statuses),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    status: JSON = {name: number for name, number in numbers.items() if number}
    if sync.status.get("collisionCount") is not None:
        status["collisionCount"] = sync.status["collisionCount"]
    availability = workload_conditions.availability(available >= sync.limits.min_available, sync.now)
    status["conditions"] = conditions.with_condition(sync.status.get("conditions") or (), availability)
    return status


def is_complete(sync: Sync, status: JSON) -> bool:
    """All Pods are new, available, and as many as wanted."""
    wanted = sync.limits.desired
    return (
        (status.get("updatedReplicas") or 0) == wanted
        and (status.get("replicas") or 0) == wanted
        and (status.get("availableReplicas") or 0) == wanted
        and (status.get("observedGeneration") or 0) >= objects.generation(sync.deployment)
    )


def finish_without_progress(sync: Sync) -> Decision:
    """The end of a look that only scales (syncDeploymentStatus)."""
    status = counts(sync)
    return sync.decision(None if _same(sync, status) else status)


def finish(sync: Sync) -> Decision:
    """The end of a look that rolls (syncRolloutStatus): status, progress, and when to look for the deadline."""
    status = counts(sync)
    progressing = workload_conditions.PROGRESSING
    if not sync.has_progress_deadline:
        status["conditions"] = conditions.without(status["conditions"], progressing)
    elif not _was_complete(sync, status):
        status["conditions"] = _estimate(sync, status)
    failure = _replica_failure(sync)
    if failure is not None:
        status["conditions"] = conditions.with_condition(status["conditions"], failure)
    else:
        status["conditions"] = conditions.without(status["conditions"], workload_conditions.REPLICA_FAILURE)
    if not _same(sync, status):
        return sync.decision(status)
    return sync.decision(requeue_after=_deadline_check_after(sync, status))


def _same(sync: Sync, status: JSON) -> bool:
    before = {name: value for name, value in sync.status.items() if value or name == "collisionCount"}
    return before == {name: value for name, value in status.items() if value or name == "collisionCount"}


def _was_complete(sync: Sync, status: JSON) -> bool:
    """Nothing is being rolled out: then lack of progress is none."""
    current = conditions.find(sync.deployment, workload_conditions.PROGRESSING) or {}
    same = (status.get("replicas") or 0) == (status.get("updatedReplicas") or 0)
    return same and current.get("reason") == workload_conditions.NEW_REPLICA_SET_AVAILABLE


def _estimate(sync: Sync, status: JSON) -> list[JSON]:
    """The conditions with what there is to say of progress."""
    listed: list[JSON] = status["conditions"]
    current = conditions.find(sync.deployment, workload_conditions.PROGRESSING)
    who = f'Deployment "{objects.name(sync.deployment)}"'
    if sync.new is not None:
        who = f'ReplicaSet "{objects.name(sync.new)}"'
    if is_complete(sync, status):
        text = f"{who} has successfully progressed."
        return conditions.with_condition(
            listed, _progressing("True", workload_conditions.NEW_REPLICA_SET_AVAILABLE, text, sync.now)
        )
    if _has_progressed(sync, status):
        made = _progressing("True", workload_conditions.REPLICA_SET_UPDATED, f"{who} is progressing.", sync.now)
        # Replaced even with the same reason, so that lastUpdateTime moves with each sign of progress.
        if current is not None and current.get("status") == "True":
            made["lastTransitionTime"] = current.get("lastTransitionTime")
        return [*conditions.without(listed, workload_conditions.PROGRESSING), made]
    if _timed_out(sync, current):
        text = f"{who} has timed out progressing."
        return conditions.with_condition(listed, _progressing("False", workload_conditions.TIMED_OUT, text, sync.now))
    return listed


def _progressing(status: str, reason: str, text: str, now: float) -> JSON:
    return workload_conditions.deployment_condition(workload_conditions.PROGRESSING, status, reason, text, now)


def _has_progressed(sync: Sync, status: JSON) -> bool:
    def count(of: JSON, name: str) -> int:
        return of.get(name) or 0

    def old(of: JSON) -> int:
        return count(of, "replicas") - count(of, "updatedReplicas")

    before = sync.status
    grew = any(
        count(status, name) > count(before, name) for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grew or old(status) < old(before)


def _timed_out(sync: Sync, current: JSON | None) -> bool:
    if current is None or current.get("reason") == workload_conditions.NEW_REPLICA_SET_AVAILABLE:
        return False
    return current.get("reason") == workload_conditions.TIMED_OUT or _deadline(sync, current) < sync.now


def _deadline(sync: Sync, current: JSON) -> float:
    updated_at = times.parse_time(current.get("lastUpdateTime") or times.format_time(0))
    return float(updated_at + sync.spec["progressDeadlineSeconds"])


def _deadline_check_after(sync: Sync, status: JSON) -> float | None:
    """One second past the deadline (requeueStuckDeployment), as stored times are truncated to seconds.

    A rollout that was complete has no deadline that could pass (_timed_out): there upstream looks again and again, as
    fast as its queue lets it, for as long as a scaled-up Deployment lacks Pods.
    """
    current = conditions.find(sync.deployment, workload_conditions.PROGRESSING)
    if not sync.has_progress_deadline or current is None:
        return None
    settled = (workload_conditions.TIMED_OUT, workload_conditions.NEW_REPLICA_SET_AVAILABLE)
    if is_complete(sync, status) or current.get("reason") in settled:
        return None
    after = _deadline(sync, current) - sync.now
    return after + 1 if after >= 1 else max(after, 0.0) + _RETRY_SECONDS


def _replica_failure(sync: Sync) -> JSON | None:
    """The new ReplicaSet's failure, else the first old one's."""
    for each in [*([sync.new] if sync.new else ()), *sync.old]:
        found = conditions.find(each, workload_conditions.REPLICA_FAILURE)
        if found is not None:
            return workload_conditions.of_replica_set(found)
    return None
