"""Whole clusters rolling in virtual time."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.machinery import conditions
from seatrial.rollout import revision_log, undoing
from seatrial.rollout.watching import RollWatch
from seatrial.rollout.workload import Workload
from simulation.worlds import complete, deployment, set_image, world

WEB = Workload(DEPLOYMENTS, "web", "default")


def test_a_deployment_rolls_and_keeps_its_promises() -> None:
    async def story() -> None:
        async with world(2, start=2, ready=1, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4, minReadySeconds=10))
            async with RollWatch(cluster.client, cluster.env, "web", "default") as roll:
                await roll.complete(1, 600)
                roll.mark()
                totals: list[int] = []
                roll.on_change(lambda view: totals.append(sum(rs.desired for rs in view.replica_sets)))
                view = await roll.complete(await set_image(cluster.client, "web", "nginx:1.11.9"), 600)
                assert roll.lowest_available == view.minimum_available == 3
                assert max(totals) <= view.maximum_total == 5
                assert [rs.desired for rs in view.replica_sets] == [0, 4]
                assert (await undoing.undo(cluster.client, WEB, 0, dry_run=False)).revision == 1
                undone = await cluster.client.get(DEPLOYMENTS, "web", "default")
                await roll.complete(undone["metadata"]["generation"], 600)
                assert [each.number for each in await revision_log.of(cluster.client, WEB, undone)] == [2, 3]

    virtual_loop.run(story())


@pytest.mark.parametrize("seed", range(5))
def test_interleavings_do_not_change_the_end(seed: int) -> None:
    async def story() -> None:
        async with world(3, seed=seed, start=1, ready=0, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 10))
            await complete(cluster, "web", 1)
            for image in ("nginx:2", "nginx:3", "nginx:4"):
                generation = await set_image(cluster.client, "web", image)
                await asyncio.sleep(1)
            await complete(cluster, "web", generation)
            await asyncio.sleep(60)
            pods = (await cluster.client.list(PODS, "default"))["items"]
            assert [pod["spec"]["containers"][0]["image"] for pod in pods] == ["nginx:4"] * 10

    virtual_loop.run(story(), seed=seed)


def test_a_bad_image_stops_at_the_deadline_and_undo_mends_it() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=0, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4, progressDeadlineSeconds=10))
            await complete(cluster, "web", 1)
            await set_image(cluster.client, "web", "broken:1")
            await asyncio.sleep(60)
            stuck = await cluster.client.get(DEPLOYMENTS, "web", "default")
            progressing = conditions.find(stuck["status"], "Progressing")
            assert progressing is not None
            assert progressing["reason"] == "ProgressDeadlineExceeded"
            assert stuck["status"]["availableReplicas"] == 3
            await undoing.undo(cluster.client, WEB, 0, dry_run=False)
            undone = await cluster.client.get(DEPLOYMENTS, "web", "default")
            await complete(cluster, "web", undone["metadata"]["generation"])

    virtual_loop.run(story())


def test_deleting_a_deployment_leaves_nothing_behind() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=0, exit=2) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4))
            await complete(cluster, "web", 1)
            await cluster.client.delete(DEPLOYMENTS, "web", "default")
            await asyncio.sleep(60)
            for resource in (REPLICA_SETS, PODS):
                assert (await cluster.client.list(resource, "default"))["items"] == []

    virtual_loop.run(story())


def test_a_thousand_pods_roll_on_a_hundred_nodes() -> None:
    """30 s of start-up each; the time this takes for real is measured in the benchmarks."""

    async def story() -> float:
        async with world(100, start=30, ready=0, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 1000))
            await complete(cluster, "web", 1)
            begin = cluster.env.now()
            await complete(cluster, "web", await set_image(cluster.client, "web", "nginx:1.11.9"))
            return cluster.env.now() - begin

    assert 60 <= virtual_loop.run(story()) < 300
