"""`seatrial rollout service` and its neighbours as a user types them: real processes, and a bad connection between."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e import fault_proxy, kubectl_world
from e2e.article_world import eventually
from e2e.conftest import SEATRIAL
from e2e.fault_proxy import FaultProxy
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

pytestmark = pytest.mark.e2e

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
OLD, NEW = "nginx:1.10.1", "nginx:1.11.9"
TIMEOUT_SECONDS = 120
CRASHES = ["sh", "-c", "echo starting; echo no database; exit 3"]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[RunningCluster]:
    """With a port that a proxy without certificates can speak to."""
    with RunningCluster(nodes=2, insecure_port=0) as cluster:
        yield cluster


class Tool:
    """`seatrial` in a namespace; `kubeconfig` may lead through a proxy."""

    def __init__(self, kubectl: Kubectl, kubeconfig: str = "") -> None:
        self._kubectl, self._kubeconfig = kubectl, kubeconfig or kubectl.cluster.kubeconfig

    def command(self, *arguments: str) -> list[str]:
        return [SEATRIAL, *arguments, "--kubeconfig", self._kubeconfig, "-n", self._kubectl.namespace]

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it printed; it has to end with this code."""
        done = subprocess.run(
            self.command(*arguments),
            env=dict(os.environ),
            cwd=self._kubectl.folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def events(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "-o", "json", code=code).splitlines()]


def deployed(kubectl: Kubectl) -> Kubectl:
    kubectl.apply(SERVICE, kubectl_world.deployment("web", 3, OLD))
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    return kubectl


def images(kubectl: Kubectl) -> set[str]:
    """Of all Pods that nobody has deleted."""
    return {
        pod["spec"]["containers"][0]["image"]
        for pod in kubectl.json("get", "pods")["items"]
        if "deletionTimestamp" not in pod["metadata"]
    }


def test_a_service_rolls_under_traffic_with_one_event_a_line(kubectl: Kubectl) -> None:
    deployed(kubectl)
    address = kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    port = 80 if os.getuid() == 0 else 10080
    events = Tool(kubectl).events(
        "rollout", "service", "web", "--image", NEW, "--canary=1", "--wait=2s", f"--probe=http://{address}:{port}/"
    )
    assert events[0]["type"] == "found"
    assert events[0]["changes"] == [f"web {OLD} → {NEW}"]
    steps = [(event["workload"], event["because"]) for event in events if event["type"] == "step"]
    assert [because for _, because in steps] == [
        "first step: 1 of 3",
        "the first step is made: paused",
        "the first step has held",
        "done",
        "nothing is left of the roll",
    ]
    result = events[-1]
    assert (result["type"], result["outcome"], result["exit_code"]) == ("result", "rolled", 0)
    assert (result["failed_requests"], result["lowest_endpoints"]) == (0, 3)
    assert result["requests"] > 20
    assert images(kubectl) == {NEW}


def test_a_crash_loop_takes_it_back_and_tells_the_last_log_lines(kubectl: Kubectl) -> None:
    deployed(kubectl)
    crashing = kubectl_world.deployment("web", 3, "busybox")
    crashing["spec"]["template"]["spec"]["containers"][0]["command"] = CRASHES
    file = kubectl.write("crashing.yaml", kubectl_world.config_map("more", a="1"), crashing)
    events = Tool(kubectl).events("rollout", "service", "web", "-f", file, code=11)
    [trouble] = [event for event in events if event["type"] == "trouble"]
    assert (trouble["reason"], trouble["log"]) == ("CrashLoop", ["starting", "no database"])
    assert events[-1]["outcome"] == "undone"
    assert images(kubectl) == {OLD}
    assert kubectl.names("configmap/more") == ["configmap/more"]


def test_a_file_is_rolled_with_all_that_it_says_and_applied_when_that_is_done(kubectl: Kubectl) -> None:
    deployed(kubectl)
    wanted = kubectl_world.deployment("web", 2, NEW)
    wanted["metadata"]["labels"]["more"] = "yes"
    file = kubectl.write("web.yaml", SERVICE, wanted)
    tool = Tool(kubectl)
    events = tool.events("rollout", "service", "service/web", "-f", file, "--max-unavailable=50%")
    assert events[0]["changes"] == [f"web {OLD} → {NEW}", "replicas 3 → 2"]
    assert events[-1]["outcome"] == "rolled"
    web = kubectl.json("get", "deployment", "web", "--show-managed-fields")
    assert (web["spec"]["replicas"], web["metadata"]["labels"]["more"]) == (2, "yes")
    assert web["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": "25%", "maxSurge": "25%"}
    assert ("seatrial", "Apply") in [(each["manager"], each["operation"]) for each in web["metadata"]["managedFields"]]
    assert tool.events("rollout", "service", "web", "-f", file)[-1]["outcome"] == "nothing to do"


