"""What keeps new Pods from coming up."""

from typing import Any

import pytest

from seatrial.rollout import obstacles

NOW = 1_000_000_000.0
AT, LONG_AGO = "2001-09-09T01:46:30Z", "2001-09-09T01:00:00Z"


def pod(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1", "uid": "u1"},
        "spec": {"containers": [{"name": "c", "image": "nginx:9"}]},
        "status": status,
    }


def waiting(reason: str, restarts: int = 0, /, **last: Any) -> dict[str, Any]:
    container = {"name": "c", "ready": False, "restartCount": restarts, "state": {"waiting": {"reason": reason}}}
    return {"containerStatuses": [{**container, "lastState": {"terminated": last}} if last else container]}


def event(reason: str, uid: str = "u1", at: str = AT, message: str = "it failed") -> dict[str, Any]:
    return {"reason": reason, "involvedObject": {"uid": uid}, "lastTimestamp": at, "message": message}


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/2 nodes are available",
}


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [
        (waiting("ImagePullBackOff"), "Image", "image nginx:9 can't be had"),
        (waiting("InvalidImageName"), "Image", "InvalidImageName"),
        (waiting("CreateContainerConfigError"), "Configuration", "container c can't be made"),
        (waiting("CrashLoopBackOff", 3, exitCode=7), "CrashLoop", "exit code 7, 3 restarts"),
        (waiting("CrashLoopBackOff", 2, exitCode=137, reason="OOMKilled"), "CrashLoop", "OOMKilled"),
        ({"conditions": [UNSCHEDULABLE]}, "Unschedulable", "0/2 nodes are available"),
        ({"phase": "Failed", "message": "Pod was rejected: no room"}, "Rejected", "does not take it: no room"),
    ],
    ids=["pull", "name", "config", "crash", "memory", "node", "refused"],
)
def test_a_pod_tells_what_is_wrong(status: dict[str, Any], reason: str, says: str) -> None:
    [found] = obstacles.find([pod(**status)], [], [], NOW)
    assert found.reason == reason
    assert says in str(found)
    assert str(found).startswith("pod web-1: ")


@pytest.mark.parametrize(
    "status",
    [
        {},
        waiting("ContainerCreating"),
        waiting("ErrImagePull"),
        waiting("CrashLoopBackOff", 1, exitCode=1),
        {**waiting("CrashLoopBackOff", 5, exitCode=1), "conditions": [{"type": "Ready", "status": "True"}]},
    ],
    ids=["new", "creating", "first try", "first crash", "ready"],
)
def test_what_may_yet_mend_itself_is_no_obstacle(status: dict[str, Any]) -> None:
    assert obstacles.find([pod(**status)], [], [], NOW) == []


def test_volumes_are_told_by_fresh_events_about_this_pod_only() -> None:
    assert [each.reason for each in obstacles.find([pod()], [], [event("FailedMount")], NOW)] == ["Volume"]
    assert obstacles.find([pod()], [], [event("FailedMount", uid="u2")], NOW) == []
    assert obstacles.find([pod()], [], [event("FailedMount", at=LONG_AGO)], NOW) == []


def test_quota_is_told_by_the_replica_set_s_condition_or_the_set_s_event() -> None:
    message = 'pods "x" is forbidden: exceeded quota: q'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    rs = {"kind": "ReplicaSet", "metadata": {"name": "web", "uid": "r"}, "status": {"conditions": [failure]}}
    sts = {"kind": "StatefulSet", "metadata": {"name": "db", "uid": "s"}}
    for owner, events in ((rs, []), (sts, [event("FailedCreate", uid="s", message=message)])):
        [found] = obstacles.find([], [owner], events, NOW)
        assert (found.reason, message in found.message) == ("Quota", True)


def test_the_surest_comes_first() -> None:
    bad = {**pod(**waiting("ImagePullBackOff")), "metadata": {"name": "web-9", "uid": "u9"}}
    found = obstacles.find([pod(conditions=[UNSCHEDULABLE]), bad], [], [], NOW)
    assert [each.reason for each in found] == ["Image", "Unschedulable"]
