"""Deletes Pods from nodes with NoExecute taints that they don't tolerate, or no longer.

Mirrors pkg/controller/tainteviction/taint_eviction.go.

- A taint that no toleration matches deletes at once; otherwise the shortest tolerationSeconds counts from the moment
  that the taint was added (`timeAdded`, which the node lifecycle controller writes where it is missing).
- differs: no event `Cancelling deletion of Pod`: what is still to come is not remembered, only worked out anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.api.registry import NODES, PODS
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Decision, Delete, Event, Patch
from seatrial.workloads import taints


@dataclass(frozen=True)
class View:
    """A Pod and the node that it is bound to."""

    pod: JSON
    node: JSON


async def gather(key: Key, cache: CacheReader) -> View | None:
    pod = cache.get(PODS, key)
    if pod is None or objects.is_terminating(pod) or not pod["spec"].get("nodeName"):
        return None
    node = cache.get(NODES, ("", pod["spec"]["nodeName"]))
    return View(pod, node) if node is not None and taints.of_effect(node, "NoExecute") else None


def decide(view: View, now: float) -> Decision:
    deadlines = []
    for taint in taints.of_effect(view.node, "NoExecute"):
        seconds = taints.seconds_to_stay(view.pod, taint)
        if seconds == 0:
            deadlines.append(now)
        elif seconds is not None and taint.get("timeAdded"):
            deadlines.append(times.parse_time(taint["timeAdded"]) + seconds)
    deadline = min(deadlines, default=None)
    if deadline is None:
        return NOTHING
    return _evict(view.pod, now) if deadline <= now else Decision(requeue_after=deadline - now)


def _evict(pod: JSON, now: float) -> Decision:
    namespace, name = objects.key(pod)
    because = "Taint manager: deleting due to NoExecute taint"
    disruption: JSON = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastTransitionTime": times.format_time(now),
        "reason": "DeletionByTaintManager",
        "message": because,
    }
    told = Event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {namespace}/{name}")
    delete = Delete(PODS, (namespace, name), objects.uid(pod), because=because)
    if conditions.is_true(pod, "DisruptionTarget"):
        return Decision((told, delete))
    body = {"metadata": {"uid": objects.uid(pod)}, "status": {"conditions": [disruption]}}
    mark = Patch(PODS, (namespace, name), body, because=because, subresource="status", ignore=("NotFound", "Conflict"))
    return Decision((told, mark, delete))


def _pod_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _pod_matters(old: JSON | None, new: JSON | None) -> bool:
    """Newly bound, or with other tolerations."""
    if new is None or not new["spec"].get("nodeName"):
        return False
    return old is None or any(old["spec"].get(field) != new["spec"].get(field) for field in ("nodeName", "tolerations"))


def _keys_on_node(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if new is None:
        return ()
    name = objects.name(new)
    return [objects.key(pod) for pod in cache.list(PODS) if pod["spec"].get("nodeName") == name]


def _taints_changed(old: JSON | None, new: JSON | None) -> bool:
    before = taints.of_effect(old, "NoExecute") if old is not None else []
    return new is not None and taints.of_effect(new, "NoExecute") != before


CONTROLLER = Controller(
    name="taint_eviction",
    primary=PODS,
    watches=(Watch(PODS, _pod_keys, _pod_matters), Watch(NODES, _keys_on_node, _taints_changed)),
    gather=gather,
    decide=decide,
    event_source="taint-eviction-controller",
    workers=8,
)
