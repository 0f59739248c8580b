"""Notices nodes that no longer report, says so in their conditions, and taints them.

Mirrors pkg/controller/nodelifecycle/node_lifecycle_controller.go of release 1.32.

- A heartbeat is a renewed Lease or a posted status. Without one for 50 s (60 s for a node that never posted) Ready,
  MemoryPressure, DiskPressure and PIDPressure become Unknown, and the Pods' Ready condition False.
- Conditions and `spec.unschedulable` become NoSchedule taints at once.
- A node that is not ready gets a NoExecute taint, one node in ten seconds per zone; in a zone where at least 55 % (and
  three) are not ready one in a hundred seconds, or none if it has at most 50 nodes; none when all zones are down.
- differs: upstream measures heartbeats by its own clock; here their timestamps count, but none is missed before a full
  grace period after the controller's start. The rate of tainting is read from the taints' own `timeAdded`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.api.registry import LEASES, NODES, PODS
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Event, Patch
from seatrial.workloads import taints

GRACE_SECONDS = 50.0
STARTUP_GRACE_SECONDS = 60.0
LEASE_NAMESPACE = "kube-node-lease"
WATCHED_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
ZONES: Key = ("zones", "")
REGISTERED, REMOVED = "registered", "removed"

CONDITION_TAINTS = {
    ("Ready", "False"): taints.NOT_READY,
    ("Ready", "Unknown"): taints.UNREACHABLE,
    ("MemoryPressure", "True"): taints.MEMORY_PRESSURE,
    ("DiskPressure", "True"): taints.DISK_PRESSURE,
    ("NetworkUnavailable", "True"): taints.NETWORK_UNAVAILABLE,
    ("PIDPressure", "True"): taints.PID_PRESSURE,
}
NO_EXECUTE = (taints.NOT_READY, taints.UNREACHABLE)
EVICTION_RATE = 0.1
SECONDARY_RATE = 0.01
UNHEALTHY_SHARE = 0.55
LARGE_ZONE = 50
OUR_NO_SCHEDULE = (*CONDITION_TAINTS.values(), taints.UNSCHEDULABLE)


@dataclass(frozen=True)
class NodeView:
    """One node, its Lease, and, once it is given up, its Pods. `started_at`: when we began to look."""

    node: JSON
    lease: JSON | None
    pods: tuple[JSON, ...]
    started_at: float


@dataclass(frozen=True)
class ZonesView:
    """All nodes: who may be given a NoExecute taint depends on how the others are."""

    nodes: tuple[JSON, ...]


@dataclass(frozen=True)
class NoticeView:
    """A node that appeared or went, to be told in an event."""

    task: str
    name: str
    uid: str


View = NodeView | ZonesView | NoticeView


async def gather(key: Key, cache: CacheReader) -> View | None:
    """Keys: ("", node), ZONES, and ("registered" or "removed", "node uid") for the event of it."""
    task, name = key
    if key == ZONES:
        return ZonesView(tuple(cache.list(NODES)))
    if task:
        node_name, _, uid = name.partition(" ")
        return NoticeView(task, node_name, uid)
    node = cache.get(NODES, key)
    if node is None:
        return None
    pods: Iterable[JSON] = ()
    if conditions.status_of(node, "Ready") == "Unknown":
        pods = (pod for pod in cache.list(PODS) if pod["spec"].get("nodeName") == name)
    return NodeView(node, cache.get(LEASES, (LEASE_NAMESPACE, name)), tuple(pods), cache.started_at)


def decide(view: View, now: float) -> Decision:
    if isinstance(view, NoticeView):
        return _tell(view)
    if isinstance(view, ZonesView):
        return _taint_no_execute(view.nodes, now)
    due = _due(view)
    if due > now:
        return Decision(_taint_no_schedule(view.node, now), requeue_after=due - now)
    if unknown := _unknown_conditions(view.node, now):
        return _give_up(view.node, unknown)
    return Decision((*_taint_no_schedule(view.node, now), *_mark_not_ready(view.pods, now)))


def _tell(view: NoticeView) -> Decision:
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": view.name, "uid": view.uid}}
    if view.task == REGISTERED:
        reason, what = "RegisteredNode", f"Registered Node {view.name} in Controller"
    else:
        reason, what = "RemovingNode", f"Removing Node {view.name} from Controller"
    return Decision((Event(node, "Normal", reason, f"Node {view.name} event: {what}"),))


def _due(view: NodeView) -> float:
    """When the next heartbeat must have come."""
    ready = conditions.find(view.node, "Ready")
    if ready is None:
        beat, grace = objects.creation_timestamp(view.node), STARTUP_GRACE_SECONDS
    else:
        beat, grace = ready.get("lastHeartbeatTime") or objects.creation_timestamp(view.node), GRACE_SECONDS
    beats = [view.started_at, times.parse_time(beat)]
    if renewed := objects.get(view.lease, "spec", "renewTime"):
        beats.append(times.parse_time(renewed))
    return max(beats) + grace


def _unknown_conditions(node: JSON, now: float) -> list[JSON]:
    """The conditions that have to become Unknown."""
    stamp = times.format_time(now)
    changed = []
    for type_ in WATCHED_CONDITIONS:
        known = conditions.find(node, type_)
        if known is None:
            never = {"reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status."}
            known = {"type": type_, "lastHeartbeatTime": objects.creation_timestamp(node), **never}
        elif known["status"] == "Unknown":
            continue
        else:
            known = {**known, "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
        changed.append({**known, "status": "Unknown", "lastTransitionTime": stamp})
    return changed


def _give_up(node: JSON, unknown: list[JSON]) -> Decision:
    """The conditions first; taints and Pods follow when they are seen."""
    body = {"metadata": {"uid": objects.uid(node)}, "status": {"conditions": unknown}}
    patch = Patch(NODES, objects.key(node), body, because="no heartbeat", subresource="status")
    if not conditions.is_true(node, "Ready"):
        return Decision((patch,))
    name = objects.name(node)
    return Decision((patch, Event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")))


def _mark_not_ready(pods: Iterable[JSON], now: float) -> Iterable[Action]:
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": times.format_time(now)}
    for pod in pods:
        if conditions.is_true(pod, "Ready"):
            body = {"metadata": {"uid": objects.uid(pod)}, "status": {"conditions": [condition]}}
            why = "its node doesn't report"
            yield Patch(PODS, objects.key(pod), body, why, subresource="status", ignore=("NotFound", "Conflict"))
            yield Event(pod, "Warning", "NodeNotReady", "Node is not ready")


def _taint_no_schedule(node: JSON, now: float) -> tuple[Action, ...]:
    """Taints that say what the conditions say."""
    wanted = [key for (type_, status), key in CONDITION_TAINTS.items() if conditions.status_of(node, type_) == status]
    if objects.get(node, "spec", "unschedulable"):
        wanted.append(taints.UNSCHEDULABLE)
    ours = [taint["key"] for taint in taints.of_effect(node, "NoSchedule") if taint["key"] in OUR_NO_SCHEDULE]
    if sorted(ours) == sorted(wanted):
        return ()
    kept = [
        taint
        for taint in taints.of_node(node)
        if taint["effect"] != "NoSchedule" or taint["key"] not in OUR_NO_SCHEDULE or taint["key"] in wanted
    ]
    new = [_taint(key, "NoSchedule", now) for key in wanted if key not in ours]
    return (_patch_taints(node, [*kept, *new], "conditions of the node changed"),)


def _taint(key: str, effect: str, now: float) -> JSON:
    return {"key": key, "effect": effect, "timeAdded": times.format_time(now)}


def _patch_taints(node: JSON, wanted: Sequence[JSON], because: str) -> Patch:
    """The list is replaced as a whole: only if nobody changed the node meanwhile."""
    meta = {"resourceVersion": node["metadata"]["resourceVersion"]}
    return Patch(NODES, objects.key(node), {"metadata": meta, "spec": {"taints": list(wanted)}}, because)


def _taint_no_execute(nodes: Sequence[JSON], now: float) -> Decision:
    zones: dict[tuple[str, str], list[JSON]] = {}
    for node in nodes:
        labels = objects.labels(node)
        zone = labels.get("topology.kubernetes.io/region") or "", labels.get("topology.kubernetes.io/zone") or ""
        zones.setdefault(zone, []).append(node)
    all_down = bool(zones) and all(_rate(members) is None for members in zones.values())
    actions: list[Action] = []
    waits: list[float] = []
    for _, members in sorted(zones.items()):
        wait = _taint_zone(members, all_down, now, actions)
        if wait is not None:
            waits.append(wait)
    return Decision(tuple(actions), requeue_after=min(waits, default=None))


def _rate(members: Sequence[JSON]) -> float | None:
    """Nodes to taint per second in a zone; None when the whole zone is down (ComputeZoneState)."""
    ready = sum(conditions.is_true(node, "Ready") for node in members)
    unready = len(members) - ready
    if ready == 0:
        return None
    if unready > 2 and unready / len(members) >= UNHEALTHY_SHARE:
        return SECONDARY_RATE if len(members) > LARGE_ZONE else 0.0
    return EVICTION_RATE


def _taint_zone(members: Sequence[JSON], all_down: bool, now: float, actions: list[Action]) -> float | None:
    """Appends what to do; returns when the zone's next node is due."""
    waiting = []
    added = []
    for node in members:
        wanted = None if all_down else _no_execute_key(node)
        ours = [taint for taint in taints.of_effect(node, "NoExecute") if taint["key"] in NO_EXECUTE]
        added += [times.parse_time(taint["timeAdded"]) for taint in ours if taint.get("timeAdded")]
        if wanted and not ours:
            waiting.append(node)
        elif [taint["key"] for taint in ours] != ([wanted] if wanted else []):
            actions.append(_patch_taints(node, _with_no_execute(node, wanted, now), "readiness of the node changed"))
        elif any(not taint.get("timeAdded") for taint in taints.of_effect(node, "NoExecute")):
            actions.append(_patch_taints(node, _stamped(node, now), "NoExecute taints need a time to count from"))
    rate = _rate(members)
    rate = EVICTION_RATE if rate is None else rate
    if not waiting or rate == 0:
        return None
    next_at = max(added, default=0.0) + 1 / rate
    if next_at > now:
        return next_at - now
    first = min(waiting, key=lambda node: (_not_ready_since(node), objects.name(node)))
    actions.append(_patch_taints(first, _with_no_execute(first, _no_execute_key(first), now), "the node is not ready"))
    return 1 / rate if len(waiting) > 1 else None


