"""When a Job is over, well or badly.

Follows the first half of syncJob of pkg/controller/job/job_controller.go (1.32).
"""

from seatrial.base.types import JSON
from seatrial.controllers.job import pods_of, policies
from seatrial.controllers.job.sync import FAILURE, SUCCESS, Sync, condition
from seatrial.machinery import times

BACKOFF_MESSAGE = "Job has reached the specified backoff limit"
DEADLINE_MESSAGE = "Job was active longer than specified deadline"


def find(sync: Sync) -> JSON | None:
    """The condition that tells how it ends; None while it goes on."""
    return sync.finish or _by_policy(sync) or _by_limits(sync) or _by_indexes(sync) or _by_success_policy(sync)


def _failure(sync: Sync, reason: str, message: str) -> JSON:
    return condition(FAILURE, reason, message, sync.now)


def _by_policy(sync: Sync) -> JSON | None:
    if not sync.spec.get("podFailurePolicy"):
        return None
    for pod in sync.pods:
        if pods_of.has_failed(sync.job, pod):
            verdict = policies.judge(sync.job, pod)
            if verdict.action == "FailJob":
                return _failure(sync, "PodFailurePolicy", verdict.message)
    return None


def _by_limits(sync: Sync) -> JSON | None:
    if sync.failed > (sync.spec.get("backoffLimit") or 0) or _restarted_too_often(sync):
        return _failure(sync, "BackoffLimitExceeded", BACKOFF_MESSAGE)
    deadline, started = sync.spec.get("activeDeadlineSeconds"), sync.status.get("startTime")
    if deadline is None or started is None or sync.suspended:
        return None
    left = times.parse_time(started) + deadline - sync.now
    if left <= 0:
        return _failure(sync, "DeadlineExceeded", DEADLINE_MESSAGE)
    sync.look_again(left)
    return None


def _restarted_too_often(sync: Sync) -> bool:
    """Where containers restart in place, their restarts are the failures."""
    if (sync.spec["template"].get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts, limit = pods_of.restarts(sync.pods), sync.spec.get("backoffLimit") or 0
    return restarts > 0 if limit == 0 else restarts >= limit


def _by_indexes(sync: Sync) -> JSON | None:
    if not sync.per_index or not sync.failed_indexes:
        return None
    most = sync.spec.get("maxFailedIndexes")
    if most is not None and len(sync.failed_indexes) > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return _failure(sync, "MaxFailedIndexesExceeded", text)
    if len(sync.failed_indexes | sync.done_indexes) >= sync.completions:
        return _failure(sync, "FailedIndexes", "Job has failed indexes")
    return None


def _by_success_policy(sync: Sync) -> JSON | None:
    message = policies.success(sync.job, sync.done_indexes) if sync.indexed else None
    return condition(SUCCESS, "SuccessPolicy", message, sync.now) if message is not None else None


def by_completions(sync: Sync) -> JSON | None:
    """Enough Pods have succeeded, and none is left."""
    if sync.active:
        return None
    if sync.spec.get("completions") is None:
        enough = sync.succeeded > 0
    else:
        enough = sync.succeeded >= sync.completions
    if not enough:
        return None
    return condition(SUCCESS, "CompletionsReached", "Reached expected number of succeeded pods", sync.now)
