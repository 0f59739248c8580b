"""Which Pods a StatefulSet creates, deletes and replaces in one look.

Follows updateStatefulSet, processReplica and processCondemned of pkg/controller/statefulset/stateful_set_control.go
(1.32): first the living, upwards, then the condemned, downwards, then the update, downwards. OrderedReady stops at the
first Pod that is not ready and available; Parallel does not.

# differs: a set whose update is stuck goes on when its template is mended. Upstream waits for ever for a Pod that can't
# become ready (kubernetes/kubernetes#67250), so that somebody has to delete it. Here a Pod that is not of the wanted
# revision, that the update would replace anyway, and whose containers can't come up, or that is not ready for half a
# minute, is replaced out of order. The annotation `seatrial.dev/stuck-rollout: upstream` on the StatefulSet brings
# upstream's behaviour back.
"""

from collections.abc import Callable

from seatrial.base.types import JSON
from seatrial.controllers.stateful_set import identity
from seatrial.controllers.stateful_set.sync import Sync
from seatrial.machinery import intstr, objects, times
from seatrial.reconcile.decision import Batch
from seatrial.workloads import pods

STUCK_ROLLOUT = "seatrial.dev/stuck-rollout"
PATIENCE_SECONDS = 30.0
"""How long an outdated Pod may be unready before it counts as stuck."""
_HOPELESS = frozenset(
    (
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    )
)


def plan(sync: Sync) -> None:
    """Put into `sync.actions` what comes next."""
    if not _replicas(sync):
        return
    if not _condemned(sync):
        return
    if sync.rolling is None:
        return
    if sync.view.counts_unavailable and sync.rolling.get("maxUnavailable") is not None:
        _update_several(sync)
    else:
        _update_one(sync)


def phase(pod: JSON) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def is_running_and_ready(pod: JSON) -> bool:
    return phase(pod) == "Running" and pods.is_ready(pod)


def is_healthy(pod: JSON | None) -> bool:
    return pod is not None and is_running_and_ready(pod) and not objects.is_terminating(pod)


def _replicas(sync: Sync) -> bool:
    """Whether all places are filled and nothing keeps us from going on."""
    go_on = True
    for index, pod in enumerate(sync.replicas):
        go_on = (_empty(sync, index) if pod is None else _living(sync, index, pod)) and go_on
        if not go_on and sync.ordered:
            break
    creations = sync.flush()
    if creations:
        sync.actions.append(Batch(tuple(creations), slow_start=not sync.ordered))
    return go_on


def _empty(sync: Sync, index: int) -> bool:
    return sync.create(index) and not sync.ordered


def _living(sync: Sync, index: int, pod: JSON) -> bool:
    if pods.is_finished(pod):
        if not objects.is_terminating(pod):
            _recreate(sync, pod)
        return not sync.ordered
    if phase(pod) == "Pending" and not objects.is_terminating(pod) and not sync.make_claims(pod):
        return not sync.ordered
    if not sync.ordered:
        _keep_identity(sync, pod)
        return True
    if objects.is_terminating(pod):
        return False
    if not is_running_and_ready(pod):
        if _is_stuck(sync, index, pod):
            _replace(sync, pod, "stuck, and not of the wanted revision")
        return False
    if not sync.is_available(pod):
        return False
    _keep_identity(sync, pod)
    return True


def _keep_identity(sync: Sync, pod: JSON) -> None:
    if not identity.matches(sync.stateful_set, pod):
        sync.update(pod)


def _recreate(sync: Sync, pod: JSON) -> None:
    """Whatever the exit code, a Pod that has ended is replaced; its name is free only when it is gone."""
    who = "StatefulSet " + "/".join(objects.key(sync.stateful_set))
    if phase(pod) == "Failed":
        sync.tell("Warning", "RecreatingFailedPod", f"{who} is recreating failed Pod {objects.name(pod)}")
    else:
        sync.tell("Normal", "RecreatingTerminatedPod", f"{who} is recreating terminated Pod {objects.name(pod)}")
    sync.delete(pod, f"phase {phase(pod)}")


