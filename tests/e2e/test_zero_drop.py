"""Not one request is lost: while versions roll, Pods are evicted or scaled away; and what a crash costs.

Traffic comes from `seatrial load` in a process of its own, through the Service's address.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e import kubectl_world
from e2e.kubectl_world import JSON, Kubectl
from seatrial import RunningCluster
from seatrial.api.registry import DEPLOYMENTS, ENDPOINTS, PODS
from seatrial.client.base import MERGE_PATCH
from seatrial.client.wait import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RATE = 500
CONNECTIONS = 32
VERSIONS = 20
PORT = 18000
SERVER = """
import os, signal, socket, sys, threading, time
mode = sys.argv[1]
ending = threading.Event()
def end(*_):
    if mode == "exits":
        os._exit(0)
    ending.set()
signal.signal(signal.SIGTERM, end)
listener = socket.create_server((os.environ["POD_IP"], 18080), backlog=1024)
head = "HTTP/1.1 200 OK\\r\\nServer: app/%s\\r\\nX-Pod-Name: %s\\r\\nContent-Length: 2\\r\\n" % (
    os.environ["VERSION"], os.environ["HOSTNAME"])
def serve(connection):
    with connection:
        held = b""
        while True:
            while b"\\r\\n\\r\\n" not in held:
                try:
                    more = connection.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                held += more
            asked, _, held = held.partition(b"\\r\\n\\r\\n")
            close = ending.is_set() or b"connection: close" in asked.lower()
            time.sleep(0.05 if asked.startswith(b"POST") else 0.01)
            try:
                connection.sendall((head + "Connection: close\\r\\n" * close + "\\r\\nok").encode())
            except OSError:
                return
            if close:
                return
listener.settimeout(0.05)
until = None
while until is None or time.monotonic() < until:
    if ending.is_set() and until is None:
        until = time.monotonic() + 0.3
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        continue
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(None)
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""


