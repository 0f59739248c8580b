"""The first article from end to end on a real Ceph: a lock that a crash left behind, and how the Pod comes to run."""

import json
import time
from collections.abc import Callable

import pytest
import yaml

from ceph.one_node import OneNode
from e2e.conftest import Shell, shell  # noqa: F401
from e2e.kubectl_world import run_kubectl

pytestmark = pytest.mark.ceph
PATIENCE = 120.0
SCRIPT = "echo written >> /data/log; exec sleep 1000"


def manifests() -> str:
    rbd = {"monitors": ["127.0.0.1:6789"], "pool": "mioss", "image": "index-api-image", "fsType": "ext4"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "index-api-pv"},
        "spec": {"capacity": {"storage": "64Mi"}, "accessModes": ["ReadWriteOnce"], "rbd": rbd},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "index-api-pvc"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}},
    }
    container = {
        "name": "index-api",
        "image": "busybox",
        "command": ["sh", "-c", SCRIPT],
        "volumeMounts": [{"name": "index-api-pv", "mountPath": "/data"}],
    }
    pod = {
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "index-api-pv", "persistentVolumeClaim": {"claimName": "index-api-pvc"}}],
    }
    labels = {"app": "index-api"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "index-api"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }
    return yaml.safe_dump_all([volume, claim, deployment])


def eventually(ask: Callable[[], str], shows: Callable[[str], bool]) -> str:
    end = time.monotonic() + PATIENCE
    while not shows(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.5)
    return answer


def test_the_article(ceph_node: OneNode, shell: Shell) -> None:  # noqa: F811
    ceph_node.renew_image()
    shell.up("--ephemeral", "--nodes", "2", "--ceph-conf", str(ceph_node.configuration), name="article")
    config = json.loads(shell.run("status", "--name", "article", "-o", "json").stdout)["kubeconfig"]

    def kubectl(*arguments: str, stdin: str = "") -> str:
        return run_kubectl(config, *arguments, stdin=stdin)

    def pods() -> list[dict[str, str]]:
        found = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
        return [
            {
                "name": each["metadata"]["name"],
                "node": each["spec"].get("nodeName", ""),
                "phase": each["status"]["phase"],
            }
            for each in found
            if "deletionTimestamp" not in each["metadata"]
        ]

    kubectl("apply", "-f", "-", stdin=manifests())
    kubectl("rollout", "status", "deployment/index-api", "--timeout=90s")
    [first] = pods()
    locks = ceph_node.rbd("lock", "list", "mioss/index-api-image")
    assert f"kubelet_lock_magic_{first['node']}" in locks
    assert kubectl("exec", first["name"], "--", "cat", "/data/log") == "written\n"

    shell.run("node", "crash", first["node"], "--name", "article")
    kubectl("cordon", first["node"])
    kubectl("delete", "pod", first["name"], "--force", "--grace-period=0")
    [second] = [pod for pod in pods() if pod["name"] != first["name"]]
    eventually(
        lambda: kubectl("get", "events", "--field-selector", f"involvedObject.name={second['name']}"),
        lambda text: "rbd: image index-api-image is locked by other nodes" in text,
    )
    assert ceph_node.rbd("lock", "list", "mioss/index-api-image") == locks, "the lock has outlived its node"

    where = ("--kubeconfig", config, "--ceph-conf", str(ceph_node.configuration))
    told = eventually(
        lambda: shell.run("rescue", second["name"], *where, check=False).stdout, lambda text: "safe to break" in text
    )
    assert "index-api-image" in told
    assert first["node"] in told
    shell.run("rescue", second["name"], *where, "--fix", "--yes", timeout=120)
    eventually(lambda: kubectl("get", "pods"), lambda text: "Running" in text)
    [running] = [pod for pod in pods() if pod["phase"] == "Running" and pod["node"] != first["node"]]
    assert kubectl("exec", running["name"], "--", "cat", "/data/log") == "written\nwritten\n"
    assert f"kubelet_lock_magic_{running['node']}" in ceph_node.rbd("lock", "list", "mioss/index-api-image")
    holder = locks.splitlines()[-1].split()[-1]
    assert holder in ceph_node.ceph("osd", "blocklist", "ls"), "whoever held it can't write any more"


def test_a_pod_whose_monitor_does_not_answer_is_told_in_time_and_starts_when_it_does(
    ceph_node: OneNode,
    shell: Shell,  # noqa: F811
) -> None:
    ceph_node.renew_image()
    shell.up("--ephemeral", "--nodes", "1", "--ceph-conf", str(ceph_node.configuration), name="silent")
    config = json.loads(shell.run("status", "--name", "silent", "-o", "json").stdout)["kubeconfig"]

    def kubectl(*arguments: str, stdin: str = "") -> str:
        return run_kubectl(config, *arguments, stdin=stdin)

    with ceph_node.silent_monitor():
        kubectl("apply", "-f", "-", stdin=manifests())
        told = eventually(
            lambda: kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
            lambda text: "timed out: (110) Connection timed out" in text,
        )
        assert 'MountVolume.SetUp failed for volume "index-api-pv" : rbd: map failed exit status' in told
    kubectl("rollout", "status", "deployment/index-api", "--timeout=90s")
