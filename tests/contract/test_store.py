"""What every store engine promises (store/base.py): the same stories, told to each of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from seatrial.base.errors import Compacted, KeyExists, RevisionMismatch, StoreError
from seatrial.base.types import JSON
from seatrial.store.base import Event, Store, Watcher, Where
from seatrial.store.memory import MemoryStore
from seatrial.store.sqlite import SqliteStore

PODS = "/registry/pods/"
NODES = "/registry/minions/"
Story = Callable[[Any], Awaitable[None]]


class Engine:
    """Opens stores of one kind and tells them stories."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self._directory = name, directory

    def open(self, **options: Any) -> Store:
        return MemoryStore(**options) if self.name == "memory" else SqliteStore.open(self._directory, **options)

    def tell(self, story: Story, **options: Any) -> None:
        async def whole() -> None:
            store = self.open(**options)
            try:
                await asyncio.wait_for(story(store), 30)
            finally:
                await store.close()

        asyncio.run(whole())


@pytest.fixture(params=["memory", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(request.param, tmp_path / "data")


def pod(name: str, **spec: Any) -> JSON:
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def key(name: str, namespace: str = "default") -> str:
    return f"{PODS}{namespace}/{name}"


def told(events: Any) -> list[tuple[str, int, str]]:
    return [(event.type, event.revision, event.record.object["metadata"]["name"]) for event in events]


async def next_events(watcher: Watcher, count: int) -> list[Event]:
    return [await anext(watcher) for _ in range(count)]  # type: ignore[call-overload]


def test_an_object_is_stored_with_its_revision_and_encoded_once(engine: Engine) -> None:
    async def story(store: Store) -> None:
        created = await store.create(key("a"), pod("a"))
        assert created.revision == store.revision == 1
        assert created.object["metadata"]["resourceVersion"] == "1"
        assert orjson.loads(created.data) == created.object
        found = await store.get(key("a"))
        assert found is not None
        assert found.data is created.data

    engine.tell(story)


def test_a_missing_object_is_none(engine: Engine) -> None:
    async def story(store: Store) -> None:
        assert await store.get(key("a")) is None

    engine.tell(story)


def test_a_key_is_created_once(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a"))
        with pytest.raises(KeyExists):
            await store.create(key("a"), pod("a"))
        assert store.revision == 1

    engine.tell(story)


def test_of_many_creations_at_once_one_wins(engine: Engine) -> None:
    async def story(store: Store) -> None:
        answers = await asyncio.gather(
            *(store.create(key("a"), pod("a", by=number)) for number in range(8)), return_exceptions=True
        )
        assert sum(isinstance(answer, KeyExists) for answer in answers) == 7
        assert store.revision == 1

    engine.tell(story)


def test_an_update_needs_the_revision_it_is_based_on(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a", size=1))
        updated = await store.update(key("a"), pod("a", size=2), 1)
        assert updated.revision == 2
        with pytest.raises(RevisionMismatch) as stale:
            await store.update(key("a"), pod("a", size=3), 1)
        assert (stale.value.expected, stale.value.actual) == (1, 2)
        with pytest.raises(RevisionMismatch) as gone:
            await store.update(key("b"), pod("b"), 1)
        assert gone.value.actual == 0
        found = await store.get(key("a"))
        assert found is not None
        assert found.object["spec"] == {"size": 2}

    engine.tell(story)


def test_of_many_updates_of_one_revision_one_wins(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a"))
        answers = await asyncio.gather(
            *(store.update(key("a"), pod("a", by=number), 1) for number in range(8)), return_exceptions=True
        )
        assert sum(isinstance(answer, RevisionMismatch) for answer in answers) == 7
        assert store.revision == 2

    engine.tell(story)


def test_a_counter_that_many_increment_loses_nothing(engine: Engine) -> None:
    async def increment(store: Store) -> None:
        while True:
            found = await store.get(key("a"))
            assert found is not None
            try:
                await store.update(key("a"), pod("a", count=found.object["spec"]["count"] + 1), found.revision)
            except RevisionMismatch:
                continue
            return

    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a", count=0))
        await asyncio.gather(*(increment(store) for _ in range(20)))
        found = await store.get(key("a"))
        assert found is not None
        assert found.object["spec"]["count"] == 20

    engine.tell(story)


def test_a_deletion_has_a_revision_and_the_last_state(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a", size=1))
        with pytest.raises(RevisionMismatch):
            await store.delete(key("a"), 7)
        deleted = await store.delete(key("a"), 1)
        assert deleted.revision == 2
        assert deleted.object["metadata"]["resourceVersion"] == "2"
        assert deleted.object["spec"] == {"size": 1}
        assert await store.get(key("a")) is None
        with pytest.raises(RevisionMismatch):
            await store.delete(key("a"), 1)

    engine.tell(story)


def test_a_deleted_key_can_be_created_again(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a"))
        deleted, again = await asyncio.gather(store.delete(key("a"), 1), store.create(key("a"), pod("a")))
        assert (deleted.revision, again.revision) == (2, 3)
        assert await store.get(key("a")) is again

    engine.tell(story)


def test_a_list_is_in_key_order_and_has_only_its_prefix(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for name in ("b", "a", "c"):
            await store.create(key(name), pod(name))
        await store.create(key("x", "other"), pod("x"))
        await store.create(f"{NODES}n", pod("n"))
        page = await store.list(f"{PODS}default/")
        assert [record.key for record in page.records] == [key("a"), key("b"), key("c")]
        assert (page.revision, page.remaining) == (5, 0)
        assert len((await store.list(PODS)).records) == 4
        assert await store.count(PODS) == 4
        assert await store.count("/registry/none/") == 0

    engine.tell(story)


def test_pages_are_all_of_the_first_ones_revision(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for number in range(6):
            await store.create(key(f"p{number}"), pod(f"p{number}", size=1))
        first = await store.list(PODS, limit=2)
        assert (len(first.records), first.remaining, first.revision) == (2, 4, 6)
        await store.delete(key("p3"), 4)
        await store.update(key("p4"), pod("p4", size=2), 5)
        await store.create(key("p9"), pod("p9"))
        rest = await store.list(PODS, start=first.records[-1].key + "\0", revision=first.revision)
        assert [record.key for record in rest.records] == [key(f"p{number}") for number in (2, 3, 4, 5)]
        assert {record.object["spec"]["size"] for record in rest.records} == {1}
        assert (rest.revision, rest.remaining) == (6, 0)
        page = await store.list(PODS, start=key("p2"), limit=1, revision=6)
        assert ([record.key for record in page.records], page.remaining) == ([key("p2")], 3)

    engine.tell(story)


def test_a_list_of_a_forgotten_or_future_revision_is_refused(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for number in range(4):
            await store.create(key(f"p{number}"), pod(f"p{number}"))
        await store.compact(3)
        with pytest.raises(Compacted) as error:
            await store.list(PODS, revision=2)
        assert (error.value.asked, error.value.oldest) == (2, 3)
        assert len((await store.list(PODS, revision=3)).records) == 3
        with pytest.raises(StoreError):
            await store.list(PODS, revision=99)

    engine.tell(story)


def test_a_watcher_gets_everything_after_its_revision_in_order(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("a"), pod("a", size=1))
        await store.create(key("b"), pod("b"))
        watcher = store.watch(PODS, 1)
        await store.update(key("a"), pod("a", size=2), 1)
        await store.create(f"{NODES}n", pod("n"))
        await store.delete(key("b"), 2)
        events = await next_events(watcher, 3)
        assert told(events) == [("ADDED", 2, "b"), ("MODIFIED", 3, "a"), ("DELETED", 5, "b")]
        assert events[0].previous is None
        assert events[1].previous is not None
        assert events[1].previous.object["spec"] == {"size": 1}
        assert events[2].previous is not None
        assert events[2].previous.revision == 2

    engine.tell(story)


def test_watchers_share_one_event(engine: Engine) -> None:
    async def story(store: Store) -> None:
        watchers = [store.watch(prefix, 0) for prefix in (PODS, f"{PODS}default/", "/registry/", key("a"))]
        await store.create(key("a"), pod("a"))
        events = [await anext(watcher) for watcher in watchers]  # type: ignore[call-overload]
        assert all(event is events[0] for event in events)

    engine.tell(story)


def test_a_watcher_sees_a_write_no_later_than_its_writer(engine: Engine) -> None:
    async def story(store: Store) -> None:
        watcher = store.watch(PODS, 0)
        created = await store.create(key("a"), pod("a"))
        assert [event.revision for event in watcher.drain()] == [created.revision]
        assert watcher.drain() == ()

    engine.tell(story)


def test_a_watcher_of_one_node_gets_what_comes_to_it_and_leaves_it(engine: Engine) -> None:
    async def story(store: Store) -> None:
        await store.create(key("old"), pod("old", nodeName="n1"))
        watcher = store.watch(PODS, 0, Where(("spec", "nodeName"), "n1"))
        nowhere = store.watch(PODS, 0, Where(("spec", "nodeName"), ""))
        await store.create(key("a"), pod("a"))
        await store.update(key("a"), pod("a", nodeName="n1"), 2)
        await store.create(key("b"), pod("b", nodeName="n2"))
        await store.update(key("a"), pod("a", nodeName="n2"), 3)
        assert told(watcher.drain()) == [("ADDED", 1, "old"), ("MODIFIED", 3, "a"), ("MODIFIED", 5, "a")]
        assert told(nowhere.drain()) == [("ADDED", 2, "a"), ("MODIFIED", 3, "a")]
        watcher.close()
        await store.create(key("c"), pod("c", nodeName="n1"))
        assert watcher.drain() == ()

    engine.tell(story)


def test_a_watch_of_a_forgotten_revision_is_refused(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for number in range(4):
            await store.create(key(f"p{number}"), pod(f"p{number}"))
        assert store.compacted == 0
        await store.compact(2)
        assert store.compacted == 2
        with pytest.raises(Compacted):
            store.watch(PODS, 1)
        assert told(store.watch(PODS, 2).drain()) == [("ADDED", 3, "p2"), ("ADDED", 4, "p3")]

    engine.tell(story)


def test_the_log_keeps_within_its_number_of_events(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for number in range(40):
            await store.create(key(f"p{number}"), pod(f"p{number}"))
        assert 28 <= store.compacted <= 32
        assert len(store.watch(PODS, store.compacted).drain()) == 40 - store.compacted
        assert await store.count(PODS) == 40

    engine.tell(story, keep_events=8)


def test_the_log_keeps_within_its_bytes(engine: Engine) -> None:
    async def story(store: Store) -> None:
        for number in range(20):
            await store.create(key(f"p{number}"), pod(f"p{number}", text="x" * 1000))
        assert store.compacted >= 14

    engine.tell(story, keep_bytes=5000)


def test_a_slow_watcher_is_cut_off_and_holds_up_nobody(engine: Engine) -> None:
    async def story(store: Store) -> None:
        slow, quick = store.watch(PODS, 0), store.watch(PODS, 0)
        for number in range(10):
            await store.create(key(f"p{number}"), pod(f"p{number}"))
            assert len(quick.drain()) == 1
        assert len(slow.drain()) == 4
        with pytest.raises(Compacted):
            slow.drain()
        with pytest.raises(Compacted):
            await anext(slow)  # type: ignore[call-overload]

    engine.tell(story, watch_buffer=4)


def test_a_closed_watcher_ends_and_closing_again_is_harmless(engine: Engine) -> None:
    async def story(store: Store) -> None:
        watcher = store.watch(PODS, 0)
        waiting = asyncio.create_task(collect(watcher))
        await store.create(key("a"), pod("a"))
        watcher.close()
        watcher.close()
        assert told(await waiting) == [("ADDED", 1, "a")]
        await store.create(key("b"), pod("b"))
        assert watcher.drain() == ()

    engine.tell(story)


def test_closing_the_store_ends_its_watchers_and_refuses_writes(engine: Engine) -> None:
    async def story(store: Store) -> None:
        waiting = asyncio.create_task(collect(store.watch(PODS, 0)))
        await store.create(key("a"), pod("a"))
        await store.close()
        assert told(await waiting) == [("ADDED", 1, "a")]
        with pytest.raises(StoreError):
            await store.create(key("b"), pod("b"))

    engine.tell(story)


def test_a_cancelled_writer_does_not_confuse_the_next(engine: Engine) -> None:
    async def story(store: Store) -> None:
        first = asyncio.create_task(store.create(key("a"), pod("a")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(KeyExists):
            await store.create(key("a"), pod("a"))
        assert store.revision == 1

    engine.tell(story)


def test_frozen_objects_can_not_be_changed(engine: Engine) -> None:
    async def story(store: Store) -> None:
        record = await store.create(key("a"), pod("a", ports=[1]))
        with pytest.raises(TypeError):
            record.object["metadata"]["labels"] = {}
        with pytest.raises(TypeError):
            record.object["spec"]["ports"].append(2)
        await store.update(key("a"), {**record.object, "metadata": dict(record.object["metadata"])}, 1)
        assert (await store.delete(key("a"), 2)).revision == 3

    engine.tell(story, freeze=True)


async def collect(watcher: Watcher) -> list[Event]:
    return [event async for event in watcher]
