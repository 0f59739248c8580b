"""What an object costs as the cluster grows from 1,000 to 50,000 Pods: to reconcile, list, watch and write.

Flat columns mean that nothing looks at everything. Costs are CPU microseconds per object.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from seatrial.aio import loops
from seatrial.api.registry import DEPLOYMENTS, PODS
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.cluster.config import ClusterConfig
from seatrial.machinery import objects

SIZES = (1_000, 5_000, 20_000, 50_000)
PODS_PER_DEPLOYMENT = 50
SAMPLE = 200


def table() -> dict[str, list[dict[str, Any]]]:
    """One row per size."""
    return {"scale": [asyncio.run(_row(size)) for size in SIZES]}


async def _row(size: int) -> dict[str, Any]:
    config = ClusterConfig(nodes=max(10, size // 100), runtime="simulated", serve=False)
    async with Cluster(config) as cluster:
        loops.tune_garbage_collection()
        begin = time.process_time()
        await _deployments(cluster, size)
        create = _per(begin, size)
        return {
            "pods": size,
            "create to running, µs": create,
            "list, µs": await _cost(lambda: cluster.client.list(PODS, "default"), size),
            "watch event, µs": await _watch_event(cluster),
            "reconcile of one more change, µs": await _one_more(cluster),
            "write, µs": await _write(cluster),
        }


async def _deployments(cluster: Cluster, size: int) -> None:
    for number in range(size // PODS_PER_DEPLOYMENT):
        await cluster.client.create(DEPLOYMENTS, deployment(f"app-{number:04d}", PODS_PER_DEPLOYMENT))
    async for _ in _until(cluster, size):
        pass


async def _until(cluster: Cluster, ready: int) -> Any:
    while True:
        items = (await cluster.client.list(DEPLOYMENTS, "default"))["items"]
        if sum(item.get("status", {}).get("availableReplicas", 0) for item in items) >= ready:
            return
        yield None
        await asyncio.sleep(0.2)


def deployment(name: str, replicas: int) -> JSON:
    labels = {"app": name}
    container = {"name": "c", "image": "nginx:1.10.1", "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def _cost(act: Callable[[], Awaitable[Any]], count: int) -> float:
    begin = time.process_time()
    await act()
    return _per(begin, count)


async def _watch_event(cluster: Cluster) -> float:
    """The cost of one change to a Pod that 100 others watch."""
    watches = [cluster.client.watch(PODS, "default") for _ in range(100)]
    pod = (await cluster.client.list(PODS, "default", limit=1))["items"][0]
    name = objects.name(pod)
    readers = [asyncio.ensure_future(_read(watch, "last")) for watch in watches]
    await asyncio.sleep(0.5)
    begin = time.process_time()
    for number in range(SAMPLE):
        mark = "last" if number == SAMPLE - 1 else str(number)
        await cluster.client.patch(PODS, name, "default", {"metadata": {"annotations": {"mark": mark}}})
    await asyncio.gather(*readers)
    return _per(begin, SAMPLE * 100)


async def _read(watch: Any, last: str) -> None:
    async for event in watch:
        if event.type == "MODIFIED" and objects.annotations(event.object).get("mark") == last:
            return


async def _one_more(cluster: Cluster) -> float:
    """A Deployment of 50 more Pods, until they are available, per Pod."""
    before = len((await cluster.client.list(PODS, "default"))["items"])
    begin = time.process_time()
    await cluster.client.create(DEPLOYMENTS, deployment("one-more", PODS_PER_DEPLOYMENT))
    async for _ in _until(cluster, before + PODS_PER_DEPLOYMENT):
        pass
    return _per(begin, PODS_PER_DEPLOYMENT)


async def _write(cluster: Cluster) -> float:
    body = orjson.dumps(deployment("x", 1)["spec"]["template"]["spec"])
    begin = time.process_time()
    for number in range(SAMPLE):
        pod = {"metadata": {"name": f"w-{number}", "namespace": "default"}, "spec": orjson.loads(body)}
        pod["spec"]["schedulerName"] = "none"
        await cluster.client.create(PODS, {"apiVersion": "v1", "kind": "Pod", **pod})
    return _per(begin, SAMPLE)


def _per(begin: float, count: int) -> float:
    return round((time.process_time() - begin) * 1e6 / count, 1)


def as_text(rows: list[dict[str, Any]]) -> list[str]:
    """The table for people."""
    head = list(rows[0])
    widths = [max(len(key), 10) for key in head]
    lines = ["   ".join(key.rjust(width) for key, width in zip(head, widths, strict=True))]
    lines += ["   ".join(f"{row[key]:,}".rjust(width) for key, width in zip(head, widths, strict=True)) for row in rows]
    return lines
