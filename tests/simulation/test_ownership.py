"""Deletion in whole clusters: garbage collection in its three forms, namespaces, what every namespace has."""

import asyncio
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from seatrial.base.errors import StatusError
from seatrial.client.base import Client
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.machinery.gvk import ResourceRef
from simulation.worlds import complete, deployment, world


async def names(client: Client, resource: ResourceRef, namespace: str = "default") -> list[str]:
    return [objects.name(item) for item in (await client.list(resource, namespace))["items"]]


async def gone(client: Client, resource: ResourceRef, name: str, namespace: str = "") -> bool:
    try:
        await client.get(resource, name, namespace)
    except StatusError as error:
        return error.reason == "NotFound"
    return False


def config_map(name: str, *owners: dict[str, Any], **meta: Any) -> dict[str, Any]:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": objects.name(owner), "uid": objects.uid(owner)}
        for owner in owners
    ]
    full = {"name": name, "namespace": "default", "ownerReferences": references, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": full}


async def rolled_out(cluster: Cluster, replicas: int = 3) -> None:
    await cluster.client.create(DEPLOYMENTS, deployment("web", replicas))
    await complete(cluster, "web", 1)


@pytest.mark.parametrize("seed", range(3))
def test_deleted_in_the_background_dependents_follow(seed: int) -> None:
    async def story() -> None:
        async with world(2, seed=seed, exit=1) as cluster:
            await rolled_out(cluster)
            await cluster.client.delete(DEPLOYMENTS, "web", "default")
            assert await gone(cluster.client, DEPLOYMENTS, "web", "default")
            assert len(await names(cluster.client, PODS)) == 3
            await asyncio.sleep(10)
            assert await names(cluster.client, REPLICA_SETS) == []
            assert await names(cluster.client, PODS) == []

    virtual_loop.run(story(), seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_deleted_in_the_foreground_the_owner_goes_last(seed: int) -> None:
    async def story() -> None:
        async with world(2, seed=seed, exit=5) as cluster:
            await rolled_out(cluster)
            await cluster.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Foreground")
            await asyncio.sleep(2)
            waiting = await cluster.client.get(DEPLOYMENTS, "web", "default")
            assert objects.finalizers(waiting) == ["foregroundDeletion"]
            assert len(await names(cluster.client, PODS)) == 3
            await asyncio.sleep(10)
            assert await names(cluster.client, PODS) == []
            assert await names(cluster.client, REPLICA_SETS) == []
            assert await gone(cluster.client, DEPLOYMENTS, "web", "default")

    virtual_loop.run(story(), seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_orphaned_dependents_stay_and_lose_their_reference(seed: int) -> None:
    async def story() -> None:
        async with world(2, seed=seed) as cluster:
            await rolled_out(cluster)
            await cluster.client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Orphan")
            await asyncio.sleep(5)
            assert await gone(cluster.client, DEPLOYMENTS, "web", "default")
            (left,) = (await cluster.client.list(REPLICA_SETS, "default"))["items"]
            assert objects.owner_references(left) == []
            assert len(await names(cluster.client, PODS)) == 3

    virtual_loop.run(story(), seed=seed)


def test_an_object_lives_as_long_as_one_of_its_owners() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            one = await cluster.client.create(CONFIG_MAPS, config_map("one"))
            two = await cluster.client.create(CONFIG_MAPS, config_map("two"))
            await cluster.client.create(CONFIG_MAPS, config_map("child", one, two))
            await cluster.client.delete(CONFIG_MAPS, "one", "default")
            await asyncio.sleep(1)
            child = await cluster.client.get(CONFIG_MAPS, "child", "default")
            assert [owner["name"] for owner in objects.owner_references(child)] == ["two"]
            await cluster.client.delete(CONFIG_MAPS, "two", "default")
            await asyncio.sleep(1)
            assert await gone(cluster.client, CONFIG_MAPS, "child", "default")

    virtual_loop.run(story())


def test_an_owner_that_never_was_counts_as_gone() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            ghost = {"metadata": {"name": "ghost", "uid": "11111111-1111-4111-8111-111111111111"}}
            await cluster.client.create(CONFIG_MAPS, config_map("child", ghost))
            await asyncio.sleep(1)
            assert await gone(cluster.client, CONFIG_MAPS, "child", "default")

    virtual_loop.run(story())


def test_an_owner_in_another_namespace_counts_as_gone_and_is_told() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(
                NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "far"}}
            )
            owner = await cluster.client.create(CONFIG_MAPS, config_map("owner", namespace="far"))
            child = await cluster.client.create(CONFIG_MAPS, config_map("child", owner))
            await asyncio.sleep(5)
            assert await gone(cluster.client, CONFIG_MAPS, "child", "default")
            assert not await gone(cluster.client, CONFIG_MAPS, "owner", "far")
            (told,) = [
                e for e in (await cluster.client.list(EVENTS))["items"] if e["involvedObject"]["name"] == "child"
            ]
            assert (told["reason"], told["involvedObject"]["uid"]) == ("OwnerRefInvalidNamespace", objects.uid(child))
            assert told["message"] == (
                f"ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: {objects.uid(owner)}] "
                'does not exist in namespace "default"'
            )

    virtual_loop.run(story())


def test_a_cycle_is_deleted_in_the_foreground() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            one = await cluster.client.create(CONFIG_MAPS, config_map("one"))
            two = await cluster.client.create(CONFIG_MAPS, config_map("two", one))
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "two",
                "uid": objects.uid(two),
                "blockOwnerDeletion": True,
            }
            await cluster.client.patch(CONFIG_MAPS, "one", "default", {"metadata": {"ownerReferences": [reference]}})
            await cluster.client.delete(CONFIG_MAPS, "one", "default", propagation_policy="Foreground")
            await asyncio.sleep(10)
            assert await names(cluster.client, CONFIG_MAPS) == []

    virtual_loop.run(story())


