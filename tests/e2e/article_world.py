"""The article's manifests and commands, and how its transcripts are compared with what is printed today."""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from e2e import real_clients
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

MANIFESTS = Path(__file__).resolve().parents[2] / "examples" / "article"
DEPRECATED = "Flag --record has been deprecated, --record will be removed in the future\n"
PATIENCE = 60.0

T = TypeVar("T")

_NAMES = re.compile(r"\bdeployment-demo-[a-z0-9]{6,10}(-[a-z0-9]{5})?\b")
_AGES = re.compile(r"(?<= )(\d+[smh])+\b")


class ArticleKubectl(Kubectl):
    """Without a word that the article does not say: --record writes them all down."""

    def command(self, *arguments: str) -> list[str]:
        return [real_clients.kubectl(), *arguments]


def kubectl_on(cluster: RunningCluster, folder: Path) -> Kubectl:
    """kubectl in the namespace `default`, in a folder with the manifests."""
    for manifest in MANIFESTS.iterdir():
        (folder / manifest.name).write_bytes(manifest.read_bytes())
    return ArticleKubectl(cluster, "default", folder)


def curl(folder: Path, *arguments: str) -> str:
    """What curl prints; it must come through."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(text: str) -> list[list[str]]:
    """Rows in words, sorted by the names that stand for generated ones: `HASH` and `HASH-POD`."""
    masked = _NAMES.sub(lambda found: f"deployment-demo-HASH{'-POD' if found[1] else ''}", text)
    return [_AGES.sub("AGE", line).split() for line in masked.splitlines()]


def eventually(ask: Callable[[], T], shows: Callable[[T], bool]) -> T:
    """The answer when it shows what is awaited."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if shows(answer):
            return answer
        assert time.monotonic() < end, f"not within {PATIENCE} s; last:\n{answer}"
        time.sleep(0.2)


def replica_sets(kubectl: Kubectl) -> dict[str, tuple[int, int]]:
    """image → (desired, ready) of each ReplicaSet."""
    return {
        one["spec"]["template"]["spec"]["containers"][0]["image"]: (
            one["spec"]["replicas"],
            one["status"].get("readyReplicas", 0),
        )
        for one in kubectl.json("get", "rs")["items"]
    }


def sizes_become(kubectl: Kubectl, sizes: dict[str, tuple[int, int]]) -> None:
    """Wait until the ReplicaSets are of these sizes."""
    eventually(lambda: replica_sets(kubectl), lambda found: found == sizes)


def history(kubectl: Kubectl) -> list[tuple[int, str]]:
    """(revision, cause) as `kubectl rollout history` shows them."""
    head, title, *rows = kubectl("rollout", "history", "deployment", "deployment-demo").splitlines()
    assert head == "deployment.apps/deployment-demo "
    assert title.split() == ["REVISION", "CHANGE-CAUSE"]
    return [(int(row.split(maxsplit=1)[0]), row.split(maxsplit=1)[1]) for row in rows if row]
