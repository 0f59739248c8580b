"""Pods of Jobs that are gone need not be counted any more: they are let go.

Mirrors syncOrphanPod of pkg/controller/job/job_controller.go (1.32).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.batch_v1 import job as job_kind
from seatrial.api.registry import JOBS, PODS
from seatrial.base.types import JSON, Key
from seatrial.controllers.job import pods_of, sync
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Decision


@dataclass(frozen=True, slots=True)
class View:
    """A Pod that waits to be counted, and whether there is a Job to do so."""

    pod: JSON
    has_job: bool


async def gather(key: Key, cache: CacheReader) -> View | None:
    pod = cache.get(PODS, key)
    if pod is None or not pods_of.is_tracked(pod):
        return None
    return View(pod, _has_job(pod, cache))


def _has_job(pod: JSON, cache: CacheReader) -> bool:
    """The Job that owns it, or one that may adopt it; a controller of another kind is left to itself."""
    reference = objects.controller_of(pod)
    if reference is not None and reference["kind"] != JOBS.kind:
        return True
    labels = objects.labels(pod)
    name = reference["name"] if reference else labels.get(job_kind.JOB_NAME) or ""
    uid = reference["uid"] if reference else labels.get(job_kind.CONTROLLER_UID)
    job = cache.get(JOBS, (objects.namespace(pod), name))
    return job is not None and objects.uid(job) == uid


def decide(view: View, now: float) -> Decision:
    return NOTHING if view.has_job else Decision((sync.release(view.pod, "its Job is gone"),))


def _tracked(_old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new),) if new is not None and pods_of.is_tracked(new) else ()


def _pods_of_deleted(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if old is None or new is not None:
        return ()
    return [objects.key(pod) for pod in cache.owned_by(PODS, objects.uid(old))]


CONTROLLER = Controller(
    name="job-orphan-pods",
    primary=PODS,
    watches=(Watch(PODS, _tracked), Watch(JOBS, _pods_of_deleted)),
    gather=gather,
    decide=decide,
    event_source="job-controller",
)
