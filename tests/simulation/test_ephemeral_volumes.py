"""Volumes that come and go with their Pod, in whole clusters, in virtual time."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, RESOURCE_QUOTAS, STORAGE_CLASSES
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from simulation.test_persistent_volumes import claim, events_of, phase_of
from simulation.test_provisioning import storage_class
from simulation.worlds import world


def scratch_user(name: str) -> JSON:
    """A Pod with an ephemeral volume of the class `fast`."""
    template = {"metadata": {"labels": {"of": name}, "annotations": {"why": "scratch"}}}
    template["spec"] = claim("any", "1Gi", storageClassName="fast")["spec"]
    spec = {
        "containers": [{"name": "c", "image": "app:1", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}],
        "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def with_class(cluster: Cluster, mode: str = "Immediate") -> None:
    await cluster.client.create(STORAGE_CLASSES, storage_class("ebs.csi.aws.com", volumeBindingMode=mode))


def test_an_ephemeral_volume_comes_and_goes_with_its_pod() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            await with_class(cluster, "WaitForFirstConsumer")
            pod = await cluster.client.create(PODS, scratch_user("web"))
            await asyncio.sleep(30)
            assert await phase_of(cluster, "web") == "Running"
            made = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default")
            assert objects.owner_references(made) == [objects.owner_reference(pod, PODS)]
            assert objects.labels(made) == {"of": "web"}
            assert objects.annotations(made)["why"] == "scratch"
            assert made["spec"]["resources"] == {"requests": {"storage": "1Gi"}}

            await cluster.client.delete(PODS, "web", "default")
            await asyncio.sleep(60)
            for resource in (PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES):
                assert (await cluster.client.list(resource))["items"] == []

    virtual_loop.run(story())


def test_a_claim_that_has_the_name_by_chance_is_not_taken_and_replaced_when_it_goes() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            await with_class(cluster)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("web-scratch"))
            await cluster.client.create(PODS, scratch_user("web"))
            await asyncio.sleep(5)
            problem = "PVC default/web-scratch was not created for pod default/web (pod is not owner)"
            told = await events_of(cluster, "web")
            assert ("FailedBinding", f"ephemeral volume scratch: {problem}") in told
            assert any(reason == "FailedScheduling" and problem in message for reason, message in told)

            await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default")
            await cluster.client.delete(PODS, "web", "default")
            await asyncio.sleep(5)
            await cluster.client.create(PODS, scratch_user("web"))
            await asyncio.sleep(30)
            assert await phase_of(cluster, "web") == "Running"

    virtual_loop.run(story())


def test_a_claim_that_is_deleted_while_its_pod_waits_is_made_again() -> None:
    async def story() -> None:
        async with world(0) as cluster:
            await with_class(cluster, "WaitForFirstConsumer")
            await cluster.client.create(PODS, scratch_user("web"))
            await asyncio.sleep(2)
            first = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default")
            free = {"metadata": {"finalizers": None}}
            await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default")
            await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default", free)
            await asyncio.sleep(2)
            second = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "web-scratch", "default")
            assert objects.uid(second) != objects.uid(first)

    virtual_loop.run(story())


def test_a_claim_that_may_not_be_made_is_told_of_at_the_pod() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await with_class(cluster)
            metadata = {"name": "none", "namespace": "default"}
            quota = {"kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"persistentvolumeclaims": "0"}}}
            await cluster.client.create(RESOURCE_QUOTAS, {"apiVersion": "v1", **quota})
            await asyncio.sleep(5)
            await cluster.client.create(PODS, scratch_user("web"))
            await asyncio.sleep(5)
            told = [message for reason, message in await events_of(cluster, "web") if reason == "FailedBinding"]
            head = 'ephemeral volume scratch: create PVC web-scratch: persistentvolumeclaims "web-scratch" is forbidden'
            assert told[0].startswith(head)

    virtual_loop.run(story())
