"""What every image store does, as Ceph's RBD does it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.base.env import SimulatedEnv
from seatrial.volumes.rbd import images
from seatrial.volumes.rbd.ceph import CephStore
from seatrial.volumes.rbd.embedded import EmbeddedStore
from seatrial.volumes.rbd.images import ImageError, ImageName, ImageStore, Lock
from seatrial.volumes.rbd.memory import MemoryStore

IMAGE = ImageName("mioss", "index-api-image")
SIZE = 64 << 20
Story = Callable[[ImageStore], object]


@pytest.fixture(params=["memory", "embedded", pytest.param("ceph", marks=pytest.mark.ceph)])
def tell(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Runs a story on a store with the image of the article."""
    node = request.getfixturevalue("ceph_node") if request.param == "ceph" else None
    if node is not None:
        node.renew_image()

    async def whole(story) -> None:
        env = SimulatedEnv(asyncio.get_running_loop().time, 0)
        if node is not None:
            store: Any = await CephStore.connect_to(node.configuration)
        else:
            store = MemoryStore(env) if request.param == "memory" else EmbeddedStore(tmp_path / "images", env)
            await store.create_pool("mioss")
            await store.create(IMAGE, SIZE)
        try:
            await story(store)
        finally:
            await store.close()

    def run(story) -> None:
        if request.param == "memory":
            virtual_loop.run(whole(story))
        else:
            asyncio.run(whole(story))

    return run


@contextmanager
def refused(code: int) -> Iterator[None]:
    with pytest.raises(ImageError) as caught:
        yield
    assert caught.value.code == code


def test_the_pool_rbd_is_there_from_the_start(tell) -> None:
    async def story(store: ImageStore) -> None:
        if not isinstance(store, CephStore):
            assert list(await store.pools()) == ["mioss", "rbd"]
            assert list(await store.images("rbd")) == []
        with refused(images.ENOENT):
            await store.images("nope")

    tell(story)


