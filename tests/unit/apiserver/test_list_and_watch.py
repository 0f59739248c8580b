"""Lists in pages, selectors, resource versions, and watches (spec: api.md §6)."""

import asyncio
import base64

import orjson
import pytest

from seatrial.api.registry import CONFIG_MAPS, PODS
from seatrial.apiserver import paging, selection
from seatrial.apiserver.registry_watch import Change
from seatrial.base.types import JSON
from seatrial.machinery import objects
from unit.apiserver.registry_world import World, config_map, pod, refused, tell


async def fill(world: World, count: int, namespace: str = "default") -> list[JSON]:
    made = []
    for number in range(count):
        sent = config_map(f"c{number}")
        sent["metadata"]["labels"] = {"parity": "even" if number % 2 == 0 else "odd"}
        made.append(await world.make(CONFIG_MAPS, sent, namespace))
    return made


def names(listing: paging.Listing) -> list[str]:
    return [objects.name(record.object) for record in listing.records]


def told(changes: "list[Change] | tuple[Change, ...]") -> list[tuple[str, str]]:
    return [(change.type, objects.name(change.record.object)) for change in changes]


def test_pages_follow_each_other_at_one_revision() -> None:
    async def story(world: World) -> None:
        await fill(world, 5)
        await world.make(CONFIG_MAPS, config_map("z"), "kube-public")
        first = await world.registry.list(CONFIG_MAPS, "default", limit=2)
        assert (names(first), first.remaining) == (["c0", "c1"], 3)
        await world.registry.delete(CONFIG_MAPS, "default", "c3")
        await world.make(CONFIG_MAPS, config_map("c9"))
        second = await world.registry.list(CONFIG_MAPS, "default", limit=2, continue_token=first.continue_token)
        assert (names(second), second.remaining, second.revision) == (["c2", "c3"], 1, first.revision)
        third = await world.registry.list(CONFIG_MAPS, "default", limit=2, continue_token=second.continue_token)
        assert (names(third), third.continue_token, third.remaining) == (["c4"], "", None)
        everywhere = await world.registry.list(CONFIG_MAPS, limit=5)
        token = orjson.loads(base64.urlsafe_b64decode(everywhere.continue_token + "=="))
        assert token == {"v": "meta.k8s.io/v1", "rv": world.registry.revision, "start": "default/c9\0"}

    tell(story)


def test_a_token_is_spelled_as_kubernetes_spells_it() -> None:
    token = paging.encode_token("/registry/pods/default/a\0", "/registry/pods/", 42)
    assert base64.urlsafe_b64decode(token + "==="[: -len(token) % 4]) == (
        rb'{"v":"meta.k8s.io/v1","rv":42,"start":"default/a\u0000"}'
    )
    assert "=" not in token
    assert paging.decode_token(token, "/registry/pods/") == ("/registry/pods/default/a\0", 42)


def test_pages_of_a_selection_are_full_and_have_no_count() -> None:
    async def story(world: World) -> None:
        await fill(world, 9)
        odd = selection.parse("parity=odd")
        first = await world.registry.list(CONFIG_MAPS, "default", odd, limit=3)
        assert (names(first), first.remaining) == (["c1", "c3", "c5"], None)
        last = await world.registry.list(CONFIG_MAPS, "default", odd, limit=3, continue_token=first.continue_token)
        assert (names(last), last.continue_token) == (["c7"], "")

    tell(story)


def test_an_expired_token_comes_with_one_that_goes_on() -> None:
    async def story(world: World) -> None:
        await fill(world, 4)
        first = await world.registry.list(CONFIG_MAPS, "default", limit=2)
        await world.make(CONFIG_MAPS, config_map("c9"))
        await world.store.compact(world.registry.revision)
        error = await refused(world.registry.list(CONFIG_MAPS, "default", limit=2, continue_token=first.continue_token))
        assert (error.code, error.reason) == (410, "Expired")
        assert error.message.startswith("The provided continue parameter is too old to display a consistent list")
        token = error.status["metadata"]["continue"]
        rest = await world.registry.list(CONFIG_MAPS, "default", continue_token=token)
        assert names(rest) == ["c2", "c3", "c9"]

    tell(story)


