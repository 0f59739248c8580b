"""The status of a Pod, as the kubelet writes it."""

from typing import Any

from seatrial.base.types import JSON
from seatrial.node import lifecycle, status
from seatrial.node.status import PodView

NOW = 1_767_323_045.0
STAMP = "2026-01-02T03:04:05Z"


def view(*, init: bool = False, gates: tuple[str, ...] = (), conditions: tuple[JSON, ...] = ()) -> PodView:
    spec: JSON = {"containers": [{"name": "c", "image": "nginx:1.10.1"}]}
    if init:
        spec["initContainers"] = [{"name": "i", "image": "busybox"}]
    if gates:
        spec["readinessGates"] = [{"conditionType": gate} for gate in gates]
    pod = {"metadata": {"name": "p"}, "spec": spec, "status": {"conditions": list(conditions)}}
    return PodView(pod, lifecycle.containers_of(pod), "process", "192.0.2.1", "10.0.0.7", NOW)


def condition(built: JSON, kind: str) -> JSON:
    return next(c for c in built["conditions"] if c["type"] == kind)


def running(looked_at: PodView, index: int = 0, *, ready: bool = True) -> None:
    container = looked_at.containers[index]
    lifecycle.begin(container, "abc", NOW)
    lifecycle.run(container, "stand-in://nginx:1.10.1", NOW, started=True, ready=ready)


def test_a_pod_whose_containers_are_being_created() -> None:
    built = status.build(view(), NOW)
    assert built["phase"] == "Pending"
    assert built["containerStatuses"] == [
        {
            "image": "nginx:1.10.1",
            "imageID": "",
            "lastState": {},
            "name": "c",
            "ready": False,
            "restartCount": 0,
            "started": False,
            "state": {"waiting": {"reason": "ContainerCreating"}},
        }
    ]
    assert condition(built, "Ready") == {
        "lastTransitionTime": STAMP,
        "message": "containers with unready status: [c]",
        "reason": "ContainersNotReady",
        "status": "False",
        "type": "Ready",
    }
    assert condition(built, "Initialized")["status"] == "True"
    assert condition(built, "PodReadyToStartContainers")["status"] == "True"


def test_a_pod_that_runs_and_is_ready() -> None:
    looked_at = view()
    running(looked_at)
    built = status.build(looked_at, NOW)
    assert built["phase"] == "Running"
    assert built["podIPs"] == [{"ip": "10.0.0.7"}]
    assert built["hostIPs"] == [{"ip": "192.0.2.1"}]
    assert built["startTime"] == STAMP
    assert {c["type"]: c["status"] for c in built["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    assert built["containerStatuses"][0]["containerID"] == "process://abc"
    assert built["containerStatuses"][0]["state"] == {"running": {"startedAt": STAMP}}


def test_a_pod_with_init_containers_says_which_are_incomplete() -> None:
    built = status.build(view(init=True), NOW)
    assert condition(built, "Initialized")["message"] == "containers with incomplete status: [i]"
    assert condition(built, "Initialized")["reason"] == "ContainersNotInitialized"
    assert built["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_a_crashed_container_leaves_the_pod_running_but_not_ready() -> None:
    looked_at = view()
    running(looked_at)
    lifecycle.end(looked_at.containers[0], 137, 9, "", NOW + 1)
    built = status.build(looked_at, NOW + 1)
    assert built["phase"] == "Running"
    terminated = built["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "Error")
    lifecycle.hold(looked_at.containers[0], "back-off 10s", NOW + 10)
    built = status.build(looked_at, NOW + 2)
    assert built["phase"] == "Running"
    assert built["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137
    assert built["containerStatuses"][0]["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s",
    }


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    looked_at = view()
    first = condition(status.build(looked_at, NOW), "Ready")
    assert condition(status.build(looked_at, NOW + 60), "Ready") == first
    running(looked_at)
    assert condition(status.build(looked_at, NOW + 60), "Ready")["lastTransitionTime"] == "2026-01-02T03:05:05Z"


def test_a_completed_pod() -> None:
    looked_at = view()
    running(looked_at)
    lifecycle.end(looked_at.containers[0], 0, 0, "", NOW)
    looked_at.outcome = "Succeeded"
    built = status.build(looked_at, NOW)
    assert built["phase"] == "Succeeded"
    assert [(c["type"], c["status"], c.get("reason")) for c in built["conditions"]] == [
        ("PodReadyToStartContainers", "False", None),
        ("Initialized", "True", "PodCompleted"),
        ("Ready", "False", "PodCompleted"),
        ("ContainersReady", "False", "PodCompleted"),
        ("PodScheduled", "True", None),
    ]


def test_a_readiness_gate_holds_readiness_back_until_its_condition_is_true() -> None:
    looked_at = view(gates=("example.com/in",))
    running(looked_at)
    blocked = condition(status.build(looked_at, NOW), "Ready")
    assert blocked["reason"] == "ReadinessGatesNotReady"
    assert blocked["message"] == 'corresponding condition of pod readiness gate "example.com/in" does not exist.'
    opened = view(gates=("example.com/in",), conditions=({"type": "example.com/in", "status": "True"},))
    running(opened)
    assert condition(status.build(opened, NOW), "Ready")["status"] == "True"


def apply(old: JSON, change: JSON) -> JSON:
    """What the server makes of the patch, as far as it concerns conditions and plain keys."""
    merged: dict[str, Any] = {c["type"]: c for c in old.get("conditions", ())}
    for item in change.get("conditions", ()):
        merged[item["type"]] = {k: v for k, v in {**merged.get(item["type"], {}), **item}.items() if v is not None}
    rest = {**old, **{k: v for k, v in change.items() if k != "conditions"}}
    return {**{k: v for k, v in rest.items() if v is not None}, "conditions": list(merged.values())}


def test_a_patch_says_only_what_has_changed_and_removes_old_reasons() -> None:
    looked_at = view()
    before = status.build(looked_at, NOW)
    assert status.patch(before, before) == {}
    running(looked_at)
    after = status.build(looked_at, NOW)
    change = status.patch(before, after)
    assert set(change) == {"phase", "conditions", "containerStatuses"}
    assert [c["type"] for c in change["conditions"]] == ["Ready", "ContainersReady"]
    assert change["conditions"][0]["reason"] is None
    assert apply(before, change) == after


def test_foreign_conditions_and_fields_are_left_alone() -> None:
    foreign = {"type": "example.com/in", "status": "True"}
    before = {**status.build(view(), NOW), "qosClass": "BestEffort"}
    before["conditions"] = [*before["conditions"], foreign]
    assert status.patch(before, status.build(view(), NOW)) == {}
