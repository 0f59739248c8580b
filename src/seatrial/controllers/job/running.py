"""As many Pods at work as a Job wants at a time, and no more than are still needed.

Follows manageJob, deleteJobPods and deleteActivePods of pkg/controller/job/job_controller.go (1.32).
"""

from collections.abc import Sequence

from seatrial.base.types import JSON
from seatrial.controllers.job import indexes, pods_of
from seatrial.controllers.job.sync import Sync, release
from seatrial.reconcile.decision import Batch, Create
from seatrial.workloads import pods

BURST = 500
"""Most Pods created or deleted at one look (MaxPodCreateDeletePerSync)."""


def end_all(sync: Sync) -> None:
    """Delete what still runs; these Pods are counted when they are going."""
    doomed = sync.active_pods
    if doomed:
        sync.actions.append(Batch(tuple(sync.deletion(pod, "the Job is over") for pod in doomed)))
    sync.going += len(doomed)
    sync.active, sync.ready = 0, 0


def manage(sync: Sync) -> None:
    if sync.suspended:
        _delete(sync, sync.active_pods, "the Job is suspended")
        return
    wanted = _wanted(sync)
    doomed = _surplus(sync, max(0, sync.active - wanted))[:BURST]
    if doomed:
        _delete(sync, doomed, f"{wanted} wanted at a time")
        return
    missing = wanted - sync.active
    if pods_of.replaces_only_failed(sync.job):
        missing -= sync.going
    if missing > 0:
        _create(sync, min(missing, BURST), wanted)


def _wanted(sync: Sync) -> int:
    if sync.spec.get("completions") is None:
        # Once one has succeeded, those at work may end, but no others begin.
        return sync.active if sync.succeeded > 0 else sync.parallelism
    left = sync.completions - sync.succeeded - len(sync.failed_indexes)
    return max(0, min(left, sync.parallelism))


def _surplus(sync: Sync, at_least: int) -> list[JSON]:
    """Pods whose index is taken or unknown go anyway, then those that are least far."""
    doomed, rest = _with_wrong_index(sync) if sync.indexed else ([], sync.active_pods)
    if len(doomed) < at_least:
        doomed += pods.by_deletion(rest, {}, sync.now)[: at_least - len(doomed)]
    return doomed


def _with_wrong_index(sync: Sync) -> tuple[list[JSON], list[JSON]]:
    doomed: list[JSON] = []
    by_index: dict[int, list[JSON]] = {}
    for pod in sync.active_pods:
        if indexes.is_valid(pod, sync.completions):
            by_index.setdefault(indexes.of_pod(pod), []).append(pod)
        else:
            doomed.append(pod)
    kept: list[JSON] = []
    for _, same in sorted(by_index.items()):
        ordered = pods.by_deletion(same, {}, sync.now)
        doomed += ordered[:-1]
        kept.append(ordered[-1])
    return doomed, kept


def _delete(sync: Sync, doomed: Sequence[JSON], because: str) -> None:
    """These Pods have done nothing wrong: they are let go first, so that they do not count as failures."""
    if not doomed:
        return
    sync.actions += [release(pod, because) for pod in doomed if pods_of.is_tracked(pod)]
    sync.actions.append(Batch(tuple(sync.deletion(pod, because) for pod in doomed)))
    sync.active -= len(doomed)
    sync.going += len(doomed)
    sync.ready -= sum(map(pods.is_ready, doomed))


def _create(sync: Sync, count: int, wanted: int) -> None:
    because = f"{wanted} wanted at a time"
    delay = 0.0 if sync.per_index else pods_of.backoff(sync.job, sync.pods, sync.now)
    if delay > 0:
        sync.look_again(delay)
        return
    if sync.indexed:
        creations = _indexed(sync, count, because)
    else:
        creations = [sync.creation(pods_of.new_pod(sync.job), because)] * count
    if creations:
        sync.actions.append(Batch(tuple(creations), slow_start=True))
        sync.active += len(creations)


def _indexed(sync: Sync, count: int, because: str) -> list[Create]:
    """Pods for the lowest indexes that nobody works at, or has worked at to the end."""
    taken = sync.done_indexes | sync.failed_indexes | {indexes.of_pod(pod) for pod in sync.active_pods}
    if pods_of.replaces_only_failed(sync.job):
        taken |= {indexes.of_pod(pod) for pod in sync.pods if pods_of.is_going(pod)}
    failed = _failed_by_index(sync) if sync.per_index else {}
    creations: list[Create] = []
    for index in range(sync.completions):
        if len(creations) == count:
            break
        if index in taken or _waits(sync, failed.get(index, [])):
            continue
        failures = _failures(sync, failed.get(index, [])) if sync.per_index else None
        creations.append(sync.creation(pods_of.new_indexed_pod(sync.job, index, failures), because))
    return creations


def _failed_by_index(sync: Sync) -> dict[int, list[JSON]]:
    found: dict[int, list[JSON]] = {}
    for pod in sync.pods:
        if pods_of.has_failed(sync.job, pod):
            found.setdefault(indexes.of_pod(pod), []).append(pod)
    return found


def _waits(sync: Sync, failed: list[JSON]) -> bool:
    delay = pods_of.backoff(sync.job, failed, sync.now)
    if delay > 0:
        sync.look_again(delay)
    return delay > 0


def _failures(sync: Sync, failed: list[JSON]) -> tuple[int, int]:
    """Of the index so far, as its last failed Pod tells.

    # differs: upstream keeps that Pod until there is another; here its annotations are lost if somebody deletes it.
    """
    return max((pods_of.failures_with(sync.job, pod) for pod in failed), default=(0, 0), key=sum)
