"""What every transport promises, in this process and over real HTTPS."""

import asyncio

import pytest

from contract.api_world import WAYS, Api, Scenario, config_map, pod, run
from seatrial.api.registry import CONFIG_MAPS, NAMESPACES, PODS
from seatrial.base.errors import StatusError
from seatrial.client import wait
from seatrial.client.base import JSON_PATCH, MERGE_PATCH, Request
from seatrial.machinery.watch import WatchEvent

pytestmark = pytest.mark.parametrize("way", WAYS)


def scenario(test: Scenario):  # type: ignore[no-untyped-def]
    """A test written as a coroutine that is given a running API."""

    def check(way: str) -> None:
        run(way, test)

    check.__name__, check.__doc__ = test.__name__, test.__doc__  # type: ignore[attr-defined]
    return check


@scenario
async def test_what_is_created_is_read_back_with_identity(api: Api) -> None:
    created = await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    read = await api.client.get(CONFIG_MAPS, "a", "default")
    assert read == created
    assert (read["kind"], read["apiVersion"], read["data"]) == ("ConfigMap", "v1", {"x": "1"})
    assert read["metadata"]["uid"]
    assert int(read["metadata"]["resourceVersion"]) > 0


@scenario
async def test_the_callers_object_stays_as_it_is(api: Api) -> None:
    mine = config_map("a", x="1")
    await api.client.create(CONFIG_MAPS, mine)
    assert mine == config_map("a", x="1")


@scenario
async def test_a_missing_object_is_a_status_404(api: Api) -> None:
    with pytest.raises(StatusError) as caught:
        await api.client.get(CONFIG_MAPS, "nothing", "default")
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")
    assert caught.value.message == 'configmaps "nothing" not found'


@scenario
async def test_a_path_that_is_not_there_is_404(api: Api) -> None:
    with pytest.raises(StatusError) as caught:
        await api.client.raw(Request("GET", "/apis/nobody.io/v1/things"))
    assert caught.value.code == 404
    assert caught.value.message == "the server could not find the requested resource"


@scenario
async def test_a_stale_update_is_a_conflict(api: Api) -> None:
    created = await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    await api.client.update(CONFIG_MAPS, {**created, "data": {"x": "2"}})
    with pytest.raises(StatusError) as caught:
        await api.client.update(CONFIG_MAPS, {**created, "data": {"x": "3"}})
    assert caught.value.reason == "Conflict"


@scenario
async def test_patches_of_each_kind_change_the_object(api: Api) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    await api.client.patch(CONFIG_MAPS, "a", "default", {"data": {"y": "2"}})
    await api.client.patch(CONFIG_MAPS, "a", "default", {"data": {"x": None}}, patch_type=MERGE_PATCH)
    patched = await api.client.patch(
        CONFIG_MAPS, "a", "default", [{"op": "add", "path": "/data/z", "value": "3"}], patch_type=JSON_PATCH
    )
    assert patched["data"] == {"y": "2", "z": "3"}


@scenario
async def test_a_list_has_all_objects_in_order_with_its_revision(api: Api) -> None:
    for name in ("b", "a", "c"):
        await api.client.create(CONFIG_MAPS, config_map(name))
    listed = await api.client.list(CONFIG_MAPS, "default")
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b", "c"]
    assert int(listed["metadata"]["resourceVersion"]) >= int(listed["items"][2]["metadata"]["resourceVersion"])


