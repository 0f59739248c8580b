"""seatrial rescue as a command, on a cluster with real processes and real disks; a stateful roll that loses nothing."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import Shell
from e2e.kubectl_world import run_kubectl

pytestmark = pytest.mark.e2e
EXAMPLES = Path(__file__).parents[2] / "examples" / "rbd"
PATIENCE = 150.0


def eventually(ask: Callable[[], str], shows: Callable[[str], bool]) -> str:
    end = time.monotonic() + PATIENCE
    while not shows(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.25)
    return answer


@pytest.fixture
def kubectl(shell: Shell) -> Callable[..., str]:
    """A cluster of two nodes with the image, volume and claim of the first article."""
    shell.up("--ephemeral", "--nodes", "2")
    shell.run("rbd", "--name", "test", "pool", "create", "mioss")
    shell.run("rbd", "--name", "test", "create", "--size", "64M", "mioss/index-api-image")
    config = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)["kubeconfig"]
    shell.environment["KUBECONFIG"] = config

    def call(*arguments: str, stdin: str = "") -> str:
        return run_kubectl(config, *arguments, stdin=stdin)

    call("apply", "-f", str(EXAMPLES / "index-api-pv.yaml"))
    return call


def rescue(shell: Shell, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    done = shell.run("rescue", *arguments, "-o", "json", check=False)
    return done.returncode, json.loads(done.stdout)


def test_what_the_command_says_and_does(shell: Shell, kubectl: Callable[..., str]) -> None:
    assert shell.run("rescue", "--all").stdout == "nothing hangs\n"
    kubectl("apply", "-f", str(EXAMPLES / "index-api-v1.yaml"))
    kubectl("rollout", "status", "deployment/index-api", "--timeout=90s")
    old, node = kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name} {.items[0].spec.nodeName}").split()
    shell.run("node", "partition", node, "--name", "test")
    kubectl("cordon", node)
    kubectl("apply", "-f", str(EXAMPLES / "index-api-v2.yaml"))

    def others() -> str:
        names = kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()
        return next((name for name in names if name != old), "")

    new = eventually(others, bool)
    eventually(lambda: kubectl("describe", "pod", new), lambda text: "locked by other nodes" in text)
    code, (finding,) = rescue(shell, new)
    assert (code, finding["verdict"], finding["cause"]) == (5, "IN_USE", "Lock")
    shell.run("node", "crash", node, "--name", "test")
    said = shell.run("rescue", new, "--powered-off", node, check=False)
    assert said.returncode == 3
    assert "verdict: stale, safe to break" in said.stdout
    refused = shell.run("rescue", new, "--powered-off", "no-such-node", check=False)
    assert refused.returncode == 1
    assert 'nodes "no-such-node" not found' in refused.stderr
    assert shell.run("rescue", new, "--powered-off", node, "--fix", "--yes").returncode == 0
    kubectl("rollout", "status", "deployment/index-api", "--timeout=150s")
    reasons = kubectl(
        "get", "events", "--field-selector", f"involvedObject.name={new}", "-o", "jsonpath={.items[*].reason}"
    )
    assert {"FencedHolder", "RemovedLock", "RestartedPod"} <= set(reasons.split())


def test_wrong_use_is_one_line(shell: Shell, kubectl: Callable[..., str]) -> None:
    for arguments, text in (
        ([], "name a Pod, or say --all"),
        (["x", "--all"], "name a Pod, or say --all"),
        (["--all", "--yes"], "--yes goes with --fix"),
        (["no-such-pod"], 'pods "no-such-pod" not found in namespace default'),
    ):
        done = shell.run("rescue", *arguments, check=False)
        assert done.returncode == 1
        assert done.stderr.strip() == f"error: {text}"