@pytest.mark.parametrize("seed", range(3))
def test_a_namespace_is_emptied_before_it_goes(seed: int) -> None:
    async def story() -> None:
        async with world(2, seed=seed, exit=3) as cluster:
            client = cluster.client
            await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
            await asyncio.sleep(1)
            assert await names(client, SERVICE_ACCOUNTS, "shop") == ["default"]
            made = deployment("web", 3)
            await client.create(DEPLOYMENTS, {**made, "metadata": {"name": "web", "namespace": "shop"}})
            await asyncio.sleep(5)
            await client.delete(NAMESPACES, "shop")
            await asyncio.sleep(1)
            leaving = await client.get(NAMESPACES, "shop")
            assert leaving["status"]["phase"] == "Terminating"
            content = conditions.find(leaving, "NamespaceContentRemaining") or {}
            assert content["message"] == "Some resources are remaining: pods. has 3 resource instances"
            assert content["reason"] == "SomeResourcesRemain"
            await asyncio.sleep(10)
            assert await gone(client, NAMESPACES, "shop")
            assert (await client.list(PODS))["items"] == []

    virtual_loop.run(story(), seed=seed)


def test_a_finalizer_holds_its_namespace_and_is_named() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            client = cluster.client
            await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
            held = config_map("held", namespace="shop", finalizers=["example.com/hold"])
            await client.create(CONFIG_MAPS, held)
            await client.delete(NAMESPACES, "shop")
            await asyncio.sleep(5)
            told = conditions.find(await client.get(NAMESPACES, "shop"), "NamespaceFinalizersRemaining") or {}
            assert told["message"] == (
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
            )
            await client.patch(CONFIG_MAPS, "held", "shop", {"metadata": {"finalizers": None}})
            await asyncio.sleep(30)
            assert await gone(client, NAMESPACES, "shop")

    virtual_loop.run(story())


def test_endpoints_and_slices_follow_a_roll_and_go_with_the_service() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            client = cluster.client
            service = {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            }
            await client.create(SERVICES, service)
            await rolled_out(cluster, 4)
            await asyncio.sleep(1)
            (subset,) = (await client.get(ENDPOINTS, "web", "default"))["subsets"]
            assert len(subset["addresses"]) == 4
            (each,) = [s for s in (await client.list(ENDPOINT_SLICES, "default"))["items"] if owned(s, "web")]
            assert [endpoint["conditions"]["ready"] for endpoint in each["endpoints"]] == [True] * 4
            await client.delete(SERVICES, "web", "default")
            await asyncio.sleep(5)
            assert await gone(client, ENDPOINTS, "web", "default")
            assert not [s for s in (await client.list(ENDPOINT_SLICES, "default"))["items"] if owned(s, "web")]

    virtual_loop.run(story())


def owned(obj: dict[str, Any], service: str) -> bool:
    return bool(objects.labels(obj).get("kubernetes.io/service-name") == service)


def test_events_are_counted_not_repeated() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            made = deployment("web", 1)
            made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
            await cluster.client.create(DEPLOYMENTS, made)
            await asyncio.sleep(2)
            (pod,) = (await cluster.client.list(PODS, "default"))["items"]
            told = conditions.find(pod, "PodScheduled") or {}
            message = (
                "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
                "1 No preemption victims found for incoming pod."
            )
            assert (told["status"], told["reason"], told["message"]) == ("False", "Unschedulable", message)
            failures = [e for e in (await cluster.client.list(EVENTS))["items"] if e["reason"] == "FailedScheduling"]
            assert [e["message"] for e in failures] == [message]
            assert failures[0]["reportingComponent"] == "default-scheduler"

    virtual_loop.run(story())