@scenario
async def test_a_list_comes_in_pages(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.client.create(CONFIG_MAPS, config_map(name))
    first = await api.client.list(CONFIG_MAPS, "default", limit=2)
    assert first["metadata"]["remainingItemCount"] == 1
    rest = await api.client.list(CONFIG_MAPS, "default", limit=2, continue_token=first["metadata"]["continue"])
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert "continue" not in rest["metadata"]


@scenario
async def test_a_watch_tells_each_change_in_order(api: Api) -> None:
    before = (await api.client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    created = await api.client.create(CONFIG_MAPS, config_map("a", x="1"))
    await api.client.update(CONFIG_MAPS, {**created, "data": {"x": "2"}})
    await api.client.delete(CONFIG_MAPS, "a", "default")
    events = [event async for event in _first(api, 3, before)]
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.object["data"]["x"] for event in events] == ["1", "2", "2"]
    assert events[0].object["kind"] == "ConfigMap"


async def _first(api: Api, count: int, resource_version: str):  # type: ignore[no-untyped-def]
    seen = 0
    async for event in api.client.watch(CONFIG_MAPS, "default", resource_version=resource_version):
        yield event
        seen += 1
        if seen == count:
            return


@scenario
async def test_a_watch_tells_changes_as_they_happen(api: Api) -> None:
    before = (await api.client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    seen: asyncio.Queue[WatchEvent] = asyncio.Queue()

    async def follow() -> None:
        async for event in api.client.watch(CONFIG_MAPS, "default", resource_version=before):
            seen.put_nowait(event)

    following = asyncio.ensure_future(follow())
    for name in ("a", "b"):
        await api.client.create(CONFIG_MAPS, config_map(name))
        assert (await seen.get()).object["metadata"]["name"] == name
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@scenario
async def test_a_watch_ends_at_its_time_with_a_bookmark(api: Api) -> None:
    await api.client.create(CONFIG_MAPS, config_map("a"))
    events = [event async for event in api.client.watch(CONFIG_MAPS, "default", timeout_seconds=3)]
    assert [event.type for event in events] == ["ADDED", "BOOKMARK"]
    assert set(events[1].object) == {"kind", "apiVersion", "metadata"}
    assert int(events[1].object["metadata"]["resourceVersion"]) >= int(events[0].object["metadata"]["resourceVersion"])


@scenario
async def test_a_watch_from_a_forgotten_revision_is_410(api: Api) -> None:
    for number in range(4):
        await api.client.create(CONFIG_MAPS, config_map(f"a{number}"))
    await api.handlers.registry.store.compact(api.handlers.registry.revision)
    with pytest.raises(StatusError) as caught:
        _ = [event async for event in api.client.watch(CONFIG_MAPS, "default", resource_version="1")]
    assert (caught.value.code, caught.value.reason) == (410, "Expired")


@scenario
async def test_deletion_heeds_preconditions(api: Api) -> None:
    created = await api.client.create(CONFIG_MAPS, config_map("a"))
    with pytest.raises(StatusError) as caught:
        await api.client.delete(CONFIG_MAPS, "a", "default", uid="another")
    assert caught.value.reason == "Conflict"
    answer = await api.client.delete(CONFIG_MAPS, "a", "default", uid=created["metadata"]["uid"])
    assert answer["status"] == "Success"


@scenario
async def test_a_collection_is_deleted_by_label(api: Api) -> None:
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        obj = config_map(name)
        obj["metadata"]["labels"] = {"app": label}
        await api.client.create(CONFIG_MAPS, obj)
    deleted = await api.client.delete_collection(CONFIG_MAPS, "default", label_selector="app=x")
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["a", "b"]
    left = await api.client.list(CONFIG_MAPS, "default")
    assert [item["metadata"]["name"] for item in left["items"]] == ["c"]


@scenario
async def test_a_dry_run_stores_nothing(api: Api) -> None:
    answer = await api.client.create(CONFIG_MAPS, config_map("a"), dry_run=True)
    assert answer["metadata"]["name"] == "a"
    assert (await api.client.list(CONFIG_MAPS, "default"))["items"] == []


@scenario
async def test_an_invalid_object_tells_its_causes(api: Api) -> None:
    with pytest.raises(StatusError) as caught:
        await api.client.create(CONFIG_MAPS, config_map("Not_A_Name"))
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    assert caught.value.has_cause("FieldValueInvalid")


@scenario
async def test_a_cluster_scoped_object_needs_no_namespace(api: Api) -> None:
    await api.client.create(NAMESPACES, {"metadata": {"name": "team"}})
    assert (await api.client.get(NAMESPACES, "team"))["status"]["phase"] == "Active"


@scenario
async def test_warnings_reach_the_caller(api: Api) -> None:
    body = {**config_map("a"), "unheard": 1}
    answer = await api.client.raw(Request("POST", CONFIG_MAPS.path("default"), {"fieldValidation": "Warn"}, body))
    assert answer.code == 201
    assert answer.warnings == ('unknown field "unheard"',)


@scenario
async def test_a_pod_is_bound_once(api: Api) -> None:
    await api.client.create(PODS, pod("p"))
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "node-1"}}
    await api.client.create_subresource(PODS, "p", "default", "binding", binding)
    assert (await api.client.get(PODS, "p", "default"))["spec"]["nodeName"] == "node-1"
    with pytest.raises(StatusError) as caught:
        await api.client.create_subresource(PODS, "p", "default", "binding", binding)
    assert caught.value.reason == "Conflict"


@scenario
async def test_a_log_is_read_and_followed_until_nobody_listens(api: Api) -> None:
    await api.client.create(PODS, pod("p", nodeName="node-1"))
    whole = [chunk async for chunk in api.client.logs("p", "default", {"tailLines": "5"})]
    assert b"".join(whole) == b"p main 5\n"
    text = b""
    following = api.client.logs("p", "default", {"follow": "true"})
    async for chunk in following:
        text += chunk
        if b"tick" in text:
            break
    await following.aclose()  # type: ignore[attr-defined]
    await api.node.nobody_follows.wait()


@scenario
async def test_a_log_of_a_container_that_is_not_there_is_refused(api: Api) -> None:
    await api.client.create(PODS, pod("p", nodeName="node-1"))
    with pytest.raises(StatusError) as caught:
        _ = [chunk async for chunk in api.client.logs("p", "default", {"container": "zz"})]
    assert (caught.value.code, caught.value.message) == (400, "container zz is not valid for pod p")


@scenario
async def test_waiting_for_an_object_sees_it_come_and_go(api: Api) -> None:
    coming = asyncio.ensure_future(wait.wait_for(api.client, CONFIG_MAPS, "a", "default", lambda obj: obj is not None))
    await asyncio.sleep(0)
    await api.client.create(CONFIG_MAPS, config_map("a"))
    found = await coming
    assert found is not None
    assert found["metadata"]["name"] == "a"
    going = asyncio.ensure_future(wait.wait_deleted(api.client, CONFIG_MAPS, "a", "default"))
    await api.client.delete(CONFIG_MAPS, "a", "default")
    await going


@scenario
async def test_the_server_says_its_version(api: Api) -> None:
    version = await api.client.server_version()
    assert (version["major"], version["minor"]) == ("1", "32")
    assert version["gitVersion"].startswith("v1.32.")
