"""Nodes that are lost, cordoned or labelled, and what controllers and scheduler make of it."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, EVENTS, NODES, PODS
from seatrial.machinery import conditions, objects
from simulation.worlds import complete, deployment, world


def test_pods_of_a_lost_node_are_replaced_after_grace_and_toleration() -> None:
    async def story() -> None:
        async with world(3, start=1, exit=1) as cluster:
            client = cluster.client
            await client.create(DEPLOYMENTS, deployment("web", 3))
            await complete(cluster, "web", 1)
            assert cluster._agent is not None
            await cluster._agent.crash("node-1")
            lost = asyncio.get_running_loop().time()
            await asyncio.sleep(70)
            node = await client.get(NODES, "node-1")
            assert conditions.status_of(node, "Ready") == "Unknown"
            assert {(taint["key"], taint["effect"]) for taint in node["spec"]["taints"]} == {
                ("node.kubernetes.io/unreachable", "NoSchedule"),
                ("node.kubernetes.io/unreachable", "NoExecute"),
            }
            (stranded,) = [p for p in (await client.list(PODS))["items"] if p["spec"]["nodeName"] == "node-1"]
            assert conditions.status_of(stranded, "Ready") == "False"
            assert not objects.is_terminating(stranded)
            await asyncio.sleep(lost + 370 - asyncio.get_running_loop().time())
            pods = (await client.list(PODS))["items"]
            assert len(pods) == 4
            (stranded,) = [p for p in pods if p["spec"]["nodeName"] == "node-1"]
            assert objects.is_terminating(stranded)
            reasons = {event["reason"] for event in (await client.list(EVENTS))["items"]}
            assert {"NodeNotReady", "TaintManagerEviction", "RegisteredNode"} <= reasons
            await client.delete(NODES, "node-1")
            await asyncio.sleep(60)
            assert [objects.name(p) for p in (await client.list(PODS))["items"] if objects.is_terminating(p)] == []

    virtual_loop.run(story())


def test_a_cordoned_node_gets_no_new_pods() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            client = cluster.client
            await client.patch(NODES, "node-1", "", {"spec": {"unschedulable": True}})
            await asyncio.sleep(1)
            await client.create(DEPLOYMENTS, deployment("web", 4))
            await complete(cluster, "web", 1)
            assert {p["spec"]["nodeName"] for p in (await client.list(PODS))["items"]} == {"node-2"}

    virtual_loop.run(story())


def test_a_pod_that_fits_nowhere_is_placed_when_a_node_changes() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            client = cluster.client
            made = deployment("web", 1)
            made["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
            await client.create(DEPLOYMENTS, made)
            await asyncio.sleep(30)
            (pod,) = (await client.list(PODS))["items"]
            assert not pod["spec"].get("nodeName")
            await client.patch(NODES, "node-1", "", {"metadata": {"labels": {"disk": "ssd"}}})
            await complete(cluster, "web", 1)

    virtual_loop.run(story())