def test_killed_with_kill_9_and_run_again_it_goes_on(kubectl: Kubectl) -> None:
    deployed(kubectl)
    tool = Tool(kubectl)
    arguments = ("rollout", "service", "web", "--image", NEW, "--canary=1", "--wait=3s")
    process = subprocess.Popen(tool.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        eventually(lambda: kubectl.json("get", "deployment", "web"), lambda web: bool(web["spec"].get("paused")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    events = tool.events(*arguments)
    assert "begins" not in [event.get("because") for event in events]
    assert events[-1]["outcome"] == "rolled"
    web = kubectl.json("get", "deployment", "web")
    assert (web["spec"].get("paused"), images(kubectl)) == (None, {NEW})
    assert "seatrial.dev/service-roll" not in web["metadata"].get("annotations", {})


@pytest.fixture
def through_a_bad_connection(kubectl: Kubectl, tmp_path: Path) -> Iterator[tuple[Kubectl, Tool, FaultProxy]]:
    """A third of all requests suffers something."""
    deployed(kubectl)
    with fault_proxy.between(kubectl.cluster.insecure_url, share=0.33, seed=7) as proxy:
        path = fault_proxy.kubeconfig(tmp_path, proxy.url, kubectl.namespace)
        yield kubectl, Tool(kubectl, str(path)), proxy


@pytest.mark.slow
def test_every_command_ends_right_over_a_bad_connection(
    through_a_bad_connection: tuple[Kubectl, Tool, FaultProxy],
) -> None:
    kubectl, tool, proxy = through_a_bad_connection
    tool.run("rollout", "service", "web", "--image", NEW)
    assert images(kubectl) == {NEW}
    tool.run("rollout", "service", "web", "--image", "no such image", code=1)
    tool.run("rollout", "service", "web", "--image", "nginx:bad/name", code=10)
    assert images(kubectl) == {NEW}
    assert "nginx:1.11.9" in tool.run("rollout", "history", "deployment/web")
    tool.run("rollout", "undo", "deployment/web", "--to-revision=1")
    tool.run("rollout", "status", "deployment/web", "--timeout=100s")
    eventually(lambda: images(kubectl), lambda found: found == {OLD})
    tool.run("rollout", "pause", "deployment/web")
    tool.run("rollout", "resume", "deployment/web")
    tool.run("rollout", "restart", "deployment/web")
    tool.run("rollout", "status", "deployment/web", "--timeout=100s")
    assert proxy.requests > 50
    assert len(proxy.suffered) >= 6, proxy.suffered


@pytest.mark.slow
def test_rolling_update_and_drain_end_right_over_a_bad_connection(
    through_a_bad_connection: tuple[Kubectl, Tool, FaultProxy],
) -> None:
    kubectl, tool, _ = through_a_bad_connection
    labels = {"app": "rc"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": OLD}]}}
    rc = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "rc"},
        "spec": {"replicas": 2, "selector": labels, "template": pod},
    }
    kubectl.apply(rc)
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "rc/rc", "--timeout=60s")
    tool.run("rolling-update", "rc", f"--image={NEW}", "--update-period=100ms", "--poll-interval=100ms")
    [left] = kubectl.json("get", "rc")["items"]
    assert left["metadata"]["name"] == "rc"
    assert left["spec"]["template"]["spec"]["containers"][0]["image"] == NEW
    node = kubectl.names("nodes")[0].removeprefix("node/")
    try:
        tool.run("drain", node, "--timeout=100s", "--ignore-daemonsets")
        on_node = kubectl.json("get", "pods", "--field-selector", f"spec.nodeName={node}")["items"]
        assert [pod for pod in on_node if "deletionTimestamp" not in pod["metadata"]] == []
    finally:
        tool.run("uncordon", node)