def test_resource_versions_say_how_old_a_list_may_be() -> None:
    async def story(world: World) -> None:
        made = await fill(world, 3)
        then = made[1]["metadata"]["resourceVersion"]
        read = world.registry.list
        assert names(await read(CONFIG_MAPS, "default", resource_version="0", limit=1)) == ["c0", "c1", "c2"]
        assert names(await read(CONFIG_MAPS, "default", resource_version=then)) == ["c0", "c1", "c2"]
        exact = await read(CONFIG_MAPS, "default", resource_version=then, resource_version_match="Exact")
        assert (names(exact), exact.revision) == (["c0", "c1"], int(then))
        assert names(await read(CONFIG_MAPS, "default", resource_version=then, limit=9)) == ["c0", "c1"]
        await world.store.compact(world.registry.revision)
        error = await refused(read(CONFIG_MAPS, "default", resource_version=then, resource_version_match="Exact"))
        assert (error.code, error.message) == (410, "The resourceVersion for the provided list is too old.")
        now = world.registry.revision
        error = await refused(read(CONFIG_MAPS, "default", resource_version="999"))
        assert (error.code, error.message) == (504, f"Timeout: Too large resource version: 999, current: {now}")
        assert error.has_cause("ResourceVersionTooLarge")

    tell(story)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"continue_token": "!"}, "invalid continue token: continue key is not valid", id="no base64"),
        pytest.param({"continue_token": "e30"}, "invalid continue token: continue key is not valid", id="no fields"),
        pytest.param(
            {"continue_token": paging.encode_token("x", "", 1), "resource_version": "5"},
            "specifying resource version is not allowed when using continue",
            id="token and version",
        ),
        pytest.param(
            {"resource_version": "abc"},
            'invalid resource version: resourceVersion: Invalid value: "abc": '
            'strconv.ParseUint: parsing "abc": invalid syntax',
            id="no number",
        ),
    ],
)
def test_lists_that_make_no_sense_are_refused(options: dict[str, str], message: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.registry.list(CONFIG_MAPS, "default", **options))  # type: ignore[arg-type]
        assert error.code == 400
        assert error.message.startswith(message)

    tell(story)


def test_fields_select_and_unknown_ones_are_refused() -> None:
    async def story(world: World) -> None:
        await world.make(PODS, pod("a", nodeName="n1"))
        await world.make(PODS, pod("b", nodeName="n2"))
        await world.make(PODS, pod("c"))
        read = world.registry.list
        assert names(await read(PODS, "", selection.parse("", "spec.nodeName=n1"))) == ["a"]
        assert names(await read(PODS, "", selection.parse("", "spec.nodeName!=n1"))) == ["b", "c"]
        assert names(await read(PODS, "", selection.parse("", "status.phase=Pending,metadata.name=b"))) == ["b"]
        assert names(await read(PODS, "default", selection.parse("app=web", "metadata.name=c"))) == ["c"]
        assert names(await read(PODS, "default", selection.parse("app=db", "metadata.name=c"))) == []
        error = await refused(read(PODS, "", selection.parse("", "spec.colour=red")))
        assert (error.code, error.message) == (400, "field label not supported: spec.colour")

    tell(story)


def test_a_watch_from_nothing_begins_with_what_is_there() -> None:
    async def story(world: World) -> None:
        await fill(world, 2)
        watch = world.registry.watch(CONFIG_MAPS, "default")
        assert not watch.started
        await world.make(CONFIG_MAPS, config_map("c9"))
        changes = [await anext(watch) for _ in range(3)]
        assert told(changes) == [("ADDED", "c0"), ("ADDED", "c1"), ("ADDED", "c9")]
        assert watch.started
        assert watch.revision == world.registry.revision
        assert changes[0].line == b'{"type":"ADDED","object":%s}\n' % changes[0].record.data

    tell(story)