@dataclass
class World:
    """A cluster and kubectl in a namespace of the test."""

    cluster: RunningCluster
    kubectl: Kubectl
    url: str = ""

    def deploy(self, mode: str, replicas: int = 4, pre_stop: float = 0) -> None:
        """A Deployment of the mode `exits` or `drains`, its Service, and ready endpoints."""
        probe = {"tcpSocket": {"port": 18080}, "periodSeconds": 1}
        container: JSON = {
            "name": "app",
            "image": f"app-{mode}:1",
            "ports": [{"containerPort": 18080}],
            "env": [
                {"name": "VERSION", "value": "1"},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            "readinessProbe": probe,
        }
        if pre_stop:
            container["lifecycle"] = {"preStop": {"sleep": {"seconds": pre_stop}}}
        manifest = kubectl_world.deployment("web", replicas)
        manifest["spec"]["template"]["spec"] = {"containers": [container], "terminationGracePeriodSeconds": 10}
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}
        manifest["spec"]["strategy"] = strategy
        ports = [{"name": "http", "port": PORT, "targetPort": 18080}]
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": ports},
        }
        self.kubectl.create(manifest, service)
        self.wait(DEPLOYMENTS, lambda found: (found.get("status") or {}).get("readyReplicas") == replicas)
        self.wait(ENDPOINTS, lambda found: addresses(found) == replicas)
        self.url = f"http://{self.kubectl.json('get', 'service', 'web')['spec']['clusterIP']}:{PORT}/"

    def wait(self, resource: Any, check: Callable[[JSON], bool], seconds: float = 60) -> None:
        namespace = self.kubectl.namespace

        def holds(found: JSON | None) -> bool:
            return found is not None and check(found)

        self.cluster.call(wait_for(self.cluster.client, resource, "web", namespace, holds, seconds))

    def roll(self, version: int) -> None:
        """To a new version, and until none of the old is in the way of the next."""
        env = {"containers": [{"name": "app", "env": [{"name": "VERSION", "value": str(version)}]}]}
        patch = {"spec": {"template": {"spec": env}}}
        self.cluster.call(self.cluster.client.patch(DEPLOYMENTS, "web", self.kubectl.namespace, patch))
        self.wait(DEPLOYMENTS, rolled)

    def scale(self, replicas: int) -> None:
        patch = {"spec": {"replicas": replicas}}
        self.cluster.call(
            self.cluster.client.patch(DEPLOYMENTS, "web", self.kubectl.namespace, patch, patch_type=MERGE_PATCH)
        )
        self.wait(DEPLOYMENTS, lambda found: (found.get("status") or {}).get("replicas") == replicas and rolled(found))

    def drain(self, tool: str, node: str) -> str:
        """With kubectl, or with Seatrial's own command; returns what it says."""
        arguments = ["drain", node, "--ignore-daemonsets", "--timeout=60s"]
        if tool == "kubectl":
            return self.kubectl(*arguments)
        program = "from seatrial.cli.main import main; main()"
        command = [sys.executable, "-c", program, *arguments, "--kubeconfig", str(self.cluster.kubeconfig)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def pods(self) -> list[JSON]:
        listed: list[JSON] = self.cluster.call(self.cluster.client.list(PODS, self.kubectl.namespace))["items"]
        return listed

    def restarts(self, pod: str) -> int:
        """How often the container was started again, and is ready."""
        status = self.kubectl.json("get", "pod", pod)["status"]["containerStatuses"][0]
        return int(status["restartCount"]) if status["ready"] else 0

    def wait_for_ends(self, replicas: int) -> None:
        """Until the Pods that are being deleted are gone."""
        deadline = time.monotonic() + 30
        while len(self.pods()) != replicas:
            assert time.monotonic() < deadline, [pod["metadata"] for pod in self.pods()]
            time.sleep(0.05)

    @contextmanager
    def traffic(self, keep_alive: bool = False, method: str = "GET") -> "Iterator[JSON]":
        """Traffic while the block runs; afterwards the mapping has the report."""
        program = "from seatrial.cli.main import main; main()"
        how = "--keep-alive" if keep_alive else "--new-connections"
        options = ["--rate", str(RATE), "--connections", str(CONNECTIONS), how, "--method", method, "-o", "json"]
        process = subprocess.Popen(
            [sys.executable, "-c", program, "load", self.url, *options], stdout=subprocess.PIPE, text=True
        )
        report: JSON = {}
        try:
            time.sleep(0.7)  # so that there is traffic before the first change; nothing waits for it
            yield report
            time.sleep(0.3)
        finally:
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=30)
        report.update(json.loads(told))
        shown = ("requests", "failed", "rate", "unsent", "seconds", "reasons", "latency_seconds")
        print({name: report[name] for name in shown})


def addresses(endpoints: JSON) -> int:
    return sum(len(subset.get("addresses") or ()) for subset in endpoints.get("subsets") or ())


