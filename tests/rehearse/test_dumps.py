"""A rehearsal that starts from a cluster's present state: everything is where it was, and nothing is started anew."""

from rehearse.snapshots import dump
from seatrial.rehearse.change import DeletePod, Drain, Restart, Scale, SetImage, Undo
from seatrial.rehearse.rehearsal import Plan, rehearse
from simulation.worlds import deployment


def test_pods_that_run_are_ready_from_the_beginning() -> None:
    snapshot = dump(deployment("web", 4), start=5, ready=3, exit=1)
    result = rehearse(Plan(snapshot, [SetImage("deployment/web", [("", "nginx:1.11.9")])]))
    assert result.completes
    assert [pod.phases[0].state for pod in result.pods if not pod.updated] == ["ready"] * 4
    assert result.min_available == 3


def test_new_pods_start_as_the_live_ones_did() -> None:
    snapshot = dump(deployment("web", 2), start=20, ready=10, exit=1)
    result = rehearse(Plan(snapshot, [Restart("deployment/web")]))
    assert result.completes
    assert 60 <= result.duration_seconds <= 64, "two waves of 20 s and 10 s"
    assert any("starts in 20s, ready 10s later" in each for each in result.assumptions)


def test_nothing_but_the_change_happens() -> None:
    snapshot = dump(deployment("web", 3), start=1, exit=1)
    result = rehearse(Plan(snapshot, [Scale("deployment/web", 5)]))
    assert [(event.from_, event.to) for event in result.scale_events] == [(3, 5)]
    assert result.completes


def test_undo_finds_the_earlier_version_in_the_dump() -> None:
    snapshot = dump(deployment("web", 2), start=1, exit=1)
    result = rehearse(Plan(snapshot, [SetImage("deployment/web", [("c", "nginx:2")]), Undo("deployment/web")]))
    assert result.completes
    assert {pod.version for pod in result.pods if pod.phases[-1].state == "ready"} == {"nginx:1.10.1"}


def test_a_drained_node_is_left_by_its_pods() -> None:
    snapshot = dump(deployment("web", 3), start=1, exit=1)
    result = rehearse(Plan(snapshot, [Drain("node-1")]))
    assert result.completes
    assert all(pod.node != "node-1" for pod in result.pods if pod.phases[-1].state == "ready")


def test_a_deleted_pod_is_replaced() -> None:
    snapshot = dump(deployment("web", 2), start=1, exit=1)
    name = next(obj["metadata"]["name"] for obj in snapshot.objects if obj["kind"] == "Pod")
    result = rehearse(Plan(snapshot, [DeletePod(name)]))
    assert result.completes
    assert len(result.pods) == 3
    assert result.min_available == 1
