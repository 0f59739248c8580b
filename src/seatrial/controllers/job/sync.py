"""One look at a Job in the making: its Pods, the counts as they are and as they will be, and what shall be done.

Follows syncJobCtx and syncJob of pkg/controller/job/job_controller.go (1.32).
"""

from collections.abc import Callable

from seatrial.api.registry import JOBS, PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers.job import indexes, pods_of, policies
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.decision import Action, Create, Delete, Event, Patch, Update
from seatrial.workloads import pods

SUCCESS, FAILURE = "SuccessCriteriaMet", "FailureTarget"


def condition(kind: str, reason: str, message: str, now: float, status: str = "True") -> JSON:
    moment = times.format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


class Sync:
    """`status`: the Job's status as it will be. `finish`: the condition that says how the Job ends, once that is clear.

    `succeeded` and `failed` count everything that is known: what the status has, what it is about to have, and what is
    new. `active` and `going` are changed as Pods are made and deleted.
    """

    def __init__(self, job: JSON, listed: tuple[JSON, ...], now: float) -> None:
        self.job, self.spec, self.pods, self.now = job, job["spec"], listed, now
        self.status: JSON = dict(job.get("status") or {})
        self.actions: list[Action] = []
        self.told: list[Event] = []
        self.requeue_after: float | None = None
        self.active_pods = [pod for pod in listed if pods.is_active(pod)]
        self.active = len(self.active_pods)
        self.ready = sum(map(pods.is_ready, self.active_pods))
        self.going = sum(map(pods_of.is_going, listed))
        self.finish = self._known_end()
        uncounted = self.status.get("uncountedTerminatedPods") or {}
        self.uncounted: dict[str, list[str]] = {
            name: list(uncounted.get(name) or ()) for name in ("succeeded", "failed")
        }
        self.done_indexes = indexes.parse(self.status.get("completedIndexes"), self.completions)
        self.failed_indexes = indexes.parse(self.status.get("failedIndexes"), self.completions)
        self._count()

    @property
    def indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")

    @property
    def per_index(self) -> bool:
        """Whether failures count for each index alone."""
        return self.indexed and self.spec.get("backoffLimitPerIndex") is not None

    @property
    def completions(self) -> int:
        return int(self.spec.get("completions") or 0)

    @property
    def parallelism(self) -> int:
        return int(self.spec.get("parallelism") or 0)

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))

    def _known_end(self) -> JSON | None:
        for kind in (SUCCESS, FAILURE):
            if conditions.is_true(self.job, kind):
                return conditions.find(self.job, kind)
        return None

    def _count(self) -> None:
        succeeded = [pod for pod in self.pods if self.is_new(pod) and pods_of.phase(pod) == "Succeeded"]
        failed = [pod for pod in self.pods if self.is_new(pod) and pods_of.has_failed(self.job, pod)]
        failed = [pod for pod in failed if policies.judge(self.job, pod).counts]
        self.succeeded = (self.status.get("succeeded") or 0) + len(self.uncounted["succeeded"]) + len(succeeded)
        self.failed = (self.status.get("failed") or 0) + len(self.uncounted["failed"]) + len(failed)
        if self.indexed:
            self.done_indexes |= {indexes.of_pod(pod) for pod in succeeded}
            self.succeeded = len(self.done_indexes)
        if self.per_index:
            self.failed_indexes |= {indexes.of_pod(pod) for pod in self.pods if self._fails_index(pod)}

    def is_new(self, pod: JSON) -> bool:
        """Not counted yet."""
        uid = objects.uid(pod)
        if not pods_of.is_tracked(pod) or uid in self.uncounted["succeeded"] or uid in self.uncounted["failed"]:
            return False
        return not self.indexed or indexes.is_valid(pod, self.completions)

    def _fails_index(self, pod: JSON) -> bool:
        if not indexes.is_valid(pod, self.completions) or not pods_of.has_failed(self.job, pod):
            return False
        verdict = policies.judge(self.job, pod)
        if verdict.action == "FailIndex":
            return True
        return bool(pods_of.failures_with(self.job, pod)[0] > self.spec["backoffLimitPerIndex"])

    def look_again(self, seconds: float) -> None:
        if self.requeue_after is None or seconds < self.requeue_after:
            self.requeue_after = seconds

    def set_condition(self, made: JSON) -> bool:
        """Put it in its place; False when it was there. One that would only say False is not begun with."""
        listed = self.status.get("conditions") or ()
        old = conditions.find({"conditions": listed}, made["type"])
        if old is None and made["status"] != "True":
            return False
        if old is not None and (old["status"], old.get("reason")) == (made["status"], made["reason"]):
            return False
        self.status["conditions"] = conditions.put(listed, made)
        return True

    def creation(self, pod: JSON, because: str) -> Create:
        def created(made: JSON) -> Event:
            return Event(self.job, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made)}")

        def failed(error: StatusError) -> Event:
            return Event(self.job, "Warning", "FailedCreate", f"Error creating: {error}")

        return Create(PODS, pod, because, on_success=created, on_failure=failed)

    def deletion(self, pod: JSON, because: str) -> Delete:
        name = objects.name(pod)

        def deleted(_: JSON) -> Event:
            return Event(self.job, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")

        def failed(error: StatusError) -> Event:
            return Event(self.job, "Warning", "FailedDelete", f"Error deleting: {error}")

        return Delete(PODS, objects.key(pod), objects.uid(pod), because, on_success=deleted, on_failure=failed)

    def write(self, because: str, on_success: Callable[[JSON], Event | None] | None = None) -> list[Action]:
        """The update of the status, if there is anything to change."""
        before = self.job.get("status") or {}
        if before == self.status:
            return []
        return [Update(JOBS, objects.with_status(self.job, self.status), because, "status", on_success)]


def release(pod: JSON, because: str) -> Patch:
    """Let a Pod go that has been counted, or shall not be."""
    body = {"metadata": {"$deleteFromPrimitiveList/finalizers": [pods_of.FINALIZER], "uid": objects.uid(pod)}}
    return Patch(PODS, objects.key(pod), body, because, ignore=("NotFound", "Conflict"))
