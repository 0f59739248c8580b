"""How far a rollout is, in kubectl's words (kubectl/pkg/polymorphichelpers/rollout_status.go, 1.32). Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.workloads import revisions

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True)
class Progress:
    """`error` is not empty when kubectl would end with it. Counts are Pods."""

    message: str
    done: bool = False
    error: str = ""
    desired: int = 0
    updated: int = 0
    available: int = 0


def of(obj: JSON, kind: str, revision: int = 0) -> Progress:
    """The progress of a Deployment, StatefulSet or DaemonSet. `revision`: this one has to be the current one."""
    return _VIEWERS[kind](obj, revision)


def _observed(obj: JSON) -> bool:
    return objects.generation(obj) <= _count(obj, "observedGeneration")


def _count(obj: JSON, field: str) -> int:
    return int((obj.get("status") or {}).get(field) or 0)


def _deployment(obj: JSON, revision: int) -> Progress:
    name, wanted = objects.name(obj), obj["spec"].get("replicas")
    desired = 1 if wanted is None else int(wanted)
    updated, available = _count(obj, "updatedReplicas"), _count(obj, "availableReplicas")
    current = revisions.revision_of(obj)

    def progress(message: str, *, done: bool = False, error: str = "") -> Progress:
        return Progress(message, done, error, desired, updated, available)

    if revision > 0 and revision != current:
        return progress(
            "", error=f"desired revision ({revision}) is different from the running revision ({current or 0})"
        )
    if not _observed(obj):
        return progress("Waiting for deployment spec update to be observed...")
    progressing = conditions.find(obj, "Progressing")
    if progressing and progressing.get("reason") == DEADLINE_EXCEEDED:
        return progress("", error=f'deployment "{name}" exceeded its progress deadline')
    waiting = f'Waiting for deployment "{name}" rollout to finish:'
    if updated < desired:
        return progress(f"{waiting} {updated} out of {desired} new replicas have been updated...")
    if _count(obj, "replicas") > updated:
        old = _count(obj, "replicas") - updated
        return progress(f"{waiting} {old} old replicas are pending termination...")
    if available < updated:
        return progress(f"{waiting} {available} of {updated} updated replicas are available...")
    return progress(f'deployment "{name}" successfully rolled out', done=True)


def _daemon_set(obj: JSON, revision: int) -> Progress:
    name, desired = objects.name(obj), _count(obj, "desiredNumberScheduled")
    updated, available = _count(obj, "updatedNumberScheduled"), _count(obj, "numberAvailable")

    def progress(message: str, *, done: bool = False, error: str = "") -> Progress:
        return Progress(message, done, error, desired, updated, available)

    if not _rolls(obj):
        return progress("", error="rollout status is only available for RollingUpdate strategy type")
    if not _observed(obj):
        return progress("Waiting for daemon set spec update to be observed...")
    waiting = f'Waiting for daemon set "{name}" rollout to finish:'
    if updated < desired:
        return progress(f"{waiting} {updated} out of {desired} new pods have been updated...")
    if available < desired:
        return progress(f"{waiting} {available} of {desired} updated pods are available...")
    return progress(f'daemon set "{name}" successfully rolled out', done=True)


def _stateful_set(obj: JSON, revision: int) -> Progress:
    spec, status = obj["spec"], obj.get("status") or {}
    desired = 1 if spec.get("replicas") is None else int(spec["replicas"])
    updated, ready = _count(obj, "updatedReplicas"), _count(obj, "readyReplicas")

    def progress(message: str, *, done: bool = False, error: str = "") -> Progress:
        return Progress(message, done, error, desired, updated, _count(obj, "availableReplicas"))

    if not _rolls(obj):
        return progress("", error="rollout status is only available for RollingUpdate strategy type")
    if not _count(obj, "observedGeneration") or not _observed(obj):
        return progress("Waiting for statefulset spec update to be observed...")
    if ready < desired:
        return progress(f"Waiting for {desired - ready} pods to be ready...")
    partition = objects.get(spec, "updateStrategy", "rollingUpdate", "partition")
    if partition is not None:
        wanted = desired - int(partition)
        if updated < wanted:
            return progress(
                f"Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
            )
        return progress(f"partitioned roll out complete: {updated} new pods have been updated...", done=True)
    if status.get("updateRevision") != status.get("currentRevision"):
        return progress(
            f"waiting for statefulset rolling update to complete {updated} pods at revision "
            f"{status.get('updateRevision')}..."
        )
    return progress(
        f"statefulset rolling update complete {_count(obj, 'currentReplicas')} pods at revision "
        f"{status.get('currentRevision')}...",
        done=True,
    )


def _rolls(obj: JSON) -> bool:
    return bool(objects.get(obj, "spec", "updateStrategy", "type", default="RollingUpdate") == "RollingUpdate")


_VIEWERS: dict[str, Callable[[JSON, int], Progress]] = {
    "Deployment": _deployment,
    "DaemonSet": _daemon_set,
    "StatefulSet": _stateful_set,
}
