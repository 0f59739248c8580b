"""The real kubectl against a real cluster: objects, tables, logs, exec, and what it says when it is refused."""

import json
import os
import pty
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e import real_clients
from seatrial.cluster.background import RunningCluster

pytestmark = pytest.mark.e2e

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: nginx, image: "nginx:1.10.1", ports: [{containerPort: 80}]}]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo hello; echo world; exec sleep 600"]
    env: [{name: A, value: b}]
"""

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[str]:
    real_clients.kubectl()
    with RunningCluster(name="", nodes=2) as cluster:
        yield cluster.kubeconfig


@pytest.fixture
def environment(kubeconfig: str, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": kubeconfig, "HOME": str(tmp_path)}


@pytest.fixture
def kubectl(environment: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a namespace of the test's own; `code` is the exit code that is expected."""
    namespace = request.node.name.replace("_", "-").removeprefix("test-")[:63].strip("-")

    def run(*arguments: str, stdin: str = "", code: int = 0, timeout: float = 60) -> str:
        done = subprocess.run(
            [real_clients.kubectl(), "-n", namespace, *arguments],
            input=stdin, env=environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    run("create", "namespace", namespace)
    yield run
    run("delete", "namespace", namespace, "--wait=false")


def test_versions_and_resources(kubectl: Kubectl) -> None:
    version = json.loads(kubectl("version", "-o", "json"))
    assert version["serverVersion"]["minor"] == "32"
    assert "deployments" in kubectl("api-resources", "--api-group=apps", "-o", "name")
    assert "FIELD: replicas" in kubectl("explain", "deployment.spec.replicas")
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "kubernetes-admin" in kubectl("auth", "whoami")


def test_objects_made_by_commands(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=1", "--from-literal=b=two")
    kubectl("create", "secret", "generic", "key", "--from-literal=password=hush")
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "deployment", "web", "--image=nginx:1.10.1", "--replicas=2", "--port=80")
    kubectl("expose", "deployment", "web", "--port=80")
    assert json.loads(kubectl("get", "configmap", "settings", "-o", "json"))["data"] == {"a": "1", "b": "two"}
    assert kubectl("get", "secret", "key", "-o", "jsonpath={.data.password}") == "aHVzaA=="
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}") == "2"
    assert kubectl("get", "service", "web", "-o", "jsonpath={.spec.selector.app}") == "web"


def test_a_deployment_from_manifest_to_deletion(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=40s")
    wide = kubectl("get", "deployment", "web", "-o", "wide").splitlines()
    assert wide[0].split() == [
        "NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR",
    ]  # fmt: skip
    assert wide[1].split()[:4] == ["web", "2/2", "2", "2"]
    kubectl("scale", "deployment/web", "--replicas=3")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=40s")
    kubectl("label", "deployment/web", "team=a")
    kubectl("annotate", "deployment/web", "note=b")
    assert kubectl("get", "deployment", "-l", "team=a", "-o", "name") == "deployment.apps/web\n"
    described = kubectl("describe", "deployment", "web")
    assert "Replicas:               3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in described
    assert "ScalingReplicaSet" in described
    assert kubectl("delete", "deployment", "web") == 'deployment.apps "web" deleted\n'
    kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=40s")


def test_patches_of_three_types(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "a", "--from-literal=x=1")
    kubectl("patch", "configmap", "a", "-p", '{"data":{"y":"2"}}')
    kubectl("patch", "configmap", "a", "--type=merge", "-p", '{"data":{"x":null}}')
    kubectl("patch", "configmap", "a", "--type=json", "-p", '[{"op":"add","path":"/data/z","value":"3"}]')
    assert json.loads(kubectl("get", "configmap", "a", "-o", "json"))["data"] == {"y": "2", "z": "3"}


def test_server_side_apply_tells_conflicts(kubectl: Kubectl) -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '%s'}\n"
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=manifest % 1)
    refused = kubectl("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=manifest % 2, code=1)
    assert 'conflict with "one": .data.x' in refused
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=manifest % 2)


def test_refusals_read_as_in_kubernetes(kubectl: Kubectl) -> None:
    assert kubectl("get", "pod", "none", code=1) == 'Error from server (NotFound): pods "none" not found\n'
    unknown = DEPLOYMENT.replace("replicas: 2", "replicas: 2\n  replica: 3")
    assert 'unknown field "spec.replica"' in kubectl("create", "-f", "-", stdin=unknown, code=1)
    assert kubectl("create", "-f", "-", "--validate=ignore", "--dry-run=server", stdin=unknown).startswith("deployment")
    kubectl("create", "configmap", "a")
    assert '"a" already exists' in kubectl("create", "configmap", "a", code=1)


def test_logs_and_exec(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=POD)
    kubectl("wait", "--for=condition=Ready", "pod/talker", "--timeout=40s")
    assert kubectl("logs", "talker") == "hello\nworld\n"
    assert kubectl("logs", "talker", "--tail=1") == "world\n"
    assert "previous terminated container" in kubectl("logs", "talker", "--previous", code=1)
    assert "A=b\n" in kubectl("exec", "talker", "--", "env")
    assert kubectl("exec", "-i", "talker", "--", "cat", stdin="through\n") == "through\n"
    assert "exit code 7" in kubectl("exec", "talker", "--", "sh", "-c", "exit 7", code=7)
    assert "container nope is not valid" in kubectl("exec", "talker", "-c", "nope", "--", "true", code=1)
    assert 'pods "gone" not found' in kubectl("exec", "gone", "--", "true", code=1)


def test_a_terminal_in_a_container(
    kubectl: Kubectl, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    kubectl("apply", "-f", "-", stdin=POD)
    kubectl("wait", "--for=condition=Ready", "pod/talker", "--timeout=40s")
    namespace = "a-terminal-in-a-container"
    ours, theirs = pty.openpty()
    command = [real_clients.kubectl(), "-n", namespace, "exec", "-it", "talker", "--", "sh"]
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"tty && echo tty-$((40 + 2)); exit 3\n")
    assert process.wait(timeout=30) == 3
    said = _everything(ours)
    assert b"tty-42" in said


def _everything(descriptor: int) -> bytes:
    said = b""
    while True:
        try:
            chunk = os.read(descriptor, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    os.close(descriptor)
    return said


def test_a_watch_prints_changes(kubectl: Kubectl, environment: dict[str, str]) -> None:
    command = [real_clients.kubectl(), "-n", "a-watch-prints-changes", "get", "configmaps", "-w", "-o", "name"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        kubectl("create", "configmap", "first")
        assert process.stdout is not None
        deadline = time.monotonic() + 30
        seen = ""
        while "configmap/first" not in seen and time.monotonic() < deadline:
            seen = process.stdout.readline()
        process.terminate()
    assert seen == "configmap/first\n"
