"""`seatrial rollout` as a user types it, against a cluster with Pods that are processes."""

import json
import os
import subprocess

import pytest

from e2e.conftest import SEATRIAL
from e2e.kubectl_world import Kubectl

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
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox
        command: [sh, -c, "SCRIPT"]
        env: [{name: VERSION, value: "VER"}]
        envFrom: [{configMapRef: {name: conf}}]
"""
SERVES = "exec sleep 1000"
CRASHES = "echo first; echo no database; exit 3"


class Rollout:
    """`rollout("status", "deployment/web")` on the cluster of this kubectl."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        where = ("--kubeconfig", self._kubectl.cluster.kubeconfig, "-n", self._kubectl.namespace)
        return subprocess.run(
            [SEATRIAL, "rollout", *arguments, *where],
            env=dict(os.environ),
            cwd=self._kubectl.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"seatrial rollout {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, *arguments: str, code: int = 1) -> str:
        done = self.run(*arguments)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr


@pytest.fixture
def rollout(kubectl: Kubectl) -> Rollout:
    kubectl("create", "configmap", "conf", "--from-literal=COLOUR=red")
    apply(kubectl, "1")
    tool = Rollout(kubectl)
    assert tool("status", "deployment/web").endswith('deployment "web" successfully rolled out\n')
    return tool


def apply(kubectl: Kubectl, version: str, script: str = SERVES) -> None:
    kubectl(
        "apply", "-f", "-", stdin=DEPLOYMENT.replace("SCRIPT", script).replace('value: "VER"', f'value: "{version}"')
    )


def test_history_and_undo_tell_what_changed(kubectl: Kubectl, rollout: Rollout) -> None:
    apply(kubectl, "2")
    rollout("status", "deploy", "web")
    head, *rows = rollout("history", "deployment/web").splitlines()
    assert head == "deployment.apps/web"
    assert rows[0].split() == [
        *("REVISION", "WHEN", "WHO", "TOOK", "LOWEST", "DONE", "IMAGES", "CHANGE-CAUSE", "CHANGED")
    ]
    assert rows[2].startswith("2 ")
    assert rows[2].endswith("env VERSION 1 → 2")
    one = json.loads(rollout("history", "deployment/web", "--revision=1", "--against=2", "-o", "json"))
    assert (one["revision"], one["against"], one["changes"]) == (1, 2, ["env VERSION 2 → 1"])
    roll = json.loads(rollout("history", "deployment/web", "-o", "json"))[1]["roll"]
    assert (roll["desired"], roll["completed"], roll["took_seconds"]["bound"]) == (2, True, "exactly")
    assert 1 <= roll["lowest_available"]["value"] <= 2
    tried = rollout("undo", "deployment/web", "--dry-run")
    assert tried.startswith("deployment.apps/web rolled back (server dry run)\n")
    assert "env VERSION 2 → 1" in tried
    assert rollout("undo", "deployment/web").startswith("deployment.apps/web rolled back\n")
    rollout("status", "deployment/web")
    applied = kubectl("apply", "view-last-applied", "deployment/web", "-o", "json")
    assert json.loads(applied)["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "VERSION", "value": "1"}
    ]
    apply(kubectl, "1")
    assert "error: unable to find the specified revision" in rollout.fails("undo", "deployment/web", "--to-revision=9")
    assert [each["revision"] for each in json.loads(rollout("history", "deployment/web", "-o", "json"))] == [2, 3]


def test_a_crash_loop_ends_status_with_the_last_log_line(kubectl: Kubectl, rollout: Rollout) -> None:
    apply(kubectl, "2", CRASHES)
    done = rollout.run("status", "deployment/web", "-o", "json")
    assert done.returncode == 2, done.stdout + done.stderr
    *_, last = map(json.loads, done.stdout.splitlines())
    assert (last["outcome"], last["reason"], last["log"]) == ("cannot come up", "CrashLoop", "no database")
    assert "exit code 3" in done.stderr
    assert 'its last log line: "no database"' in done.stderr


def test_pause_resume_and_restart(kubectl: Kubectl, rollout: Rollout) -> None:
    assert rollout("pause", "deployment/web") == "deployment.apps/web paused\n"
    assert rollout.fails("pause", "deployment/web") == 'error: deployments.apps "web" is already paused\n'
    assert "can't restart paused deployment" in rollout.fails("restart", "deployment/web")
    assert rollout("resume", "deployment/web") == "deployment.apps/web resumed\n"
    assert rollout("restart", "deployment/web") == "deployment.apps/web restarted\n"
    rollout("status", "deployment/web")
    same = rollout("restart", "deployment/web", "--if-config-changed")
    assert same == "deployment.apps/web not restarted (no ConfigMap or Secret that it uses has changed)\n"
    kubectl("patch", "configmap", "conf", "-p", '{"data": {"COLOUR": "blue"}}')
    changed = rollout("restart", "deployment/web", "--if-config-changed")
    assert changed == "deployment.apps/web restarted (changed: configmap/conf)\n"


def test_errors_are_kubectl_s(rollout: Rollout) -> None:
    assert rollout.fails("status") == "error: required resource not specified\n"
    missing = 'Error from server (NotFound): deployments.apps "nope" not found\n'
    assert rollout.fails("status", "deployment/nope") == missing
    mismatch = "error: desired revision (7) is different from the running revision (1)\n"
    assert rollout.fails("status", "deployment/web", "--revision=7") == mismatch
