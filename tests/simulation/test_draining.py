"""Draining nodes of clusters in virtual time."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, NODES, POD_DISRUPTION_BUDGETS, PODS
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.rollout import draining
from seatrial.rollout.draining import Options, Step
from simulation.worlds import complete, deployment, world


def budget(**spec: object) -> JSON:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


async def serve(cluster: Cluster, **spec: object) -> None:
    await cluster.client.create(DEPLOYMENTS, deployment("web", 4))
    await complete(cluster, "web", 1)
    await cluster.client.create(POD_DISRUPTION_BUDGETS, budget(**spec))
    await asyncio.sleep(2)


async def pods_on(cluster: Cluster, node: str) -> list[str]:
    found = (await cluster.client.list(PODS, field_selector=f"spec.nodeName={node}"))["items"]
    return [objects.name(pod) for pod in found]


async def drain(cluster: Cluster, *nodes: str, **options: object) -> list[Step]:
    said: list[Step] = []
    await draining.drain(cluster.client, cluster.env, nodes or ("node-1",), Options(**options), said.append)  # type: ignore[arg-type]
    return said


def test_a_drained_node_is_empty_and_its_budget_was_kept() -> None:
    async def story() -> None:
        async with world(2, start=2, ready=2, exit=1) as cluster:
            await serve(cluster, minAvailable=3)
            going = await pods_on(cluster, "node-1")
            assert going
            fewest = 4

            async def watch() -> None:
                nonlocal fewest
                while True:
                    fewest = min(
                        fewest,
                        (await cluster.client.get(DEPLOYMENTS, "web", "default"))["status"].get("availableReplicas", 0),
                    )
                    await asyncio.sleep(0.5)

            watching = asyncio.create_task(watch())
            said = await drain(cluster)
            watching.cancel()
            assert await pods_on(cluster, "node-1") == []
            assert fewest == 3
            assert said[0] == Step("cordoned", "node/node-1")
            assert said[-1] == Step("drained", "node/node-1")
            assert sorted(step.subject for step in said if step.kind == "evicted") == [f"default/{n}" for n in going]

    virtual_loop.run(story())


def test_a_budget_that_allows_nothing_is_named_and_the_timeout_tells_what_is_left() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await serve(cluster, minAvailable=4)
            left = await pods_on(cluster, "node-1")
            said: list[Step] = []
            with pytest.raises(ToolError, match="still there after 12s: default/web-") as caught:
                await draining.drain(cluster.client, cluster.env, ["node-1"], Options(timeout=12), said.append)
            assert caught.value.exit_code == draining.TIMED_OUT
            refusals = [step.message for step in said if step.kind == "refused"]
            assert refusals[0].startswith(
                "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 4"
            )
            assert len(refusals) == 3 * len(left)
            assert await pods_on(cluster, "node-1") == left

    virtual_loop.run(story())


def test_a_dry_run_asks_once_and_changes_nothing() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await serve(cluster, maxUnavailable=0)
            left = await pods_on(cluster, "node-1")
            with pytest.raises(ToolError, match="The disruption budget web needs 4 healthy pods and has 4 currently"):
                await drain(cluster, dry_run=True)
            assert await pods_on(cluster, "node-1") == left
            assert not (await cluster.client.get(NODES, "node-1"))["spec"].get("unschedulable")

    virtual_loop.run(story())


def test_deleting_asks_no_budget() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await serve(cluster, minAvailable=4)
            said = await drain(cluster, evict=False)
            assert await pods_on(cluster, "node-1") == []
            assert {step.kind for step in said} == {"cordoned", "deleting", "deleted", "drained"}

    virtual_loop.run(story())


def test_a_node_that_is_not_there_is_an_error_before_anything_happens() -> None:
    async def story() -> None:
        async with world(1, start=1) as cluster:
            with pytest.raises(StatusError, match='nodes "nope" not found'):
                await drain(cluster, "nope")

    virtual_loop.run(story())
