"""The first article in virtual time: an image that is locked by another node, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import EVENTS, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.volumes.rbd.images import ImageName, ImageStore
from simulation.test_persistent_volumes import attached, claim, events_of, phase_of, volume
from simulation.worlds import world

IMAGE = ImageName("mioss", "index-api-image")
LOCKED = 'MountVolume.SetUp failed for volume "index-api-pv" : rbd: image index-api-image is locked by other nodes'


@asynccontextmanager
async def article(**spec: Any) -> AsyncIterator[tuple[Cluster, ImageStore]]:
    async with world(2, start=1, ready=1, exit=2) as cluster:
        assert cluster.images is not None
        store = cluster.images.store
        await store.create_pool("mioss")
        await store.create(IMAGE, 2 << 30)
        await cluster.client.create(PERSISTENT_VOLUMES, volume("index-api-pv", **spec))
        await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("data"))
        await asyncio.sleep(2)
        yield cluster, store


async def lockers(store: ImageStore) -> list[str]:
    return [lock.id for lock in await store.locks(IMAGE)]


async def run(cluster: Cluster, name: str, node: str) -> None:
    await cluster.client.create(PODS, attached(name, node))
    await asyncio.sleep(5)


def test_a_lock_comes_with_the_mount_and_goes_with_it() -> None:
    async def story() -> None:
        async with article() as (cluster, store):
            await run(cluster, "first", "node-1")
            await run(cluster, "neighbour", "node-1")
            assert await phase_of(cluster, "neighbour") == "Running"
            assert await lockers(store) == ["kubelet_lock_magic_node-1"]
            assert len(await store.watchers(IMAGE)) == 1
            await cluster.client.delete(PODS, "first", "default")
            await asyncio.sleep(10)
            assert await lockers(store) == ["kubelet_lock_magic_node-1"]
            await cluster.client.delete(PODS, "neighbour", "default")
            await asyncio.sleep(10)
            assert await lockers(store) == []
            assert list(await store.watchers(IMAGE)) == []
            assert list(await store.fences()) == []

    virtual_loop.run(story())


def test_another_node_waits_with_a_growing_delay_until_the_lock_is_gone() -> None:
    async def story() -> None:
        async with article() as (cluster, store):
            await run(cluster, "first", "node-1")
            begin = cluster.env.now()
            await run(cluster, "second", "node-2")
            await asyncio.sleep(300)
            assert await phase_of(cluster, "second") == "Pending"
            failures = await counted(cluster, "second", LOCKED)
            assert 9 <= failures <= 11, "0.5 s, doubled up to 122 s"
            await cluster.client.delete(PODS, "first", "default")
            await asyncio.sleep(125)
            assert await phase_of(cluster, "second") == "Running"
            assert await lockers(store) == ["kubelet_lock_magic_node-2"]
            assert cluster.env.now() - begin < 600

    virtual_loop.run(story())


async def counted(cluster: Cluster, pod: str, message: str) -> int:
    found = (await cluster.client.list(EVENTS))["items"]
    mine: list[JSON] = [each for each in found if each["involvedObject"]["name"] == pod and each["message"] == message]
    return sum(each.get("count", 1) for each in mine)


def test_a_crash_leaves_the_lock_behind_and_removing_it_lets_the_pod_start() -> None:
    async def story() -> None:
        async with article() as (cluster, store):
            await run(cluster, "first", "node-1")
            await cluster.nodes["node-1"].crash()
            await cluster.client.delete(PODS, "first", "default", grace_period_seconds=0)
            await run(cluster, "second", "node-2")
            assert len(await store.watchers(IMAGE)) == 1
            await asyncio.sleep(120)
            assert await phase_of(cluster, "second") == "Pending"
            assert ("FailedMount", LOCKED) in await events_of(cluster, "second")
            assert list(await store.watchers(IMAGE)) == [], "nobody has it open any more"
            [lock] = await store.locks(IMAGE)
            assert lock.id == "kubelet_lock_magic_node-1"
            await store.remove_lock(IMAGE, lock.id, lock.locker)
            await cluster.client.delete(PODS, "second", "default")
            await asyncio.sleep(5)
            await run(cluster, "third", "node-2")
            assert await phase_of(cluster, "third") == "Running"
            assert await lockers(store) == ["kubelet_lock_magic_node-2"]

    virtual_loop.run(story())


def test_a_node_that_comes_back_takes_its_own_lock_over() -> None:
    async def story() -> None:
        async with article() as (cluster, store):
            await run(cluster, "first", "node-1")
            [before] = await store.locks(IMAGE)
            await cluster.nodes["node-1"].crash()
            await asyncio.sleep(60)
            await cluster.nodes["node-1"].heal()
            await asyncio.sleep(60)
            [after] = await store.locks(IMAGE)
            assert after.id == before.id
            assert after.locker != before.locker

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("pool", "image", "why"),
    [
        ("nope", "i", "error opening pool 'nope': (2) No such file or directory"),
        ("mioss", "nope", "error opening image nope: (2) No such file or directory"),
    ],
)
def test_an_image_or_a_pool_that_is_not_there_is_told(pool: str, image: str, why: str) -> None:
    async def story() -> None:
        source = {"rbd": {"monitors": ["x"], "pool": pool, "image": image}}
        async with article(source=source) as (cluster, store):
            await run(cluster, "first", "node-1")
            text = f"rbd: map failed exit status 2 rbd: {why}"
            told = f'MountVolume.SetUp failed for volume "index-api-pv" : {text}'
            assert ("FailedMount", told) in await events_of(cluster, "first")
            if pool == "mioss":
                await store.create(ImageName(pool, image), 1 << 30)
                await asyncio.sleep(30)
                assert await phase_of(cluster, "first") == "Running"

    virtual_loop.run(story())
