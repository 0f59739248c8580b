"""kubectl as a user of one namespace runs it, against a cluster that a file's tests share."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e import real_clients
from seatrial import RunningCluster
from seatrial.api.registry import NAMESPACES, SERVICE_ACCOUNTS
from seatrial.client.wait import wait_for

JSON = dict[str, Any]
TIMEOUT = 60


class Kubectl:
    """`kubectl("get", "pods")` returns what it printed and insists on success; `.fails(…)` returns the error."""

    def __init__(self, cluster: RunningCluster, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder
        self.environment = {
            "KUBECONFIG": cluster.kubeconfig,
            "HOME": str(folder),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "EDITOR": "",
        }

    def command(self, *arguments: str) -> list[str]:
        return [real_clients.kubectl(), "--namespace", self.namespace, *arguments]

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments),
            env={**self.environment, **environment},
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        done = self.run(*arguments, stdin=stdin, **environment)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, *arguments: str, stdin: str = "", code: int = 1) -> str:
        """What it wrote to stderr."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr

    def json(self, *arguments: str) -> JSON:
        parsed: JSON = json.loads(self(*arguments, "-o", "json"))
        return parsed

    def apply(self, *manifests: JSON) -> str:
        return self("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def create(self, *manifests: JSON) -> str:
        return self("create", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def write(self, name: str, *manifests: JSON) -> str:
        """A manifest file; returns its name, for -f."""
        (self.folder / name).write_text(yaml.safe_dump_all(manifests))
        return name

    def names(self, resource: str, *arguments: str) -> list[str]:
        return self("get", resource, "-o", "name", *arguments).split()

    @contextmanager
    def started(self, *arguments: str, **options: Any) -> "Iterator[subprocess.Popen[str]]":
        """A kubectl that keeps running, such as `get -w`; ended with the block if it has not ended by itself."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=TIMEOUT)


def run_kubectl(kubeconfig: str, *arguments: str, stdin: str = "") -> str:
    """kubectl against any cluster, in the namespace `default`."""
    done = subprocess.run(
        [real_clients.kubectl(), "--kubeconfig", kubeconfig, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def user_of(cluster: RunningCluster, namespace: str, folder: Path) -> Kubectl:
    """kubectl in a new namespace, whose service account is there."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    cluster.call(cluster.client.create(NAMESPACES, manifest))
    cluster.call(wait_for(cluster.client, SERVICE_ACCOUNTS, "default", namespace, lambda found: found is not None, 10))
    return Kubectl(cluster, namespace, folder)


def deployment(name: str = "web", replicas: int = 2, image: str = "nginx:1.10.1", **spec: Any) -> JSON:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": [{"name": "web", "image": image, "ports": [{"containerPort": 80}]}]},
            },
            **spec,
        },
    }


def pod(name: str, *command: str, image: str = "busybox", **spec: Any) -> JSON:
    container: JSON = {"name": "main", "image": image}
    if command:
        container["command"] = list(command)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"run": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec},
    }


def config_map(name: str, **data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def lines_of(text: str) -> list[list[str]]:
    """A table's rows, in words."""
    return [line.split() for line in text.splitlines()]
