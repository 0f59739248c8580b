"""`make bench`: every figure of docs/benchmarks.md, in one run.

`--only NAME` runs one part, `-o json` prints data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks import harness, rehearse, scale
from benchmarks.harness import Target

Figures = dict[str, Any]

REAL = {
    "start to /readyz, s": 4.7,
    "idle with two nodes, MiB": 529,
    "GET of a Pod, 1/s": 2170,
    "LIST of 5,000 Pods, ms": 342,
    "event to the last of 100 watchers, ms": 12.7,
    "durable POST of ConfigMaps, 1/s": 1285,
    "durable POST of Pods, 1/s": 681,
    "1,000 replicas rolled, s": 9.4,
}
"""kube-apiserver 1.20, etcd 3.4, controller-manager and scheduler, measured on a machine of the same kind."""


def start() -> Figures:
    """From the shell to /readyz, and the memory of an idle cluster of two nodes."""
    seconds, memory = [], []
    for _ in range(5):
        with harness.cluster("--ephemeral", "--nodes", "2") as target:
            seconds.append(target.ready_seconds)
            memory.append(harness.settled_mib(target.pid))
    return {
        "start to /readyz, s": round(statistics.median(seconds), 3),
        "idle with two nodes, MiB": round(statistics.median(memory), 1),
    }


def reading() -> Figures:
    """GET, LIST and watch, each with the bare handler's figure from the same run."""
    with harness.cluster("--ephemeral", "--nodes", "0") as target:
        get = _median(lambda: harness.load(target, "get-pod", "-d", "5s")[0]["req_per_s"])
        harness.load(target, "make-pods", "-ns", "lists", "-n", "5000", "-scheduler", "none")
        listing = _median(lambda: harness.load(target, "list-pods", "-ns", "lists", "-n", "5")[0]["median_ms"])
    with harness.cluster("--ephemeral", "--nodes", "0") as target:
        fanout = _median(
            lambda: harness.load(target, "watch-fanout", "-watchers", "100", "-n", "100")[0]["last_p50_ms"]
        )
    bare = harness.bare_per_second()
    return {
        "GET of a Pod, 1/s": get,
        "bare handler, 1/s": bare,
        "GET / bare handler": round(get / bare, 2),
        "LIST of 5,000 Pods, ms": listing,
        "event to the last of 100 watchers, ms": fanout,
    }


def writing() -> Figures:
    """Durable POSTs: acknowledged after fsync."""
    with (
        tempfile.TemporaryDirectory(prefix="seatrial-bench-data-") as folder,
        harness.cluster("--data-dir", folder, "--nodes", "0") as target,
    ):
        maps = _median(lambda: harness.load(target, "post-configmaps", "-n", "5000")[0]["req_per_s"])
        pods = harness.load(target, "make-pods", "-ns", "pods", "-n", "5000", "-scheduler", "none")[0]["req_per_s"]
    return {"durable POST of ConfigMaps, 1/s": maps, "durable POST of Pods, 1/s": pods}


def rolling() -> Figures:
    """1,000 replicas on ten simulated nodes in real time, start-up 0."""
    with harness.cluster("--ephemeral", "--nodes", "10", "--runtime", "simulated") as target:
        lines = _rollout(target, 1000)
    return {
        "1,000 replicas available, s": lines["create_to_available_s"],
        "1,000 replicas rolled, s": lines["rolling_update_s"],
    }


def virtual() -> Figures:
    """1,000 Pods on 100 simulated nodes, 30 s of start-up each, rolled in virtual time: what that takes for real."""
    import asyncio
    import time

    from seatrial.aio import virtual_loop
    from seatrial.api.registry import DEPLOYMENTS
    from seatrial.base.env import SimulatedEnv
    from seatrial.cluster.cluster import Cluster
    from seatrial.node.runtimes.simulated import Behaviour, Model
    from seatrial.rollout.watching import RollWatch

    async def story() -> tuple[float, float]:
        env = SimulatedEnv(asyncio.get_running_loop().time)
        model = Model(Behaviour(start=30, exit=1))
        async with Cluster(env=env, nodes=100, runtime="simulated", serve=False, model=model) as cluster:
            await cluster.client.create(DEPLOYMENTS, scale.deployment("web", 1000))
            async with RollWatch(cluster.client, env, "web", "default") as roll:
                await roll.complete(1, 3600)
                begin, virtual_begin = time.perf_counter(), env.now()
                template = {"spec": {"containers": [{"name": "c", "image": "nginx:1.11.9"}]}}
                patched = await cluster.client.patch(DEPLOYMENTS, "web", "default", {"spec": {"template": template}})
                await roll.complete(patched["metadata"]["generation"], 3600)
                return time.perf_counter() - begin, env.now() - virtual_begin

    real, simulated = virtual_loop.run(story())
    return {
        "1,000 Pods rolled in virtual time, s": round(real, 2),
        "… which took in virtual time, s": round(simulated, 1),
    }


def _rollout(target: Target, replicas: int) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for line in harness.load(target, "rollout", "-replicas", str(replicas)):
        merged |= line
    return merged


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(3))


PARTS: dict[str, Callable[[], Figures]] = {
    "start": start,
    "reading": reading,
    "writing": writing,
    "rolling": rolling,
    "virtual": virtual,
    "rehearse": rehearse.table,
    "scale": scale.table,
}


def main() -> None:
    """Run the parts and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    figures: Figures = {}
    if options.output == "text":
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {_kernel()}")
    for name in options.only or PARTS:
        print(f"measuring {name} …", file=sys.stderr)
        measured = PARTS[name]()
        figures |= measured
        if options.output == "text":
            _show(measured)
    if options.output == "json":
        print(json.dumps(figures, indent=2))


def _show(figures: Figures) -> None:
    for name, value in figures.items():
        if isinstance(value, list):
            print("\n" + "\n".join(scale.as_text(value)))
        else:
            real = f"   (real control plane: {REAL[name]:g})" if name in REAL else ""
            print(f"{name:<42} {value:>12,}{real}", flush=True)


def _kernel() -> str:
    return subprocess.run(["uname", "-sr"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
