"""What `rollout history` tells of each roll, held against what really happened, in virtual time."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import DAEMON_SETS, DEPLOYMENTS, EVENTS, STATEFUL_SETS
from seatrial.cluster.cluster import Cluster
from seatrial.rollout import revision_log, roll_evidence, rolls, undoing
from seatrial.rollout.following import Follower
from seatrial.rollout.rolls import Figure, Roll
from seatrial.rollout.watching import RollWatch
from seatrial.rollout.workload import Workload
from simulation.worlds import complete, deployment, set_image, world

WEB = Workload(DEPLOYMENTS, "web", "default")


async def rolls_of(cluster: Cluster, workload: Workload = WEB) -> dict[int, Roll]:
    obj = await workload.get(cluster.client)
    log = await revision_log.of(cluster.client, workload, obj)
    return rolls.of(await roll_evidence.read(cluster.client, cluster.env, workload, obj, log))


async def rolled(cluster: Cluster, image: str) -> tuple[float, int]:
    """Roll; what it truly took and its lowest availability."""
    async with RollWatch(cluster.client, cluster.env, "web", "default") as watch:
        began = cluster.env.now()
        watch.mark()
        generation = await set_image(cluster.client, "web", image)
        await watch.complete(generation, 600)
        assert watch.lowest_available is not None
        return cluster.env.now() - began, watch.lowest_available


def test_the_roll_that_was_the_last_is_known_to_the_second() -> None:
    async def story() -> None:
        async with world(2, start=2, ready=3, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4))
            await complete(cluster, "web", 1)
            await asyncio.sleep(100)
            took, lowest = await rolled(cluster, "nginx:1.11.9")
            roll = (await rolls_of(cluster))[2]
            assert roll.completed is True
            assert roll.took is not None
            assert abs(roll.took.value - took) <= 2
            assert roll.lowest == Figure(lowest)
            assert roll.desired == 4

    virtual_loop.run(story())


def test_an_earlier_roll_is_told_by_its_events_until_they_are_gone() -> None:
    async def story() -> None:
        async with world(2, start=2, ready=3, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4))
            await complete(cluster, "web", 1)
            await asyncio.sleep(100)
            took, _ = await rolled(cluster, "nginx:1.11.9")
            await asyncio.sleep(100)
            await rolled(cluster, "nginx:1.13")
            roll = (await rolls_of(cluster))[2]
            assert roll.completed is True
            assert roll.took is not None
            assert roll.took.bound == rolls.AT_LEAST
            assert roll.took.value <= took + 1
            for event in (await cluster.client.list(EVENTS, "default"))["items"]:
                await cluster.client.delete(EVENTS, event["metadata"]["name"], "default")
            assert (await rolls_of(cluster))[2] == rolls.UNKNOWN

    virtual_loop.run(story())


def test_a_roll_that_was_cut_short_says_so() -> None:
    async def story() -> None:
        async with world(2, start=2, ready=3, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 4))
            await complete(cluster, "web", 1)
            await set_image(cluster.client, "web", "broken:1")
            await asyncio.sleep(30)
            stuck = (await rolls_of(cluster))[2]
            assert (stuck.completed, stuck.told) == (False, "it is still rolling")
            assert stuck.lowest == Figure(3)
            await undoing.undo(cluster.client, WEB, 1, dry_run=False)
            await Follower(cluster.client, cluster.env, WEB, lambda _: None, timeout=300).run()
            went = await rolls_of(cluster)
            assert went[2].completed is False
            assert went[2].told.startswith("another followed at ")
            assert went[3].completed is True

    virtual_loop.run(story())


def test_sets_are_told_of_by_their_pods() -> None:
    async def story() -> None:
        async with world(3, start=2, ready=3, exit=1) as cluster:
            made = {**deployment("db", 3, serviceName="db"), "kind": "StatefulSet"}
            db = Workload(STATEFUL_SETS, "db", "default")
            await cluster.client.create(STATEFUL_SETS, made)
            agent = deployment("agent", 3)
            agent = {**agent, "kind": "DaemonSet"}
            agent["spec"].pop("replicas")
            logs = Workload(DAEMON_SETS, "agent", "default")
            await cluster.client.create(DAEMON_SETS, agent)
            for each in (db, logs):
                await Follower(cluster.client, cluster.env, each, lambda _: None, timeout=300).run()
            await asyncio.sleep(100)
            patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11.9"}]}}}}
            for each in (db, logs):
                await cluster.client.patch(each.resource, each.name, "default", patch)
                began = cluster.env.now()
                await Follower(cluster.client, cluster.env, each, lambda _: None, timeout=300).run()
                took = cluster.env.now() - began
                roll = (await rolls_of(cluster, each))[2]
                assert roll.completed is True, each
                assert roll.took is not None, each
                assert abs(roll.took.value - took) <= 2, (each, roll, took)
                assert roll.lowest == Figure(2), (each, roll)

    virtual_loop.run(story())
