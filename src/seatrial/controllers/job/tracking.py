"""Every Pod is counted once: noted in the status, then let go, then added to the count.

Follows trackJobStatusAndRemoveFinalizers of pkg/controller/job/job_controller.go (1.32). A crash in between does no
harm: a Pod that is noted is not counted again, one that isn't still has its finalizer. Upstream writes the status up to
three times in a look; here what comes after the Pods were let go is done at the next look, which they wake.
"""

from seatrial.base.types import JSON
from seatrial.controllers.job import indexes, pods_of, policies
from seatrial.controllers.job.sync import FAILURE, SUCCESS, Sync, condition, release
from seatrial.machinery import objects
from seatrial.reconcile.decision import Action, Event

MAX_UNCOUNTED = 500


def track(sync: Sync) -> list[Action]:
    """The writes that end a look: status, finalizers."""
    _add_released(sync)
    released = _note(sync)
    if sync.finish is not None:
        sync.set_condition(sync.finish)
    _set_counts(sync)
    ended = _end(sync) if not released else None
    if ended is not None:
        return sync.write("the Job is over", on_success=lambda _: ended)
    told: list[Action] = [*sync.told]
    return [*told, *sync.write("status"), *(release(pod, "counted") for pod in released)]


def _add_released(sync: Sync) -> None:
    """Pods that were noted and are let go by now are added to the counts."""
    tracked = {objects.uid(pod) for pod in sync.pods if pods_of.is_tracked(pod)}
    for name, uids in sync.uncounted.items():
        gone = [uid for uid in uids if uid not in tracked]
        if gone:
            sync.uncounted[name] = [uid for uid in uids if uid in tracked]
            sync.status[name] = (sync.status.get(name) or 0) + len(gone)


def _note(sync: Sync) -> list[JSON]:
    """Note Pods that have ended; all of those that may go."""
    released: list[JSON] = []
    for pod in sync.pods:
        if not pods_of.is_tracked(pod) or not _may_go(sync, pod):
            continue
        released.append(pod)
        if sync.is_new(pod):
            _note_outcome(sync, pod)
        if sum(map(len, sync.uncounted.values())) >= MAX_UNCOUNTED:
            break
    return released


def _may_go(sync: Sync, pod: JSON) -> bool:
    if objects.is_terminating(sync.job) or sync.finish is not None:
        return True
    return pods_of.phase(pod) == "Succeeded" or pods_of.has_failed(sync.job, pod)


def _note_outcome(sync: Sync, pod: JSON) -> None:
    """When a Job has failed, all that still ran has, too."""
    uid = objects.uid(pod)
    if pods_of.phase(pod) == "Succeeded":
        if not sync.indexed:
            sync.uncounted["succeeded"].append(uid)
        return
    over = sync.finish is not None and sync.finish["type"] != SUCCESS
    if (pods_of.has_failed(sync.job, pod) or over) and policies.judge(sync.job, pod).counts:
        sync.uncounted["failed"].append(uid)


def _set_counts(sync: Sync) -> None:
    status = sync.status
    if sync.indexed:
        status["completedIndexes"] = indexes.render(sync.done_indexes)
        status["succeeded"] = len(sync.done_indexes)
    if sync.per_index:
        status["failedIndexes"] = indexes.render(sync.failed_indexes)
    status["active"] = sync.active
    for name in ("active", "succeeded", "failed", "completedIndexes"):
        if not status.get(name):
            status.pop(name, None)
    status["uncountedTerminatedPods"] = {name: uids for name, uids in sync.uncounted.items() if uids}
    status["ready"], status["terminating"] = sync.ready, sync.going


def _end(sync: Sync) -> Event | None:
    """The last condition, when everything is counted and nothing is going any more; the event that tells of it."""
    finish = sync.finish
    if finish is None or sync.status["uncountedTerminatedPods"] or sync.going or sync.active:
        return None
    failed = finish["type"] == FAILURE
    kind = "Failed" if failed else "Complete"
    last = condition(kind, finish["reason"], finish["message"], sync.now)
    sync.set_condition(last)
    if failed:
        return Event(sync.job, "Warning", finish["reason"], finish["message"])
    sync.status["completionTime"] = last["lastTransitionTime"]
    return Event(sync.job, "Normal", "Completed", "Job completed")
