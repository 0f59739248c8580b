"""Jobs: Pods are run until enough of them have succeeded, or too many have failed.

Mirrors pkg/controller/job and pkg/controller/ttlafterfinished (1.32). One look does, in this order: claim Pods; see
whether the Job is over; if so delete what still runs, else create or delete Pods; count. Files: sync (what is being
decided), ending, running, tracking, pods_of, indexes, policies.
"""

from dataclasses import dataclass

from seatrial.api.apps_v1 import replica_set
from seatrial.api.batch_v1 import job as job_kind
from seatrial.api.registry import JOBS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.controllers import owned_pods
from seatrial.controllers.job import ending, running, tracking
from seatrial.controllers.job.sync import Sync, condition
from seatrial.machinery import objects, times
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Controller
from seatrial.reconcile.decision import NOTHING, Decision, Delete, Event
from seatrial.workloads import ownership

BATCH_SECONDS = 1.0
"""Changes of Pods are looked at together (SyncJobBatchPeriod)."""
_OURS = (None, "kubernetes.io/job-controller")


@dataclass(frozen=True, slots=True)
class View:
    """A Job and its Pods, those that have ended too."""

    job: JSON
    claims: ownership.Claims

    @property
    def pods(self) -> tuple[JSON, ...]:
        return (*self.claims.claimed, *self.claims.adopt)


def selector_of(job: JSON) -> Selector | None:
    return replica_set.selector_of(job["spec"])


OWNERS = owned_pods.Owners(JOBS, selector_of)


async def gather(key: Key, cache: CacheReader) -> View | None:
    job = cache.get(JOBS, key)
    selector = selector_of(job) if job is not None else None
    if job is None or selector is None or selector.empty or job["spec"].get("managedBy") not in _OURS:
        return None
    claims = await owned_pods.claim(OWNERS, job, selector, cache)
    return View(job, claims) if claims is not None else None


def decide(view: View, now: float) -> Decision:
    finished = job_kind.finished_condition(view.job)
    if finished is not None:
        return _finished(view.job, finished, now)
    sync = Sync(view.job, view.pods, now)
    if not sync.suspended and not sync.status.get("startTime"):
        sync.status["startTime"] = times.format_time(now)
    before = (sync.active, sync.ready, sync.going)
    sync.finish = ending.find(sync)
    if sync.finish is not None:
        running.end_all(sync)
    elif not objects.is_terminating(view.job):
        running.manage(sync)
        sync.finish = ending.by_completions(sync)
        if sync.finish is None:
            _note_suspension(sync)
    doing = (*owned_pods.claim_actions(view.job, JOBS, view.claims), *sync.actions)

    def after_failure(_: StatusError) -> Decision:
        return _without(view, now, before)

    after = tracking.track(sync)
    failing = after_failure if sync.actions else None
    return Decision((*doing, *after), requeue_after=sync.requeue_after, after_failure=failing)


def _without(view: View, now: float, before: tuple[int, int, int]) -> Decision:
    """What is still to be counted when Pods could not be created or deleted."""
    sync = Sync(view.job, view.pods, now)
    sync.active, sync.ready, sync.going = before
    if not sync.suspended and not sync.status.get("startTime"):
        sync.status["startTime"] = times.format_time(now)
    return Decision(tuple(tracking.track(sync)))


def _note_suspension(sync: Sync) -> None:
    """A Job that goes on begins anew as far as its deadline is concerned."""
    if sync.suspended:
        if sync.set_condition(condition("Suspended", "JobSuspended", "Job suspended", sync.now)):
            sync.told.append(Event(sync.job, "Normal", "Suspended", "Job suspended"))
    elif sync.set_condition(condition("Suspended", "JobResumed", "Job resumed", sync.now, "False")):
        sync.told.append(Event(sync.job, "Normal", "Resumed", "Job resumed"))
        sync.status["startTime"] = times.format_time(sync.now)


def _finished(job: JSON, finished: JSON, now: float) -> Decision:
    """ttlSecondsAfterFinished after its end the Job goes, and its Pods first."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None or objects.is_terminating(job):
        return NOTHING
    left = times.parse_time(finished["lastTransitionTime"]) + ttl - now
    if left > 0:
        return Decision(requeue_after=left)
    because = f"ttlSecondsAfterFinished: {ttl}"
    return Decision((Delete(JOBS, objects.key(job), objects.uid(job), because, propagation_policy="Foreground"),))


CONTROLLER = Controller(
    name="job",
    primary=JOBS,
    watches=owned_pods.watches(OWNERS, BATCH_SECONDS),
    gather=gather,
    decide=decide,
    event_source="job-controller",
)
