"""DaemonSets in whole clusters, where no recording tells."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import DAEMON_SETS, NODES, PODS
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from simulation.workload_worlds import a_set, a_template, images, pods, ready, revisions, set_image, told
from simulation.worlds import world

SURGE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


async def nodes_of(cluster: Cluster) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in await pods(cluster))


def test_every_node_has_one_pod_that_tolerates_trouble() -> None:
    async def story() -> None:
        async with world(3, start=1) as cluster:
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent"))
            await asyncio.sleep(10)
            assert await nodes_of(cluster) == ["node-1", "node-2", "node-3"]
            pod = (await pods(cluster))[0]
            assert objects.labels(pod)["pod-template-generation"] == "1"
            keys = [each["key"] for each in pod["spec"]["tolerations"]]
            assert keys[:2] == ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
            assert "node.kubernetes.io/unschedulable" in keys
            status = (await cluster.client.get(DAEMON_SETS, "agent", "default"))["status"]
            assert status == {
                "currentNumberScheduled": 3,
                "numberMisscheduled": 0,
                "desiredNumberScheduled": 3,
                "numberReady": 3,
                "updatedNumberScheduled": 3,
                "numberAvailable": 3,
                "observedGeneration": 1,
            }
            reasons = [reason for reason, _ in await told(cluster, "DaemonSet", "agent")]
            assert reasons == ["SuccessfulCreate"] * 3

    virtual_loop.run(story())


def test_only_nodes_that_fit_have_a_pod() -> None:
    async def story() -> None:
        async with world(3, exit=1) as cluster:
            await cluster.client.patch(NODES, "node-2", "", {"metadata": {"labels": {"disk": "ssd"}}})
            template = a_template("agent", nodeSelector={"disk": "ssd"})
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent", template=template))
            await asyncio.sleep(5)
            assert await nodes_of(cluster) == ["node-2"]
            await cluster.client.patch(NODES, "node-3", "", {"metadata": {"labels": {"disk": "ssd"}}})
            await cluster.client.patch(NODES, "node-2", "", {"metadata": {"labels": {"disk": None}}})
            await asyncio.sleep(5)
            assert await nodes_of(cluster) == ["node-3"]

    virtual_loop.run(story())


def test_a_taint_keeps_new_pods_off_and_only_noexecute_sends_old_ones_away() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent"))
            await asyncio.sleep(5)
            taint = {"key": "own", "value": "x", "effect": "NoSchedule"}
            await cluster.client.patch(NODES, "node-1", "", {"spec": {"taints": [taint]}})
            await asyncio.sleep(5)
            assert await nodes_of(cluster) == ["node-1", "node-2"]
            status = (await cluster.client.get(DAEMON_SETS, "agent", "default"))["status"]
            assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (1, 1)
            await cluster.client.patch(NODES, "node-1", "", {"spec": {"taints": [{**taint, "effect": "NoExecute"}]}})
            await asyncio.sleep(5)
            assert await nodes_of(cluster) == ["node-2"]

    virtual_loop.run(story())


def test_a_cordoned_node_gets_its_pod_all_the_same() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await cluster.client.patch(NODES, "node-1", "", {"spec": {"unschedulable": True}})
            await asyncio.sleep(1)
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent"))
            await asyncio.sleep(5)
            assert await nodes_of(cluster) == ["node-1", "node-2"]

    virtual_loop.run(story())


def test_a_surge_never_lacks_a_pod() -> None:
    async def story() -> None:
        async with world(3, start=1, ready=2, exit=1) as cluster:
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent", updateStrategy=SURGE))
            await asyncio.sleep(10)
            await set_image(cluster.client, DAEMON_SETS, "app:2", "agent")
            lowest, most = 9, 0
            for _ in range(400):
                await asyncio.sleep(0.1)
                lowest, most = min(lowest, await ready(cluster)), max(most, len(await pods(cluster)))
            assert lowest == 3
            assert most <= 5  # one that surges, and one that is about to end
            assert sorted((await images(cluster)).values()) == ["app:2"] * 3
            assert await nodes_of(cluster) == ["node-1", "node-2", "node-3"]

    virtual_loop.run(story())


def test_on_delete_waits_for_somebody_to_delete() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            made = a_set(DAEMON_SETS, "agent", updateStrategy={"type": "OnDelete"})
            await cluster.client.create(DAEMON_SETS, made)
            await asyncio.sleep(5)
            await set_image(cluster.client, DAEMON_SETS, "app:2", "agent")
            await asyncio.sleep(20)
            assert sorted((await images(cluster)).values()) == ["app:1", "app:1"]
            first = (await pods(cluster))[0]
            await cluster.client.delete(PODS, objects.name(first), "default")
            await asyncio.sleep(10)
            assert sorted((await images(cluster)).values()) == ["app:1", "app:2"]

    virtual_loop.run(story())


def test_going_back_renumbers_the_revision_and_the_template_generation_grows() -> None:
    async def story() -> None:
        async with world(1, exit=1) as cluster:
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent", revisionHistoryLimit=1))
            await asyncio.sleep(5)
            for image in ("app:2", "app:1"):
                await set_image(cluster.client, DAEMON_SETS, image, "agent")
                await asyncio.sleep(20)
            assert await revisions(cluster) == [2, 3]
            assert list((await images(cluster)).values()) == ["app:1"]
            made = await cluster.client.get(DAEMON_SETS, "agent", "default")
            assert objects.annotations(made)["deprecated.daemonset.template.generation"] == "3"
            await set_image(cluster.client, DAEMON_SETS, "app:4", "agent")
            await asyncio.sleep(20)
            assert await revisions(cluster) == [3, 4]

    virtual_loop.run(story())


def test_a_bad_image_stops_the_roll_at_the_first_node() -> None:
    async def story() -> None:
        async with world(4, exit=1) as cluster:
            await cluster.client.create(DAEMON_SETS, a_set(DAEMON_SETS, "agent"))
            await asyncio.sleep(5)
            await set_image(cluster.client, DAEMON_SETS, "broken:1", "agent")
            await asyncio.sleep(60)
            assert sorted((await images(cluster)).values()) == ["app:1"] * 3 + ["broken:1"]
            await set_image(cluster.client, DAEMON_SETS, "app:3", "agent")
            await asyncio.sleep(60)
            assert sorted((await images(cluster)).values()) == ["app:3"] * 4

    virtual_loop.run(story())
