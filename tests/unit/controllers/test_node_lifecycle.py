"""Nodes that stop reporting, their taints, and what becomes of their Pods."""

from typing import Any

import pytest

from seatrial.controllers import node_lifecycle, pod_gc, taint_eviction
from seatrial.machinery import times
from seatrial.reconcile.decision import Decision, Delete, Event, Patch
from unit.controllers.caches import lister, node, pod, run

START = times.parse_time("2025-01-01T00:00:00Z")
LATE = START + 51
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2025-01-01T00:00:00Z"}


def look(at: float, *standing: dict[str, Any], key: tuple[str, str] = ("", "n1")) -> Decision:
    view = run(node_lifecycle.gather(key, lister(*standing, started_at=START)))
    assert view is not None
    return node_lifecycle.decide(view, at)


def patches(decision: Decision) -> list[Any]:
    return [action.body for action in decision.actions if isinstance(action, Patch)]


def events(decision: Decision) -> list[tuple[str, str]]:
    return [(action.reason, action.message) for action in decision.actions if isinstance(action, Event)]


def test_a_node_without_heartbeat_for_fifty_seconds_becomes_unknown() -> None:
    assert look(START + 10, node("n1")) == Decision(requeue_after=40.0)
    decision = look(LATE, node("n1"))
    (body,) = patches(decision)
    told = {each["type"]: (each["status"], each["reason"], each["message"]) for each in body["status"]["conditions"]}
    stopped = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    never = ("Unknown", "NodeStatusNeverUpdated", "Kubelet never posted node status.")
    assert told == {"Ready": stopped, "MemoryPressure": never, "DiskPressure": never, "PIDPressure": never}
    assert events(decision) == [("NodeNotReady", "Node n1 status is now: NodeNotReady")]


def test_a_renewed_lease_is_a_heartbeat() -> None:
    meta = {"name": "n1", "namespace": "kube-node-lease", "resourceVersion": "1", "uid": "l"}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta}
    lease["spec"] = {"renewTime": "2025-01-01T00:00:45.000000Z"}
    assert look(LATE, node("n1"), lease).requeue_after == pytest.approx(44.0)


def test_pods_of_an_unknown_node_are_no_longer_ready() -> None:
    given_up = node("n1", ready="Unknown")
    given_up["status"]["conditions"] += [
        {"type": each, "status": "Unknown"} for each in ("MemoryPressure", "DiskPressure", "PIDPressure")
    ]
    decision = look(LATE, given_up, pod("a", "10.0.0.1"), pod("b", "10.0.0.2", ready=False))
    assert ("NodeNotReady", "Node is not ready") in events(decision)
    taint, ready = patches(decision)
    assert [each["key"] for each in taint["spec"]["taints"]] == ["node.kubernetes.io/unreachable"]
    assert ready["metadata"]["uid"] == "uid-a"
    assert ready["status"]["conditions"][0]["status"] == "False"


def test_a_cordon_becomes_a_taint_and_goes_with_it() -> None:
    (body,) = patches(look(START, node("n1", unschedulable=True)))
    (taint,) = body["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    (body,) = patches(look(START, node("n1", taints=[taint, {"key": "mine", "effect": "NoSchedule"}])))
    assert [each["key"] for each in body["spec"]["taints"]] == ["mine"]


def zones(at: float, *nodes: dict[str, Any]) -> Decision:
    return look(at, *nodes, key=node_lifecycle.ZONES)


def test_nodes_of_a_zone_are_tainted_one_in_ten_seconds() -> None:
    ready = [node(f"r{i}") for i in range(3)]
    first = zones(LATE, *ready, node("a", ready="Unknown"), node("b", ready="Unknown"))
    assert [action.key for action in first.actions if isinstance(action, Patch)] == [("", "a")]
    assert first.requeue_after == 10.0
    tainted = node("a", ready="Unknown", taints=patches(first)[0]["spec"]["taints"])
    second = zones(LATE + 4, *ready, tainted, node("b", ready="Unknown"))
    assert second.actions == ()
    assert second.requeue_after == pytest.approx(6.0)
    third = zones(LATE + 10, *ready, tainted, node("b", ready="Unknown"))
    assert [action.key for action in third.actions if isinstance(action, Patch)] == [("", "b")]


def test_a_small_zone_that_is_mostly_down_is_not_tainted_and_neither_is_one_wholly_down() -> None:
    down = [node(f"d{i}", ready="Unknown") for i in range(3)]
    assert zones(LATE, node("r"), *down).actions == ()
    assert zones(LATE, *down).actions == ()
    tainted = node("d", ready="Unknown", taints=[{**NOT_READY, "key": "node.kubernetes.io/unreachable"}])
    (body,) = patches(zones(LATE, tainted))
    assert body["spec"]["taints"] == []


def test_a_node_that_is_ready_again_loses_its_taint() -> None:
    (body,) = patches(zones(LATE, node("a", taints=[NOT_READY]), node("b")))
    assert body["spec"]["taints"] == []


def test_taints_set_by_hand_get_a_time_to_count_from() -> None:
    (body,) = patches(zones(START, node("a", taints=[{"key": "mine", "effect": "NoExecute"}])))
    assert body["spec"]["taints"][0]["timeAdded"] == "2025-01-01T00:00:00Z"


def evict(at: float, tolerations: list[dict[str, Any]]) -> Decision:
    each = pod("a", "10.0.0.1")
    each["spec"] = {**each["spec"], "tolerations": tolerations}
    view = run(taint_eviction.gather(("ns", "a"), lister(node("n1", taints=[NOT_READY]), each)))
    assert view is not None
    return taint_eviction.decide(view, at)


def test_a_pod_stays_as_long_as_it_tolerates_the_taint() -> None:
    five_minutes = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}
    assert evict(START + 100, [five_minutes]) == Decision(requeue_after=200.0)
    assert evict(START + 100, [{"operator": "Exists"}]) == Decision()
    decision = evict(START + 300, [five_minutes])
    assert events(decision) == [("TaintManagerEviction", "Marking for deletion Pod ns/a")]
    assert [type(action) for action in decision.actions] == [Event, Patch, Delete]
    assert [type(action) for action in evict(START, []).actions] == [Event, Patch, Delete]


def test_a_terminating_pod_that_was_never_scheduled_is_removed_by_force() -> None:
    each = pod("a", deletionTimestamp="2025-01-01T00:00:00Z")
    each["spec"] = {"containers": []}
    each["status"] = {"phase": "Pending"}
    view = run(pod_gc.gather(("unscheduled", "ns/a"), lister(each)))
    assert view is not None
    patch, delete = pod_gc.decide(view, START).actions
    assert isinstance(patch, Patch)
    assert patch.body["status"] == {"phase": "Failed"}  # type: ignore[call-overload]
    assert isinstance(delete, Delete)
    assert delete.grace_period_seconds == 0
