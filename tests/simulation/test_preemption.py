"""A Pod of high priority comes, others go: in a cluster in virtual time."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import EVENTS, NODES, POD_DISRUPTION_BUDGETS, PODS, PRIORITY_CLASSES
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.node.registration import NodeOptions
from simulation.worlds import world


def a_pod(name: str, cpu: str, priority_class: str = "") -> JSON:
    container = {"name": "c", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}
    spec = {"containers": [container], **({"priorityClassName": priority_class} if priority_class else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": spec,
    }


async def stage(cluster: Cluster) -> None:
    """Two nodes of 4 CPUs, each with a Pod of 3; a class for those who may make others go."""
    for number in (1, 2):
        await cluster.add_node(NodeOptions(f"node-{number}", {"cpu": "4"}))
    urgent = {"metadata": {"name": "urgent"}, "value": 1000, "preemptionPolicy": "PreemptLowerPriority"}
    await cluster.client.create(PRIORITY_CLASSES, urgent)
    for name in ("guarded", "free"):
        await cluster.client.create(PODS, a_pod(name, "3"))
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}},
    }
    await cluster.client.create(POD_DISRUPTION_BUDGETS, budget)
    await asyncio.sleep(30)


def test_the_pod_that_no_budget_guards_goes_and_the_urgent_one_takes_its_place() -> None:
    async def story() -> None:
        async with world(0, exit=5) as cluster:
            await stage(cluster)
            old = await cluster.client.get(PODS, "free", "default")
            await cluster.client.create(PODS, a_pod("rush", "3", "urgent"))
            await asyncio.sleep(1)
            waiting = await cluster.client.get(PODS, "rush", "default")
            assert waiting["status"]["nominatedNodeName"] == old["spec"]["nodeName"]
            scheduled = conditions.find(waiting, "PodScheduled") or {}
            assert scheduled["message"] == "0/2 nodes are available: 2 Insufficient cpu."
            going = await cluster.client.get(PODS, "free", "default")
            assert objects.is_terminating(going)
            told = conditions.find(going, "DisruptionTarget") or {}
            assert (told["reason"], told["message"]) == (
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            )
            await asyncio.sleep(30)
            placed = await cluster.client.get(PODS, "rush", "default")
            assert placed["spec"]["nodeName"] == old["spec"]["nodeName"]
            assert (await cluster.client.get(PODS, "guarded", "default"))["status"]["phase"] == "Running"
            events = (await cluster.client.list(EVENTS, "default"))["items"]
            preempted = [each for each in events if each["reason"] == "Preempted"]
            assert [(each["involvedObject"]["name"], each["message"]) for each in preempted] == [
                ("free", f"Preempted by pod {objects.uid(placed)} on node {old['spec']['nodeName']}")
            ]
            assert [(each["related"]["kind"], each["related"]["uid"]) for each in preempted] == [
                ("Pod", objects.uid(placed))
            ]

    virtual_loop.run(story())


def test_a_node_that_was_cleared_in_vain_is_given_up() -> None:
    """Its label has gone since: no node will do any more, and the status says no longer that one is kept."""

    async def story() -> None:
        async with world(0, exit=20) as cluster:
            await stage(cluster)
            for number in (1, 2):
                await label(cluster, f"node-{number}", "fast")
            rush = a_pod("rush", "3", "urgent")
            rush["spec"]["nodeSelector"] = {"disk": "fast"}
            await cluster.client.create(PODS, rush)
            await asyncio.sleep(1)
            waiting = await cluster.client.get(PODS, "rush", "default")
            assert waiting["status"]["nominatedNodeName"]
            for number in (1, 2):
                await label(cluster, f"node-{number}", None)
            await asyncio.sleep(60)
            waiting = await cluster.client.get(PODS, "rush", "default")
            assert "nominatedNodeName" not in waiting["status"]

    virtual_loop.run(story())


async def label(cluster: Cluster, node: str, disk: str | None) -> None:
    await cluster.client.patch(NODES, node, "", {"metadata": {"labels": {"disk": disk}}})


def test_a_pod_at_a_gate_waits_until_the_gate_is_taken_away() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            gated = a_pod("p", "1")
            gated["spec"]["schedulingGates"] = [{"name": "example.com/later"}]
            await cluster.client.create(PODS, gated)
            await asyncio.sleep(600)
            waiting = await cluster.client.get(PODS, "p", "default")
            assert (conditions.find(waiting, "PodScheduled") or {})["reason"] == "SchedulingGated"
            assert not waiting["spec"].get("nodeName")
            await cluster.client.patch(PODS, "p", "default", {"spec": {"schedulingGates": None}})
            await asyncio.sleep(1)
            assert (await cluster.client.get(PODS, "p", "default"))["spec"]["nodeName"] == "node-1"

    virtual_loop.run(story())