def test_a_watch_from_a_version_gets_what_came_after() -> None:
    async def story(world: World) -> None:
        made = await fill(world, 3)
        watch = world.registry.watch(CONFIG_MAPS, "default", resource_version=made[0]["metadata"]["resourceVersion"])
        assert told(watch.drain()) == [("ADDED", "c1"), ("ADDED", "c2")]
        waiting = asyncio.create_task(anext(watch))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await world.registry.delete(CONFIG_MAPS, "default", "c0")
        change = await waiting
        assert (change.type, change.record.revision) == ("DELETED", world.registry.revision)

    tell(story)


def test_an_object_enters_and_leaves_a_selection() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x"))
        watch = world.registry.watch(
            CONFIG_MAPS, "default", selection.parse("on=yes"), resource_version=str(world.registry.revision)
        )

        async def label(value: str, data: str) -> JSON:
            obj = {"metadata": {**made["metadata"], "labels": {"on": value}}, "data": {"d": data}}
            obj["metadata"].pop("resourceVersion")
            return await world.put(CONFIG_MAPS, obj)

        await label("no", "1")
        await label("yes", "2")
        await label("yes", "3")
        left = await label("no", "4")
        await label("no", "5")
        await label("yes", "6")
        await world.registry.delete(CONFIG_MAPS, "default", "x")
        changes = watch.drain()
        assert [(change.type, change.record.object["data"]["d"]) for change in changes] == [
            ("ADDED", "2"),
            ("MODIFIED", "3"),
            ("DELETED", "3"),
            ("ADDED", "6"),
            ("DELETED", "6"),
        ]
        parted = changes[2].record
        assert parted.object["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]
        assert orjson.loads(parted.data) == parted.object

    tell(story)


def test_a_node_is_told_of_its_own_pods_only() -> None:
    async def story(world: World) -> None:
        mine = world.registry.watch(PODS, "", selection.parse("", "spec.nodeName=n1"))
        await world.make(PODS, pod("a", nodeName="n1"))
        await world.make(PODS, pod("b", nodeName="n2"))
        assert told([await anext(mine)]) == [("ADDED", "a")]
        assert mine.drain() == ()
        await world.make(PODS, pod("c", nodeName="n1"))
        assert told(mine.drain()) == [("ADDED", "c")]

    tell(story)


def test_watchers_of_one_event_share_its_line() -> None:
    async def story(world: World) -> None:
        version = str(world.registry.revision)
        watches = [world.registry.watch(CONFIG_MAPS, resource_version=version) for _ in range(3)]
        await fill(world, 1)
        lines = [watch.drain()[0].line for watch in watches]
        assert lines[0] is lines[1] is lines[2]

    tell(story)


def test_a_watch_that_begins_too_early_or_too_late_is_refused() -> None:
    async def story(world: World) -> None:
        await fill(world, 5)
        now = world.registry.revision
        await world.store.compact(now - 2)

        async def begin(version: str) -> None:
            world.registry.watch(CONFIG_MAPS, "default", resource_version=version)

        error = await refused(begin("1"))
        assert (error.code, error.reason) == (410, "Expired")
        assert error.message == f"too old resource version: 1 ({now - 2})"
        assert (await refused(begin(str(now + 5)))).code == 504

    tell(story)


def test_a_slow_watch_is_told_that_it_expired() -> None:
    async def story(world: World) -> None:
        watch = world.registry.watch(CONFIG_MAPS, "default", resource_version=str(world.registry.revision))
        await fill(world, 6)
        assert len(watch.drain()) == 3

        async def on() -> None:
            await anext(watch)

        assert (await refused(on())).code == 410

    tell(story, watch_buffer=3)


def test_a_closed_watch_ends() -> None:
    async def story(world: World) -> None:
        watch = world.registry.watch(CONFIG_MAPS, "default", resource_version=str(world.registry.revision))
        await fill(world, 1)
        watch.close()
        assert watch.drain() == ()
        assert [change.type async for change in watch] == ["ADDED"]

    tell(story)
