"""What `kubectl get pods` shows."""

from typing import Any

import pytest

from seatrial.api.core_v1 import pod_columns
from seatrial.base.types import JSON
from seatrial.machinery import times

NOW = 1_700_000_000.0
RUNNING = {"name": "a", "ready": True, "state": {"running": {}}}
READY = [{"type": "Ready", "status": "True"}]
INITIALIZED = [{"type": "Initialized", "status": "True"}]


def ago(seconds: float) -> str:
    return times.format_time(NOW - seconds)


def a_pod(*init: JSON, containers: list[JSON] | None = None, spec: JSON | None = None, **status: Any) -> JSON:
    names = [{"name": each["name"]} for each in init]
    return {
        "metadata": {"name": "p", "creationTimestamp": ago(300)},
        "spec": {"containers": [{"name": "a"}], "initContainers": names, **(spec or {})},
        "status": {
            "phase": "Running",
            "initContainerStatuses": list(init),
            "containerStatuses": [RUNNING] if containers is None else containers,
            **status,
        },
    }


def waiting(reason: str, name: str = "a", **fields: Any) -> JSON:
    return {"name": name, "state": {"waiting": {"reason": reason}}, **fields}


def ended(name: str = "a", **fields: Any) -> JSON:
    return {"name": name, "state": {"terminated": fields}}


def deleted(pod: JSON) -> JSON:
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": ago(1)}}


SIDECAR = {"initContainers": [{"name": "i", "restartPolicy": "Always"}]}
TWO = {"containers": [{"name": "a"}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("pod", "ready", "text"),
    [
        (a_pod(), "1/1", "Running"),
        (a_pod(containers=[], phase="Pending"), "0/1", "Pending"),
        (a_pod(containers=[waiting("ContainerCreating")], phase="Pending"), "0/1", "ContainerCreating"),
        (a_pod(containers=[waiting("CrashLoopBackOff")]), "0/1", "CrashLoopBackOff"),
        (
            a_pod(containers=[waiting("ErrImagePull"), waiting("CrashLoopBackOff", "b")], spec=TWO),
            "0/2",
            "ErrImagePull",
        ),
        (a_pod(containers=[RUNNING, waiting("CrashLoopBackOff", "b")], spec=TWO), "1/2", "CrashLoopBackOff"),
        (a_pod(containers=[ended(exitCode=0, reason="Completed")], phase="Succeeded"), "0/1", "Completed"),
        (a_pod(containers=[ended(exitCode=3)], phase="Failed"), "0/1", "ExitCode:3"),
        (a_pod(containers=[ended(exitCode=137, signal=9)], phase="Failed"), "0/1", "Signal:9"),
        (a_pod(containers=[ended(reason="Completed"), RUNNING], spec=TWO, conditions=READY), "1/2", "Running"),
        (a_pod(containers=[ended(reason="Completed"), RUNNING], spec=TWO), "1/2", "NotReady"),
        (a_pod(reason="Evicted", phase="Failed", containers=[]), "0/1", "Evicted"),
        (a_pod(ended("i", exitCode=1, reason="Error"), containers=[]), "0/1", "Init:Error"),
        (a_pod(ended("i", exitCode=2), containers=[]), "0/1", "Init:ExitCode:2"),
        (a_pod(ended("i", exitCode=137, signal=9), containers=[]), "0/1", "Init:Signal:9"),
        (a_pod(waiting("PodInitializing", "i"), containers=[]), "0/1", "Init:0/1"),
        (a_pod(waiting("ImagePullBackOff", "i"), containers=[]), "0/1", "Init:ImagePullBackOff"),
        (a_pod(ended("i", exitCode=0), {"name": "j", "state": {"running": {}}}, containers=[]), "0/1", "Init:1/2"),
        (a_pod(ended("i", exitCode=0)), "1/1", "Running"),
        (a_pod({**RUNNING, "name": "i", "started": True}, spec=SIDECAR), "2/2", "Running"),
        (a_pod({"name": "i", "started": True, "ready": False, "state": {}}, spec=SIDECAR), "1/2", "Running"),
        (
            a_pod({"name": "i", "started": False, "state": {"running": {}}}, spec=SIDECAR, containers=[]),
            "0/2",
            "Init:0/1",
        ),
        (a_pod(waiting("CrashLoopBackOff", "i"), spec=SIDECAR, conditions=INITIALIZED), "1/2", "Init:CrashLoopBackOff"),
        (
            a_pod(containers=[], conditions=[{"type": "PodScheduled", "reason": "SchedulingGated"}]),
            "0/1",
            "SchedulingGated",
        ),
        (deleted(a_pod()), "1/1", "Terminating"),
        (deleted(a_pod(reason="NodeLost")), "1/1", "Unknown"),
        (deleted(a_pod(phase="Succeeded", containers=[ended(reason="Completed")])), "0/1", "Completed"),
    ],
)
def test_ready_and_status(pod: JSON, ready: str, text: str) -> None:
    assert pod_columns.row(pod, NOW)[1:3] == (ready, text)


def restarted(count: int, seconds_ago: float, name: str = "a") -> JSON:
    last = {"terminated": {"exitCode": 1, "finishedAt": ago(seconds_ago)}}
    return {**RUNNING, "name": name, "restartCount": count, "lastState": last, "started": True}


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        (a_pod(), "0"),
        (a_pod(containers=[restarted(3, 300)]), "3 (5m ago)"),
        (a_pod(containers=[restarted(1, 300), restarted(2, 10, "b")], spec=TWO), "3 (10s ago)"),
        (a_pod(containers=[{**RUNNING, "restartCount": 2}]), "2"),
        (a_pod({**ended("i", exitCode=0), "restartCount": 4}), "0"),
        (a_pod(restarted(2, 60, "i"), spec=SIDECAR), "2 (60s ago)"),
        (a_pod({**waiting("CrashLoopBackOff", "i"), "restartCount": 4}, containers=[]), "4"),
    ],
    ids=["none", "one", "sum and latest", "unknown time", "init containers that are done", "sidecar", "init"],
)
def test_restarts(pod: JSON, text: str) -> None:
    assert pod_columns.row(pod, NOW)[3] == text


def test_wide_columns() -> None:
    plain = a_pod()
    assert pod_columns.row(plain, NOW)[4:] == ("5m", "<none>", "<none>", "<none>", "<none>")
    gated = a_pod(
        spec={"nodeName": "n1", "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]},
        podIP="10.0.0.1",
        podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
        nominatedNodeName="n2",
        conditions=[{"type": "x", "status": "True"}],
    )
    assert pod_columns.row(gated, NOW)[5:] == ("10.0.0.1", "n1", "n2", "1/2")
    assert len(pod_columns.row(gated, NOW)) == len(pod_columns.COLUMNS)
