"""helm installs, upgrades, rolls back and removes a small chart."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from e2e import kubectl_world, real_clients
from e2e.kubectl_world import JSON, Kubectl
from seatrial import RunningCluster

pytestmark = pytest.mark.e2e

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: {{ .Release.Name }}}, ports: [{port: {{ .Values.port }}, targetPort: 80}]}
"""


class Helm:
    """helm in one namespace."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        home = kubectl.folder / "helm"
        self._environment = {
            **os.environ,
            "KUBECONFIG": kubectl.cluster.kubeconfig,
            "HELM_CACHE_HOME": str(home),
            "HELM_CONFIG_HOME": str(home),
            "HELM_DATA_HOME": str(home),
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [real_clients.helm(), "--namespace", self._kubectl.namespace, *arguments],
            env=self._environment,
            cwd=self._kubectl.folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def helm(kubectl: Kubectl) -> Helm:
    """helm beside a chart `web`."""
    write_chart(kubectl.folder / "web")
    return Helm(kubectl)


def write_chart(folder: Path) -> None:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("image: nginx:1.10.1\nreplicas: 2\nport: 8080\n")
    manifest = kubectl_world.deployment("NAME", replicas=0, image="IMAGE")
    manifest["spec"]["replicas"] = "REPLICAS"
    text = yaml.safe_dump(manifest).replace("NAME", "{{ .Release.Name }}").replace("IMAGE", "{{ .Values.image }}")
    (folder / "templates/deployment.yaml").write_text(text.replace("REPLICAS", "{{ .Values.replicas }}"))
    (folder / "templates/service.yaml").write_text(SERVICE)


def image(kubectl: Kubectl, name: str) -> str:
    found: JSON = kubectl.json("get", "deployment", name)
    text: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return text


def test_the_life_of_a_release(helm: Helm, kubectl: Kubectl) -> None:
    installed = helm("install", "shop", "web", "--wait", "--timeout=60s")
    assert "STATUS: deployed\nREVISION: 1\n" in installed
    assert kubectl("get", "deployment", "shop", "-o", "jsonpath={.status.availableReplicas}") == "2"

    upgraded = helm("upgrade", "shop", "web", "--set", "image=nginx:1.11.9", "--wait", "--timeout=60s")
    assert 'Release "shop" has been upgraded. Happy Helming!' in upgraded
    assert image(kubectl, "shop") == "nginx:1.11.9"

    assert helm("rollback", "shop", "1", "--wait", "--timeout=60s") == "Rollback was a success! Happy Helming!\n"
    assert image(kubectl, "shop") == "nginx:1.10.1"
    history = json.loads(helm("history", "shop", "-o", "json"))
    assert [(row["revision"], row["status"]) for row in history] == [
        (1, "superseded"),
        (2, "superseded"),
        (3, "deployed"),
    ]
    assert [row["name"] for row in json.loads(helm("list", "-o", "json"))] == ["shop"]

    assert helm("uninstall", "shop", "--wait") == 'release "shop" uninstalled\n'
    assert kubectl.names("deployments,services") == []
    assert kubectl.names("secrets", "-l", "owner=helm") == []


def test_a_failed_upgrade_is_rolled_back(helm: Helm, kubectl: Kubectl) -> None:
    helm("install", "shop", "web", "--wait", "--timeout=60s")
    done = helm.run("upgrade", "shop", "web", "--set", "image=nobody/knows:1", "--atomic", "--timeout=3s")
    assert done.returncode == 1
    assert "release shop failed, and has been rolled back due to atomic being set" in done.stderr
    assert image(kubectl, "shop") == "nginx:1.10.1"


def test_a_chart_that_is_wrong_is_refused(helm: Helm, kubectl: Kubectl) -> None:
    done = helm.run("install", "shop", "web", "--set", "replicas=many")
    assert done.returncode == 1
    assert "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" in done.stderr
    missing = kubectl.folder / "web/templates/gadget.yaml"
    missing.write_text("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x}\n")
    done = helm.run("install", "other", "web")
    assert 'no matches for kind "Gadget" in version "example.com/v1"\nensure CRDs are installed first' in done.stderr


def test_helm_creates_namespaces_and_runs_hooks(helm: Helm, kubectl: Kubectl, two_nodes: RunningCluster) -> None:
    (kubectl.folder / "web/templates/hook.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "before", "annotations": {"helm.sh/hook": "pre-install"}},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "hook", "image": "busybox", "command": ["sh", "-c", "echo hooked"]}],
                },
            }
        )
    )
    helm("install", "shop", "web", "--namespace", "made-by-helm", "--create-namespace", "--wait", "--timeout=60s")
    there = Kubectl(two_nodes, "made-by-helm", kubectl.folder)
    assert there("logs", "before") == "hooked\n"
    assert there.names("deployments") == ["deployment.apps/shop"]
