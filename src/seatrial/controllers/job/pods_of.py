"""A Job's Pods: what a new one looks like, and how one that is there counts.

Follows pkg/controller/job/{job_controller,indexed_job_utils,backoff_utils}.go (1.32).
"""

from collections.abc import Sequence
from typing import Any

from seatrial.api.registry import JOBS
from seatrial.base.types import JSON
from seatrial.controllers.job import indexes, policies
from seatrial.machinery import objects, times
from seatrial.workloads import pods

FINALIZER = "batch.kubernetes.io/job-tracking"
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
_MAX_GENERATED_BASE = 58
_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0


def new_pod(job: JSON) -> JSON:
    """A Pod that is not gone before the Job has counted it."""
    pod = pods.from_template(job["spec"]["template"], job, JOBS)
    finalizers = pod["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        finalizers = [*finalizers, FINALIZER]
    return objects.with_metadata(pod, finalizers=finalizers)


def new_indexed_pod(job: JSON, index: int, failures: tuple[int, int] | None) -> JSON:
    """A Pod for one index; `failures` (counted, ignored) of the index so far, where they count per index."""
    pod, name = new_pod(job), objects.name(job)
    annotations = {**objects.annotations(pod), indexes.INDEX: str(index)}
    if failures is not None:
        annotations[FAILURE_COUNT] = str(failures[0])
        if failures[1]:
            annotations[IGNORED_FAILURE_COUNT] = str(failures[1])
    labels = {**objects.labels(pod), indexes.INDEX: str(index)}
    ending = f"-{index}-"
    prefix = name[: _MAX_GENERATED_BASE - len(ending)] + ending
    spec = {**pod["spec"], "hostname": f"{name}-{index}"}
    for kind in ("initContainers", "containers"):
        if spec.get(kind):
            spec[kind] = [_with_index(container) for container in spec[kind]]
    pod = objects.with_metadata(pod, annotations=annotations, labels=labels, generateName=prefix)
    return {**pod, "spec": spec}


def _with_index(container: JSON) -> JSON:
    variables = container.get("env") or []
    if any(each["name"] == INDEX_VARIABLE for each in variables):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{indexes.INDEX}']"}}
    return {**container, "env": [*variables, {"name": INDEX_VARIABLE, "valueFrom": source}]}


def is_tracked(pod: JSON) -> bool:
    """Whether the Pod still waits to be counted."""
    return FINALIZER in objects.finalizers(pod)


def phase(pod: JSON) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def replaces_only_failed(job: JSON) -> bool:
    """Whether a Pod that is going is replaced only when it has ended."""
    return job["spec"].get("podReplacementPolicy") == "Failed" or bool(job["spec"].get("podFailurePolicy"))


def has_failed(job: JSON, pod: JSON) -> bool:
    """Also a Pod that is being deleted, which might never come to an end of its own."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and objects.is_terminating(pod) and phase(pod) != "Succeeded"


def is_going(pod: JSON) -> bool:
    """Being deleted, and not at its end yet."""
    return objects.is_terminating(pod) and not pods.is_finished(pod)


def failures_of(pod: JSON) -> tuple[int, int]:
    """How often the Pod's index had failed (counted, ignored) before it."""
    told = objects.annotations(pod)
    counted, ignored = (told.get(name) or "0" for name in (FAILURE_COUNT, IGNORED_FAILURE_COUNT))
    return int(counted), int(ignored)


def failures_with(job: JSON, pod: JSON) -> tuple[int, int]:
    """The same, after this Pod has failed."""
    counted, ignored = failures_of(pod)
    return (counted + 1, ignored) if policies.judge(job, pod).counts else (counted, ignored + 1)


def backoff(job: JSON, listed: Sequence[JSON], now: float) -> float:
    """Seconds to wait before another Pod is made: 10, 20, 40 … after each failure since the last success.

    # differs: upstream keeps this in memory; here it is read off the Pods that are there.
    """
    failed = [pod for pod in listed if has_failed(job, pod) and (is_tracked(pod) or not objects.is_terminating(pod))]
    succeeded = max((ended_at(pod) for pod in listed if phase(pod) == "Succeeded"), default=0.0)
    since = [at for at in map(ended_at, failed) if at > succeeded]
    if not since:
        return 0.0
    delay = min(_FIRST_BACKOFF * 2.0 ** (len(since) - 1), _LONGEST_BACKOFF)
    return max(0.0, max(since) + delay - now)


def ended_at(pod: JSON) -> float:
    """When the last container ended, or as good as that is known."""
    status: JSON = pod.get("status") or {}
    ends = [_container_end(each) for each in status.get("containerStatuses") or ()]
    if ends and all(ends):
        return max(times.parse_time(end) for end in ends if end)
    deleted = objects.deletion_timestamp(pod)
    if deleted:
        return times.parse_time(deleted) - float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    ready = pods.ready_condition(pod) or {}
    return times.parse_time(ready.get("lastTransitionTime") or objects.creation_timestamp(pod))


def _container_end(container: JSON) -> str:
    ended: JSON = (container.get("state") or {}).get("terminated") or {}
    return ended.get("finishedAt") or ""


def restarts(listed: Sequence[JSON]) -> int:
    """Restarts of all containers of Pods that still run."""

    def of(pod: JSON) -> Any:
        status = pod.get("status") or {}
        return (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))

    alive = (pod for pod in listed if phase(pod) in ("Running", "Pending"))
    return sum(each.get("restartCount") or 0 for pod in alive for each in of(pod))