def test_an_image_is_made_once_and_removed_whole(tell) -> None:
    async def story(store: ImageStore) -> None:
        made = await store.info(IMAGE)
        assert (made.name, made.size, made.features) == (IMAGE, SIZE, ("layering",))
        assert "index-api-image" in await store.images("mioss")
        assert await store.used(IMAGE) == 0
        with refused(images.EEXIST):
            await store.create(IMAGE, SIZE // 2)
        with refused(images.ENOENT):
            await store.create(ImageName("nope", "x"), SIZE // 2)
        await store.remove(IMAGE)
        with refused(images.ENOENT):
            await store.info(IMAGE)

    tell(story)


def test_an_image_grows_and_shrinks_only_on_demand(tell) -> None:
    async def story(store: ImageStore) -> None:
        await store.resize(IMAGE, 2 * SIZE)
        assert (await store.info(IMAGE)).size == 2 * SIZE
        with refused(images.EINVAL):
            await store.resize(IMAGE, SIZE // 2)
        await store.resize(IMAGE, SIZE // 2, allow_shrink=True)
        assert (await store.info(IMAGE)).size == SIZE // 2

    tell(story)


def test_a_lock_is_one_client_s_and_outlives_it(tell) -> None:
    async def story(store: ImageStore) -> None:
        one, other = await store.connect("127.0.0.1"), await store.connect("127.0.0.1")
        assert one != other
        await store.add_lock(IMAGE, "kubelet_lock_magic_node1", one)
        held = Lock("kubelet_lock_magic_node1", one.name, one.address)
        assert list(await store.locks(IMAGE)) == [held]
        for id_ in ("kubelet_lock_magic_node2", "kubelet_lock_magic_node1"):
            with refused(images.EBUSY):
                await store.add_lock(IMAGE, id_, other)
        await store.disconnect(one)
        assert list(await store.locks(IMAGE)) == [held]
        for id_, locker in (("kubelet_lock_magic_node1", "client.1"), ("another", one.name)):
            with refused(images.ENOENT):
                await store.remove_lock(IMAGE, id_, locker)
        await store.remove_lock(IMAGE, held.id, held.locker)
        assert list(await store.locks(IMAGE)) == []

    tell(story)


def test_whoever_s_lock_is_broken_is_fenced_and_whoever_releases_it_is_not(tell) -> None:
    async def story(store: ImageStore) -> None:
        broken, kind = await store.connect("127.0.0.1"), await store.connect("127.0.0.1")
        await store.add_lock(IMAGE, "a", broken)
        assert await store.may_write(IMAGE, broken)
        await store.remove_lock(IMAGE, "a", broken.name)
        assert broken.address in await store.fences()
        assert not await store.may_write(IMAGE, broken)
        with refused(images.ESHUTDOWN):
            await store.add_lock(IMAGE, "a", broken)
        await store.add_lock(IMAGE, "b", kind)
        await store.release_lock(IMAGE, "b", kind)
        assert await store.may_write(IMAGE, kind)

    tell(story)


def test_watchers_are_live_clients(tell) -> None:
    async def story(store: ImageStore) -> None:
        one, other = await store.connect("127.0.0.1"), await store.connect("127.0.0.1")
        await store.watch(IMAGE, one)
        await store.watch(IMAGE, other)
        assert [each.client for each in await store.watchers(IMAGE)] == [one.number, other.number]
        with refused(images.EBUSY):
            await store.remove(IMAGE)
        await store.disconnect(one)
        await store.fence(other.address)
        assert list(await store.watchers(IMAGE)) == []

    tell(story)


def test_snapshots_hold_an_image(tell) -> None:
    async def story(store: ImageStore) -> None:
        await store.create_snapshot(IMAGE, "before")
        with refused(images.EEXIST):
            await store.create_snapshot(IMAGE, "before")
        [taken] = await store.snapshots(IMAGE)
        assert (taken.name, taken.size, taken.protected) == ("before", SIZE, False)
        with refused(images.ENOTEMPTY):
            await store.remove(IMAGE)
        await store.protect_snapshot(IMAGE, "before", protected=True)
        with refused(images.EBUSY):
            await store.remove_snapshot(IMAGE, "before")
        await store.protect_snapshot(IMAGE, "before", protected=False)
        await store.remove_snapshot(IMAGE, "before")
        await store.remove(IMAGE)

    tell(story)


@asynccontextmanager
async def in_virtual_time() -> AsyncIterator[MemoryStore]:
    store = MemoryStore(SimulatedEnv(asyncio.get_running_loop().time, 0))
    await store.create_pool("mioss")
    await store.create(IMAGE, SIZE // 2)
    yield store
    await store.close()


def test_a_watch_ends_half_a_minute_after_its_client_was_heard_of() -> None:
    async def story() -> None:
        async with in_virtual_time() as store:
            client = await store.connect("127.0.0.1")
            await store.watch(IMAGE, client)
            await asyncio.sleep(25)
            await store.beat([client])
            await asyncio.sleep(29)
            assert len(await store.watchers(IMAGE)) == 1
            await asyncio.sleep(2)
            assert len(await store.watchers(IMAGE)) == 0

    virtual_loop.run(story())


def test_an_index_that_is_none_is_refused_and_the_images_stay(tmp_path: Path) -> None:
    async def story() -> None:
        env = SimulatedEnv(asyncio.get_running_loop().time, 0)
        store = EmbeddedStore(tmp_path, env)
        await store.create(ImageName("rbd", "data"), 1 << 20)
        store.file_of(ImageName("rbd", "data")).write_bytes(b"precious" + bytes(1 << 20))
        await store.close()
        (tmp_path / "index.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 40)
        with pytest.raises(ImageError, match="the images beside it are untouched"):
            EmbeddedStore(tmp_path, env)
        assert (tmp_path / "rbd" / "data.img").read_bytes().startswith(b"precious")
        assert (tmp_path / "index.db").read_bytes().startswith(b"this is no database")

    asyncio.run(story())


def test_an_image_larger_than_the_disk_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        store = EmbeddedStore(tmp_path, SimulatedEnv(asyncio.get_running_loop().time, 0))
        with pytest.raises(ImageError, match="larger than the disk"):
            await store.create(ImageName("rbd", "huge"), 1 << 60)
        assert list(await store.images("rbd")) == []
        await store.close()

    asyncio.run(story())
