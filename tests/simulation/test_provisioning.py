"""Volumes that are made for claims, grow with them, and go with them."""

import asyncio

from seatrial.aio import virtual_loop
from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from simulation.test_persistent_volumes import claim, events_of, phase, phase_of, waiting
from simulation.worlds import world


def storage_class(provisioner: str, **fields: object) -> JSON:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": provisioner,
        **fields,
    }


async def bound_volume(cluster: Cluster) -> JSON:
    bound = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    volume: JSON = await cluster.client.get(PERSISTENT_VOLUMES, bound["spec"]["volumeName"])
    return volume


def test_an_image_is_made_grows_and_goes() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            assert cluster.images is not None
            store = cluster.images.store
            made = storage_class("kubernetes.io/rbd", parameters={"pool": "mioss"}, allowVolumeExpansion=True)
            await store.create_pool("mioss")
            await cluster.client.create(STORAGE_CLASSES, made)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", "1Gi", storageClassName="fast"))
            await cluster.client.create(PODS, waiting("user"))
            await asyncio.sleep(30)
            volume = await bound_volume(cluster)
            [image] = await store.images("mioss")
            assert volume["spec"]["rbd"]["image"] == image
            assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
            assert await phase_of(cluster, "user") == "Running"
            reasons = [reason for reason, _ in await events_of(cluster, "data")]
            assert {"Provisioning", "ProvisioningSucceeded"} <= set(reasons)

            larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
            await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", "default", larger)
            await asyncio.sleep(5)
            grown = await cluster.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            assert grown["status"]["capacity"] == {"storage": "2Gi"}
            assert (await bound_volume(cluster))["spec"]["capacity"] == {"storage": "2Gi"}

            await cluster.client.delete(PODS, "user", "default")
            await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            await asyncio.sleep(60)
            assert list(await store.images("mioss")) == []
            assert (await cluster.client.list(PERSISTENT_VOLUMES))["items"] == []

    virtual_loop.run(story())


def test_a_pool_that_is_not_there_is_told_and_tried_again() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            assert cluster.images is not None
            await cluster.client.create(
                STORAGE_CLASSES, storage_class("kubernetes.io/rbd", parameters={"pool": "late"})
            )
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", storageClassName="fast"))
            await asyncio.sleep(20)
            told = [message for reason, message in await events_of(cluster, "data") if reason == "ProvisioningFailed"]
            assert "failed to provision volume with StorageClass \"fast\": rbd: error opening pool 'late'" in told[0]
            await cluster.images.store.create_pool("late")
            await asyncio.sleep(40)
            assert await phase(cluster, "data") == "Bound"

    virtual_loop.run(story())


def test_a_class_that_waits_makes_nothing_until_a_pod_comes() -> None:
    async def story() -> None:
        async with world(2) as cluster:
            late = storage_class(
                "seatrial.dev/host-path", volumeBindingMode="WaitForFirstConsumer", reclaimPolicy="Retain"
            )
            await cluster.client.create(STORAGE_CLASSES, late)
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", storageClassName="fast"))
            await asyncio.sleep(20)
            assert (await cluster.client.list(PERSISTENT_VOLUMES))["items"] == []
            await cluster.client.create(PODS, waiting("user"))
            await asyncio.sleep(20)
            assert await phase_of(cluster, "user") == "Running"
            volume = await bound_volume(cluster)
            assert objects.annotations(volume)["pv.kubernetes.io/provisioned-by"] == "seatrial.dev/host-path"
            assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"

    virtual_loop.run(story())


def test_on_simulated_nodes_every_driver_makes_its_volumes() -> None:
    async def story() -> None:
        async with world(2, exit=1) as cluster:
            await cluster.client.create(STORAGE_CLASSES, storage_class("ebs.csi.aws.com"))
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", "1Gi", storageClassName="fast"))
            await cluster.client.create(PODS, waiting("user"))
            await asyncio.sleep(30)
            assert (await bound_volume(cluster))["spec"]["csi"]["driver"] == "ebs.csi.aws.com"
            assert await phase_of(cluster, "user") == "Running"

    virtual_loop.run(story())


def test_who_has_no_provisioner_gets_no_volume_on_simulated_nodes_either() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            await cluster.client.create(STORAGE_CLASSES, storage_class("kubernetes.io/no-provisioner"))
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data", "1Gi", storageClassName="fast"))
            await asyncio.sleep(30)
            assert await phase(cluster, "data") == "Pending"

    virtual_loop.run(story())