def _condemned(sync: Sync) -> bool:
    """Whether nothing is left to go. In order: one at a time; of the unhealthy only the first of all."""
    first_unhealthy = _first(lambda pod: not is_healthy(pod), [*sync.replicas, *reversed(sync.condemned)])
    for pod in sync.condemned:
        if objects.is_terminating(pod):
            if sync.ordered:
                return False
            continue
        well = is_running_and_ready(pod) and sync.is_available(pod)
        if sync.ordered and not well and pod is not first_unhealthy:
            return False
        sync.delete(pod, f"ordinal {identity.ordinal_of(pod)} is beyond the last")
        if sync.ordered:
            return False
    return True


def _first(wanted: Callable[[JSON | None], bool], listed: list[JSON | None]) -> JSON | None:
    return next((pod for pod in listed if wanted(pod)), None)


def _update_one(sync: Sync) -> None:
    """The highest Pod that is not of the wanted revision goes; above it all have to be healthy."""
    for pod in reversed(sync.replicas[sync.partition :]):
        if pod is not None and sync.is_outdated(pod) and not objects.is_terminating(pod):
            _replace(sync, pod, "not of the wanted revision")
            return
        if not is_healthy(pod):
            return


def _update_several(sync: Sync) -> None:
    """As many as maxUnavailable leaves, from the highest down.

    # differs: upstream has this behind the feature gate MaxUnavailableStatefulSet, off in 1.32. There outdated Pods
    # that are unavailable already use up the budget; here they go first, as nothing is lost with them.
    """
    wanted = (sync.rolling or {}).get("maxUnavailable")
    most = max(1, intstr.scaled(wanted, sync.size, round_up=False)) if wanted is not None else 1
    candidates = [
        pod
        for pod in reversed(sync.replicas[sync.partition :])
        if pod is not None and sync.is_outdated(pod) and not objects.is_terminating(pod)
    ]
    if mends(sync):
        for pod in [pod for pod in candidates if not is_healthy(pod)]:
            _replace(sync, pod, "unavailable, and not of the wanted revision")
            candidates.remove(pod)
    unavailable = sum(not (is_healthy(pod) and pod is not None and sync.is_available(pod)) for pod in sync.replicas)
    for pod in candidates[: max(0, most - unavailable)]:
        _replace(sync, pod, f"not of the wanted revision; {most} may be unavailable")


def _replace(sync: Sync, pod: JSON, because: str) -> None:
    sync.delete(pod, because)
    if identity.revision_of(pod) == sync.history.current_name:
        sync.replaced += 1


def mends(sync: Sync) -> bool:
    """Whether a stuck update goes on when the template is mended."""
    return sync.view.mends and objects.annotations(sync.stateful_set).get(STUCK_ROLLOUT) != "upstream"


def _is_stuck(sync: Sync, index: int, pod: JSON) -> bool:
    """Whether waiting for this Pod, which is not ready, helps nobody.

    At once where a container can't come up. Else after a while: for a Pod that was given up together with its revision,
    and for one of the revision where the update began if it never was ready; another may be unready for a moment.
    """
    if sync.rolling is None or index < sync.partition or not sync.is_outdated(pod) or not mends(sync):
        return False
    if _has_hopeless_container(pod):
        return True
    if identity.revision_of(pod) == sync.history.current_name and not _never_ready(pod):
        return False
    left = _unready_since(pod) + PATIENCE_SECONDS - sync.now
    if left > 0:
        sync.requeue_after = left
    return left <= 0


def _never_ready(pod: JSON) -> bool:
    """Not ready since the Pod began, as far as its Ready condition tells."""
    began: str | None = (pod.get("status") or {}).get("startTime")
    return not began or _unready_since(pod) <= times.parse_time(began) + 1


def _unready_since(pod: JSON) -> float:
    ready = pods.ready_condition(pod) or {}
    return times.parse_time(ready.get("lastTransitionTime") or objects.creation_timestamp(pod))


def _has_hopeless_container(pod: JSON) -> bool:
    status = pod.get("status") or {}
    listed = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    reasons = {((each.get("state") or {}).get("waiting") or {}).get("reason") for each in listed}
    return not _HOPELESS.isdisjoint(reasons)
