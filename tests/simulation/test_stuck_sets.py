"""StatefulSets that are stuck as upstream's are: named, and freed in order."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import POD_DISRUPTION_BUDGETS, PODS, STATEFUL_SETS
from seatrial.cluster.cluster import Cluster
from seatrial.controllers.stateful_set.ordering import STUCK_ROLLOUT
from seatrial.machinery import conditions, objects
from seatrial.rollout.following import Follower, StuckOn
from seatrial.rollout.stuck import Stuck
from seatrial.rollout.workload import Workload
from simulation.workload_worlds import a_set, images, pods, set_image
from simulation.worlds import world

DB = Workload(STATEFUL_SETS, "web", "default")


async def stuck_set(cluster: Cluster, replicas: int = 3, **spec: object) -> None:
    """As upstream: the highest Pod is of a revision that can't come up, and the template is mended."""
    made = a_set(STATEFUL_SETS, annotations={STUCK_ROLLOUT: "upstream"}, serviceName="web", replicas=replicas, **spec)
    await cluster.client.create(STATEFUL_SETS, made)
    await follow(cluster)
    await set_image(cluster.client, STATEFUL_SETS, "broken:1")
    async with asyncio.timeout(300):
        while not any("broken" in image for image in (await images(cluster)).values()):  # noqa: ASYNC110
            await asyncio.sleep(1)
    await asyncio.sleep(60)
    await set_image(cluster.client, STATEFUL_SETS, "app:3")


async def follow(cluster: Cluster, *, unstick: bool = False) -> list[Stuck]:
    freed: list[Stuck] = []
    await Follower(
        cluster.client, cluster.env, DB, lambda _: None, timeout=900, unstick=unstick, freed=freed.append
    ).run()
    return freed


def test_status_names_the_ordinal_that_holds_the_others_up() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await stuck_set(cluster)
            with pytest.raises(StuckOn, match=r'"web" is stuck at ordinal 2: pod web-2 is of revision web-.*broken:1'):
                await follow(cluster)

    virtual_loop.run(story())


@pytest.mark.parametrize(
    "spec",
    [{}, {"podManagementPolicy": "Parallel", "updateStrategy": {"rollingUpdate": {"maxUnavailable": 3}}}],
    ids=["ordered", "several at once"],
)
def test_unstick_frees_it_in_order_and_it_rolls_to_the_mended_template(spec: dict[str, object]) -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await stuck_set(cluster, **spec)
            freed = await follow(cluster, unstick=True)
            assert freed
            assert [each.ordinal for each in freed] == sorted({each.ordinal for each in freed})
            assert set((await images(cluster)).values()) == {"app:3"}
            assert all(conditions.is_true(pod, "Ready") for pod in await pods(cluster))

    virtual_loop.run(story())


def test_a_set_that_frees_itself_is_left_alone() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await stuck_set(cluster)
            patch = {"metadata": {"annotations": {STUCK_ROLLOUT: None}}}
            await cluster.client.patch(STATEFUL_SETS, "web", "default", patch)
            assert await follow(cluster, unstick=True) == []

    virtual_loop.run(story())


def test_a_new_revision_that_can_t_come_up_either_is_not_freed() -> None:
    """Deleting its Pod would only make the same one again."""

    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await stuck_set(cluster)
            await set_image(cluster.client, STATEFUL_SETS, "broken:1")
            before = {objects.uid(pod) for pod in (await cluster.client.list(PODS, "default"))["items"]}
            with pytest.raises(Exception, match="can't come up"):
                await follow(cluster, unstick=True)
            assert {objects.uid(pod) for pod in (await cluster.client.list(PODS, "default"))["items"]} == before

    virtual_loop.run(story())


def test_a_budget_does_not_keep_a_pod_that_does_not_run_yet() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await stuck_set(cluster)
            budget = {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
            }
            await cluster.client.create(POD_DISRUPTION_BUDGETS, budget)
            await asyncio.sleep(5)
            assert [each.ordinal for each in await follow(cluster, unstick=True)] == [2]

    virtual_loop.run(story())
