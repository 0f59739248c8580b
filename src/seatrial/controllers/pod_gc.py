"""Removes Pods that nobody else will: on nodes that are gone, ended ones beyond a threshold, never scheduled ones.

Mirrors pkg/controller/podgc/gc_controller.go. Upstream looks at all Pods every 20 s; here a change names what to look
at, and when, with the same delays:

- node: its Pods are deleted by force when it is still missing, by a live read, 40 s after it was missed;
- out of service: terminating Pods on a node that is not ready and has the out-of-service taint go at once;
- unscheduled: a terminating Pod without a node goes at once;
- ended: the oldest Succeeded or Failed Pods above 12500 go, 20 s after one ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.api.registry import NODES, PODS
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Delete, Patch
from seatrial.workloads import taints

PERIOD_SECONDS = 20.0
QUARANTINE_SECONDS = 40.0
TERMINATED_THRESHOLD = 12500
NODE, OUT_OF_SERVICE, UNSCHEDULED, ENDED = "node", "out-of-service", "unscheduled", "ended"


@dataclass(frozen=True)
class View:
    """Pods to remove, and why. `message`: what their DisruptionTarget condition says, if they get one."""

    pods: Sequence[JSON]
    because: str
    message: str = ""


async def gather(key: Key, cache: CacheReader) -> View | None:
    """The first part of a key says what to look for, the second in which node or Pod."""
    task, name = key
    if task == NODE:
        if cache.get(NODES, ("", name)) is not None or await cache.live(NODES, ("", name)) is not None:
            return None
        return View(_on_node(name, cache), "its node is gone", "PodGC: node no longer exists")
    if task == OUT_OF_SERVICE:
        return View([pod for pod in _on_node(name, cache) if objects.is_terminating(pod)], "its node is out of service")
    if task == UNSCHEDULED:
        namespace, _, pod_name = name.partition("/")
        pod = cache.get(PODS, (namespace, pod_name))
        return (
            View([pod], "it was deleted before it was scheduled") if pod is not None and _is_unscheduled(pod) else None
        )
    return View(_oldest_ended(cache.list(PODS)), "too many Pods have ended")


def decide(view: View, now: float) -> Decision:
    return Decision(tuple(action for pod in view.pods for action in _remove(pod, view, now)))


def _remove(pod: JSON, view: View, now: float) -> Iterable[Action]:
    key = objects.key(pod)
    if not _has_ended(pod):
        status: JSON = {"phase": "Failed"}
        if view.message:
            condition = {
                "type": "DisruptionTarget",
                "status": "True",
                "lastTransitionTime": times.format_time(now),
                "reason": "DeletionByPodGC",
                "message": view.message,
            }
            status["conditions"] = [condition]
        body = {"metadata": {"uid": objects.uid(pod)}, "status": status}
        yield Patch(PODS, key, body, because=view.because, subresource="status", ignore=("NotFound", "Conflict"))
    yield Delete(PODS, key, objects.uid(pod), because=view.because, grace_period_seconds=0)


def _on_node(name: str, cache: CacheReader) -> list[JSON]:
    return [pod for pod in cache.list(PODS) if pod["spec"].get("nodeName") == name]


def _oldest_ended(pods: Iterable[JSON]) -> list[JSON]:
    ended = [pod for pod in pods if _has_ended(pod) and not objects.is_terminating(pod)]
    excess = max(0, len(ended) - TERMINATED_THRESHOLD)
    return sorted(ended, key=lambda pod: (objects.creation_timestamp(pod), objects.name(pod)))[:excess]


def _has_ended(pod: JSON) -> bool:
    return objects.get(pod, "status", "phase") in ("Succeeded", "Failed")


def _is_unscheduled(pod: JSON) -> bool:
    return objects.is_terminating(pod) and not pod["spec"].get("nodeName")


def _missing_node(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    name = new["spec"].get("nodeName") if new is not None else None
    return ((NODE, name),) if name and cache.get(NODES, ("", name)) is None else ()


def _newly_bound(old: JSON | None, new: JSON | None) -> bool:
    return new is not None and (old is None or not old["spec"].get("nodeName"))


def _removed_node(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return ((NODE, objects.name(old)),) if new is None and old is not None else ()


def _node_out_of_service(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if new is None or conditions.is_true(new, "Ready"):
        return ()
    tainted = any(taint["key"] == taints.OUT_OF_SERVICE for taint in taints.of_node(new))
    return ((OUT_OF_SERVICE, objects.name(new)),) if tainted else ()


def _unscheduled(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return ((UNSCHEDULED, "/".join(objects.key(new))),) if new is not None and _is_unscheduled(new) else ()


def _ended(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return ((ENDED, ""),)


def _newly_ended(old: JSON | None, new: JSON | None) -> bool:
    return new is not None and _has_ended(new) and (old is None or not _has_ended(old))


CONTROLLER = Controller(
    name="pod_gc",
    primary=PODS,
    watches=(
        Watch(PODS, _missing_node, _newly_bound, delay_seconds=QUARANTINE_SECONDS),
        Watch(NODES, _removed_node, delay_seconds=QUARANTINE_SECONDS),
        Watch(NODES, _node_out_of_service),
        Watch(PODS, _unscheduled),
        Watch(PODS, _ended, _newly_ended, delay_seconds=PERIOD_SECONDS),
    ),
    gather=gather,
    decide=decide,
    event_source="pod-garbage-collector",
    workers=1,
)
