"""Faults on demand: what the API and its users see of nodes that crash, are cut off, or stand still."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, LEASES, NODES, PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client, Request
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from simulation.node_world import is_ready
from simulation.worlds import complete, deployment, world

EVICTED_SECONDS = 50 + 300 + 20
"""Grace of the node, toleration of the Pod, and some for taints and controllers."""


async def lease(client: Client) -> JSON:
    return await client.get(LEASES, "node-1", "kube-node-lease")


async def pods_on(client: Client, node: str) -> list[JSON]:
    return [pod for pod in (await client.list(PODS))["items"] if pod["spec"].get("nodeName") == node]


async def web(cluster: Cluster, replicas: int = 2) -> None:
    await cluster.client.create(DEPLOYMENTS, deployment("web", replicas))
    await complete(cluster, "web", 1)


@pytest.mark.parametrize("fault", ["crash", "partition", "pause"])
def test_a_node_that_is_lost_falls_silent_is_tainted_and_its_pods_are_replaced(fault: str) -> None:
    async def story() -> None:
        async with world(2, start=1, exit=1) as cluster:
            client = cluster.client
            await web(cluster)
            before = await lease(client)
            await getattr(cluster.nodes["node-1"], fault)()
            await asyncio.sleep(EVICTED_SECONDS)
            assert await lease(client) == before
            node = await client.get(NODES, "node-1")
            assert conditions.status_of(node, "Ready") == "Unknown"
            (stranded,) = await pods_on(client, "node-1")
            assert objects.is_terminating(stranded)
            assert len([pod for pod in await pods_on(client, "node-2") if is_ready(pod)]) == 2

    virtual_loop.run(story())


@pytest.mark.parametrize("fault", ["crash", "partition", "pause"])
def test_a_healed_node_reports_at_once_and_ends_the_pods_that_were_deleted_meanwhile(fault: str) -> None:
    async def story() -> None:
        async with world(2, start=1, exit=1) as cluster:
            client = cluster.client
            await web(cluster)
            await getattr(cluster.nodes["node-1"], fault)()
            await asyncio.sleep(EVICTED_SECONDS)
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(5)
            node = await client.get(NODES, "node-1")
            assert conditions.is_true(node, "Ready")
            assert not node["spec"].get("taints")
            assert await pods_on(client, "node-1") == []
            assert cluster.nodes["node-1"].condition == "well"

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("fault", "restarts"),
    [
        pytest.param("crash", 1, id="after a crash, started anew"),
        pytest.param("partition", 0, id="after a partition, never ended"),
        pytest.param("pause", 0, id="after a pause, never ended"),
    ],
)
def test_pods_of_a_node_that_is_back_in_time_stay(fault: str, restarts: int) -> None:
    async def story() -> None:
        async with world(1, start=1, exit=1) as cluster:
            await web(cluster, 1)
            (before,) = await pods_on(cluster.client, "node-1")
            await getattr(cluster.nodes["node-1"], fault)()
            await asyncio.sleep(100)
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(30)
            (after,) = await pods_on(cluster.client, "node-1")
            assert objects.uid(after) == objects.uid(before)
            assert is_ready(after)
            assert after["status"]["containerStatuses"][0]["restartCount"] == restarts

    virtual_loop.run(story())


def test_a_paused_node_takes_up_what_it_was_told_before_and_a_partitioned_one_what_it_was_told_since() -> None:
    async def story() -> None:
        async with world(1, start=1, exit=1) as cluster:
            client = cluster.client
            await web(cluster, 1)
            await cluster.nodes["node-1"].pause()
            (pod,) = await pods_on(client, "node-1")
            await client.delete(PODS, objects.name(pod), "default")
            await asyncio.sleep(60)
            assert any(objects.uid(each) == objects.uid(pod) for each in await pods_on(client, "node-1"))
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(10)
            assert all(objects.uid(each) != objects.uid(pod) for each in await pods_on(client, "node-1"))

    virtual_loop.run(story())


def test_a_container_that_ends_while_the_node_is_cut_off_is_restarted_and_told_of_later() -> None:
    async def story() -> None:
        async with world(1, start=1, exit=1, crash=40) as cluster:
            await web(cluster, 1)
            await cluster.nodes["node-1"].partition()
            await asyncio.sleep(45)
            (silent,) = await pods_on(cluster.client, "node-1")
            assert silent["status"]["containerStatuses"][0]["restartCount"] == 0
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(2)
            (heard,) = await pods_on(cluster.client, "node-1")
            assert heard["status"]["containerStatuses"][0]["restartCount"] == 1

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("first", "then", "condition"),
    [
        pytest.param("crash", "crash", "crashed", id="twice is once"),
        pytest.param("partition", "crash", "crashed", id="a node that is cut off can crash"),
        pytest.param("partition", "pause", "paused", id="and stand still"),
        pytest.param("pause", "heal", "well", id="heal mends all"),
    ],
)
def test_faults_follow_each_other(first: str, then: str, condition: str) -> None:
    async def story() -> None:
        async with world(1) as cluster:
            for fault in (first, then):
                answer = await cluster.client.raw(Request("POST", f"/seatrial/v1/nodes/node-1/{fault}"))
            assert answer.object["message"] == condition
            assert cluster.nodes["node-1"].condition == condition

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("method", "path", "code", "message"),
    [
        pytest.param("POST", "node-9/crash", 404, 'nodes "node-9" not found', id="no such node"),
        pytest.param(
            "POST", "node-1/explode", 400, "a node can crash, partition, pause, heal; not explode", id="fault"
        ),
        pytest.param("GET", "node-1/crash", 405, "method", id="only POST"),
        pytest.param("POST", "node-2/pause", 409, "the node has crashed; heal it first", id="a dead one can't pause"),
    ],
)
def test_what_can_not_be_is_refused(method: str, path: str, code: int, message: str) -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await cluster.nodes["node-2"].crash()
            with pytest.raises(StatusError) as refused:
                await cluster.client.raw(Request(method, f"/seatrial/v1/nodes/{path}"))
            assert refused.value.code == code
            assert message in refused.value.message

    virtual_loop.run(story())


def test_nodes_are_a_mapping_that_keeps_those_that_crashed() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await cluster.nodes["node-1"].crash()
            assert set(cluster.nodes) == {"node-1", "node-2"}
            assert len(cluster.nodes) == 2
            assert "node-3" not in cluster.nodes

    virtual_loop.run(story())