def _no_execute_key(node: JSON) -> str | None:
    return {"False": taints.NOT_READY, "Unknown": taints.UNREACHABLE}.get(conditions.status_of(node, "Ready"))


def _not_ready_since(node: JSON) -> str:
    return str((conditions.find(node, "Ready") or {}).get("lastTransitionTime") or "")


def _with_no_execute(node: JSON, key: str | None, now: float) -> list[JSON]:
    kept = [taint for taint in taints.of_node(node) if taint["effect"] != "NoExecute" or taint["key"] not in NO_EXECUTE]
    return [*kept, _taint(key, "NoExecute", now)] if key else kept


def _stamped(node: JSON, now: float) -> list[JSON]:
    return [
        taint
        if taint["effect"] != "NoExecute" or taint.get("timeAdded")
        else {**taint, "timeAdded": times.format_time(now)}
        for taint in taints.of_node(node)
    ]


def _node_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _zones_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return (ZONES,)


def _zones_matter(old: JSON | None, new: JSON | None) -> bool:
    if old is None or new is None:
        return True
    one, other = conditions.status_of(old, "Ready"), conditions.status_of(new, "Ready")
    return one != other or taints.of_node(old) != taints.of_node(new) or objects.labels(old) != objects.labels(new)


def _notices(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if old is None and new is not None:
        return ((REGISTERED, f"{objects.name(new)} {objects.uid(new)}"),)
    if new is None and old is not None:
        return ((REMOVED, f"{objects.name(old)} {objects.uid(old)}"),)
    return ()


def _pod_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """A Pod that counts as ready on a node that was given up."""
    name = new["spec"].get("nodeName") if new is not None else None
    node = cache.get(NODES, ("", name)) if name else None
    return (("", name),) if name and node is not None and conditions.status_of(node, "Ready") == "Unknown" else ()


def _is_ready(old: JSON | None, new: JSON | None) -> bool:
    return new is not None and conditions.is_true(new, "Ready")


CONTROLLER: Controller[View] = Controller(
    name="node_lifecycle",
    primary=NODES,
    watches=(
        Watch(NODES, _node_keys),
        Watch(NODES, _zones_keys, _zones_matter),
        Watch(NODES, _notices),
        Watch(PODS, _pod_keys, _is_ready),
    ),
    gather=gather,
    decide=decide,
    event_source="node-controller",
    reads=(LEASES,),
    workers=8,
)
