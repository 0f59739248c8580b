"""How long rehearsals take: the article's, one of 1,000 replicas, one in a cluster of 10,000 Pods, a hundred trials.

`python -m benchmarks.rehearse PART` measures one part in this process, and prints it as JSON.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
EXAMPLES = Path(__file__).parents[1] / "examples" / "article"
STAMP = "2025-01-01T00:00:00Z"


def table() -> Figures:
    """All parts, each in a process of its own."""
    figures: Figures = {}
    for name in PARTS:
        done = subprocess.run([sys.executable, "-m", "benchmarks.rehearse", name], capture_output=True, check=True)
        figures |= json.loads(done.stdout)
    return figures


def article(trials: int = 1) -> float:
    """The article's update, from its manifests; seconds without imports."""
    from seatrial.aio import loops
    from seatrial.cluster import loops as _  # noqa: F401  (loaded on first use otherwise)
    from seatrial.rehearse import whole
    from seatrial.rehearse.changes.change import Apply
    from seatrial.rehearse.rehearsal import Plan
    from seatrial.rehearse.snapshots import snapshot
    from seatrial.rollout import manifests

    loops.tune_garbage_collection()
    begin = time.perf_counter()
    old, new = (manifests.read(EXAMPLES / f"deployment-demo-v0.{version}.yaml") for version in (1, 2))
    result = whole.run(Plan(snapshot.of_manifests(old), [Apply(new)]), trials=trials)
    assert result.completes, result.headline
    return time.perf_counter() - begin


def article_once() -> Figures:
    return {"rehearsal of the article's update, s": round(article(), 3)}


def command() -> Figures:
    """The command as a user waits for it, less what Python itself takes to start."""
    old, new = (str(EXAMPLES / f"deployment-demo-v0.{version}.yaml") for version in (1, 2))
    asked = [sys.executable, "-m", "seatrial.cli.main", "rehearse", "--old", old, "-f", new]
    took = min(_seconds(asked) for _ in range(5)) - min(_seconds([sys.executable, "-c", "pass"]) for _ in range(5))
    return {"seatrial rehearse, the article's update, s": round(took, 3)}


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def hundred_trials() -> Figures:
    return {"100 trials of it, s": round(article(100), 2)}


def thousand() -> Figures:
    """A Deployment of 1,000 replicas on 100 nodes, from a dump."""
    return {"1,000 replicas on 100 nodes, s": round(_roll(nodes=100, workloads=[1000]), 2)}


def large() -> Figures:
    """1,000 nodes and 10,000 Pods; one Deployment of 500 is rolled."""
    seconds = _roll(nodes=1000, workloads=[500] * 20)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"500 of 10,000 Pods on 1,000 nodes, s": round(seconds, 2), "its memory, MiB": round(memory)}


def _roll(nodes: int, workloads: list[int]) -> float:
    from seatrial.aio import loops
    from seatrial.cluster import loops as _  # noqa: F401
    from seatrial.rehearse import whole
    from seatrial.rehearse.changes.set_image import SetImage
    from seatrial.rehearse.rehearsal import Plan
    from seatrial.rehearse.snapshots import dump

    loops.tune_garbage_collection()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dump.json"
        file.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": cluster(nodes, workloads)}))
        begin = time.perf_counter()
        result = whole.run(Plan(dump.read([file]), [SetImage("deployment/app-0", [("c", "app:2")])]))
        assert result.completes, result.headline
        return time.perf_counter() - begin


def cluster(nodes: int, workloads: list[int]) -> list[Any]:
    """What kubectl would print of a cluster in which all is well."""
    found: list[Any] = [_node(number) for number in range(nodes)]
    at = 0
    for number, size in enumerate(workloads):
        found += _workload(f"app-{number}", size)
        for index in range(size):
            found.append(_pod(f"app-{number}", index, f"node-{at % nodes}"))
            at += 1
    return found


def _node(number: int) -> Any:
    amounts = {"cpu": "32", "memory": "128Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": STAMP}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "uid": f"node-{number}", "creationTimestamp": STAMP},
        "spec": {},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": [ready]},
    }


def _template(name: str) -> Any:
    container = {"name": "c", "image": "app:1", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def _workload(name: str, size: int) -> list[Any]:
    counts = {"replicas": size, "readyReplicas": size, "availableReplicas": size, "observedGeneration": 1}
    hashed = {**_template(name)["metadata"]["labels"], "pod-template-hash": "1"}
    template = _template(name)
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": name, "controller": True}
    meta = {"namespace": "default", "creationTimestamp": STAMP, "generation": 1}
    revision = {"deployment.kubernetes.io/revision": "1"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "name": name, "uid": name, "annotations": revision},
            "spec": {"replicas": size, "selector": {"matchLabels": {"app": name}}, "template": template},
            "status": {**counts, "updatedReplicas": size},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                **meta,
                "name": f"{name}-1",
                "uid": f"{name}-1",
                "labels": hashed,
                "ownerReferences": [owner],
                "annotations": {
                    **revision,
                    "deployment.kubernetes.io/desired-replicas": str(size),
                    "deployment.kubernetes.io/max-replicas": str(size + -(-size // 4)),
                },
            },
            "spec": {
                "replicas": size,
                "selector": {"matchLabels": hashed},
                "template": {**template, "metadata": {"labels": hashed}},
            },
            "status": counts,
        },
    ]


def _pod(name: str, index: int, node: str) -> Any:
    uid = f"{name}-1-{index:05d}"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-1", "uid": f"{name}-1", "controller": True}
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": uid,
            "namespace": "default",
            "uid": uid,
            "creationTimestamp": STAMP,
            "labels": {"app": name, "pod-template-hash": "1"},
            "ownerReferences": [owner],
        },
        "spec": {**_template(name)["spec"], "nodeName": node},
        "status": {
            "phase": "Running",
            "podIP": "10.1.0.1",
            "startTime": STAMP,
            "conditions": [{"type": kind, "status": "True", "lastTransitionTime": STAMP} for kind in kinds],
            "containerStatuses": [
                {
                    "name": "c",
                    "image": "app:1",
                    "imageID": "",
                    "containerID": f"containerd://{uid}",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": STAMP}},
                }
            ],
        },
    }


PARTS: dict[str, Callable[[], Figures]] = {
    "article": article_once,
    "command": command,
    "trials": hundred_trials,
    "thousand": thousand,
    "large": large,
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]]()))