def rolled(deployment: JSON) -> bool:
    status, wanted = deployment.get("status") or {}, deployment["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * 3


def assert_nothing_failed(report: JSON, at_least: int) -> None:
    assert report["failed"] == 0, (report["reasons"], report["failures"][:5])
    assert report["requests"] >= at_least
    assert report["rate"] > RATE * 0.5, "the traffic was not what it should have been"


def images(folder: Path) -> dict[str, str]:
    program = folder / "server.py"
    program.write_text(SERVER)
    return {f"app-{mode}": f"{sys.executable} -S {program} {mode}" for mode in ("exits", "drains")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    with RunningCluster(nodes=2, images=images(tmp_path_factory.mktemp("images"))) as cluster:
        yield cluster


@pytest.fixture
def world(cluster: RunningCluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    it = a_world(cluster, words[-60:].strip("-"), tmp_path)
    yield it
    it.kubectl("delete", "deployment,service,pdb", "--all", "--wait=false")
    it.wait_for_ends(0)


def a_world(cluster: RunningCluster, namespace: str, folder: Path) -> World:
    return World(cluster, kubectl_world.user_of(cluster, namespace, folder))


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "keep-alive"])
@pytest.mark.parametrize("mode", ["exits", "drains"])
def test_twenty_versions_in_a_row_lose_no_request(world: World, mode: str, keep_alive: bool) -> None:
    world.deploy(mode, replicas=2)
    with world.traffic(keep_alive) as report:
        for version in range(2, VERSIONS + 2):
            world.roll(version)
        world.wait_for_ends(2)
    assert_nothing_failed(report, at_least=RATE * 3)
    assert len(report["versions"]) == VERSIONS + 1


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "keep-alive"])
def test_scaling_down_loses_no_request(world: World, keep_alive: bool) -> None:
    world.deploy("exits", replicas=6)
    with world.traffic(keep_alive) as report:
        world.scale(1)
        world.wait_for_ends(1)
    assert_nothing_failed(report, at_least=RATE // 2)
    assert len(report["backends"]) > 1


@pytest.mark.parametrize("tool", ["kubectl", "seatrial"])
def test_draining_a_node_keeps_to_the_budget_and_loses_no_request(world: World, tool: str) -> None:
    world.deploy("exits", replicas=4)
    world.kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--max-unavailable=2")
    budget = ("get", "pdb", "web", "-o", "jsonpath={.status.disruptionsAllowed}")
    wait_until(lambda: world.kubectl(*budget) == "2")
    try:
        with world.traffic() as report:
            told = world.drain(tool, "node-1")
            world.wait(DEPLOYMENTS, rolled)
        assert "node/node-1 cordoned" in told
        assert "node/node-1 drained" in told
        assert {pod["spec"]["nodeName"] for pod in world.pods()} == {"node-2"}
        assert_nothing_failed(report, at_least=RATE // 2)
    finally:
        assert "node/node-1 uncordoned" in world.kubectl("uncordon", "node-1")
    node = world.kubectl.json("get", "node", "node-1")
    assert "unschedulable" not in node["spec"]


def test_a_budget_that_allows_nothing_holds_a_drain_up(world: World) -> None:
    world.deploy("exits", replicas=2)
    world.kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=2")
    wait_until(lambda: world.kubectl.json("get", "pdb", "web")["status"]["currentHealthy"] == 2)
    before = {pod["metadata"]["uid"] for pod in world.pods()}
    try:
        told = world.kubectl.fails("drain", "node-1", "--ignore-daemonsets", "--timeout=1s")
        assert "Cannot evict pod as it would violate the pod's disruption budget." in told
        assert {pod["metadata"]["uid"] for pod in world.pods()} == before
    finally:
        world.kubectl("uncordon", "node-1")


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "keep-alive"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_crash_loses_at_most_the_requests_in_flight(world: World, keep_alive: bool, method: str) -> None:
    """Those that may be sent twice are, to another Pod. Of the others a quarter is with the Pod, about 6."""
    world.deploy("exits", replicas=4)
    victim = world.pods()[0]["metadata"]["name"]
    with world.traffic(keep_alive, method) as report:
        os.kill(process_of(victim), signal.SIGKILL)
        killed = time.time()
        wait_until(lambda: world.restarts(victim) == 1)
        world.wait(DEPLOYMENTS, rolled)
    assert report["failed"] <= (CONNECTIONS // 2 if method == "POST" else 0), report["reasons"]
    assert [failure for failure in report["failures"] if abs(failure["time"] - killed) > 0.5] == []
    assert report["requests"] > RATE // 2


def process_of(pod: str) -> int:
    """The server of a Pod, found by its environment."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"HOSTNAME={pod}".encode() in environment and b"server.py" in command:
            return int(entry.name)
    raise AssertionError(f"no process of {pod}")


def wait_until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("pre_stop", "loses"),
    [pytest.param(0, True, id="exits at once"), pytest.param(1, False, id="preStop longer than the lag")],
)
def test_endpoints_that_lag_cost_requests_unless_pods_wait(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, pre_stop: int, loses: bool
) -> None:
    with RunningCluster(nodes=1, endpoint_lag=0.4, images=images(tmp_path_factory.mktemp("lag"))) as cluster:
        world = a_world(cluster, "lagging", tmp_path)
        world.deploy("exits", replicas=2, pre_stop=pre_stop)
        world.kubectl("patch", "deployment", "web", "-p", '{"spec": {"minReadySeconds": 1}}')
        wait_until(lambda: answers(world.url))
        with world.traffic() as report:
            world.roll(2)
            world.wait_for_ends(2)
        assert (report["failed"] > 0) == loses, report["reasons"]


def answers(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    try:
        with socket.create_connection((host, int(port)), 1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
