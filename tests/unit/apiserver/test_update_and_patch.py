"""Changing objects: versions, immutability, status, generations, the four patches (spec: api.md §5, §7)."""

import asyncio
from typing import Any

import pytest

from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS, ENDPOINTS, LEASES, PODS
from seatrial.apiserver.options import WriteOptions
from seatrial.apiserver.patching import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.status import MODIFIED
from unit.apiserver.registry_world import World, config_map, deployment, pod, refused, tell


def changed(obj: JSON, *path: str, value: Any) -> JSON:
    """A copy with another value at the path."""
    copy = objects.copy(obj)
    at: Any = copy
    for step in path[:-1]:
        at = at.setdefault(step, {})
    at[path[-1]] = value
    return copy


def test_a_stale_version_is_a_conflict_and_none_is_unconditional() -> None:
    async def story(world: World) -> None:
        first = await world.make(CONFIG_MAPS, config_map("x", a="1"))
        await world.put(CONFIG_MAPS, changed(first, "data", "a", value="2"))
        error = await refused(world.put(CONFIG_MAPS, changed(first, "data", "a", value="3")))
        assert (error.code, error.reason) == (409, "Conflict")
        assert error.message == f'Operation cannot be fulfilled on configmaps "x": {MODIFIED}'
        free = {"metadata": {"name": "x", "namespace": "default"}, "data": {"a": "4"}}
        assert (await world.put(CONFIG_MAPS, free))["data"] == {"a": "4"}

    tell(story)


def test_an_update_without_version_is_refused_where_it_must_be() -> None:
    async def story(world: World) -> None:
        await world.make(LEASES, {"metadata": {"name": "l"}})
        error = await refused(world.put(LEASES, {"metadata": {"name": "l", "namespace": "default"}}))
        assert error.message == (
            'Lease.coordination.k8s.io "l" is invalid: '
            "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
        )

    tell(story)


def test_what_changes_nothing_is_not_written() -> None:
    async def story(world: World) -> None:
        made = await world.make(PODS, pod("p"))
        before = world.registry.revision
        assert await world.put(PODS, objects.copy(made)) == made
        assert world.registry.revision == before

    tell(story)


def test_fields_left_out_are_kept_and_others_can_not_change() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x"))
        bare = {"metadata": {"name": "x", "namespace": "default"}, "data": {"a": "b"}}
        updated = await world.put(CONFIG_MAPS, bare)
        for field in ("uid", "creationTimestamp"):
            assert updated["metadata"][field] == made["metadata"][field]
        later = changed(bare, "metadata", "creationTimestamp", value="2030-01-01T00:00:00Z")
        error = await refused(world.put(CONFIG_MAPS, later))
        assert [(cause["field"], cause["message"].rpartition(": ")[2]) for cause in error.causes] == [
            ("metadata.creationTimestamp", "field is immutable")
        ]
        error = await refused(world.put(CONFIG_MAPS, changed(bare, "metadata", "uid", value="other")))
        assert error.code == 409
        assert (
            f"Precondition failed: UID in precondition: other, UID in object meta: {objects.uid(made)}" in error.message
        )

    tell(story)


def test_the_body_must_be_what_the_url_names() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x"))
        update = world.registry.update
        error = await refused(update(CONFIG_MAPS, "default", "y", objects.copy(made)))
        assert error.message == "the name of the object (x) does not match the name on the URL (y)"
        error = await refused(update(CONFIG_MAPS, "kube-public", "x", objects.copy(made)))
        assert error.message == (
            "the namespace of the object (default) does not match the namespace on the request (kube-public)"
        )
        error = await refused(update(CONFIG_MAPS, "default", "x", {"metadata": {}}))
        assert error.message == "the name of the object (x based on URL) was undeterminable: name must be provided"

    tell(story)


def test_a_put_creates_only_kinds_that_allow_it() -> None:
    async def story(world: World) -> None:
        error = await refused(world.put(CONFIG_MAPS, {"metadata": {"name": "x", "namespace": "default"}}))
        assert (error.code, error.message) == (404, 'configmaps "x" not found')
        _, created = await world.registry.update(ENDPOINTS, "default", "e", {"metadata": {"name": "e"}})
        assert created

    tell(story)


def test_spec_and_status_are_written_apart() -> None:
    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, deployment("web"))
        both = changed(changed(made, "spec", "replicas", value=5), "status", value={"replicas": 3})
        updated = await world.put(DEPLOYMENTS, both)
        assert (updated["spec"]["replicas"], updated.get("status")) == (5, {})
        both["metadata"].pop("resourceVersion")
        both["spec"]["replicas"] = 9
        told = await world.put(DEPLOYMENTS, both, "status")
        assert (told["spec"]["replicas"], told["status"]) == (5, {"replicas": 3})

    tell(story)


def test_a_new_spec_is_a_new_generation() -> None:
    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, deployment("web"))
        labelled = await world.put(DEPLOYMENTS, changed(made, "metadata", "labels", value={"a": "b"}))
        assert objects.generation(labelled) == 1
        scaled = await world.put(DEPLOYMENTS, changed(labelled, "spec", "replicas", value=5))
        assert objects.generation(scaled) == 2
        told = await world.put(DEPLOYMENTS, changed(scaled, "status", value={"replicas": 1}), "status")
        assert objects.generation(told) == 2

    tell(story)


def test_a_dry_run_of_an_update_changes_nothing() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x", a="1"))
        shown = await world.put(CONFIG_MAPS, changed(made, "data", "a", value="2"), options=WriteOptions(dry_run=True))
        assert (shown["data"], shown["metadata"]["resourceVersion"]) == (
            {"a": "2"},
            made["metadata"]["resourceVersion"],
        )
        assert await world.now(CONFIG_MAPS, "x") == made

    tell(story)


PATCHES: dict[str, tuple[str, Any]] = {
    "json patch": (
        JSON_PATCH,
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:1.11"}],
    ),
    "merge patch": (
        MERGE_PATCH,
        {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11"}]}}}},
    ),
    "strategic merge patch": (
        STRATEGIC_MERGE_PATCH,
        {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11"}]}}}},
    ),
}


@pytest.mark.parametrize("name", PATCHES)
def test_the_articles_patches_change_the_image(name: str) -> None:
    media, body = PATCHES[name]

    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, deployment("web"))
        record, created = await world.registry.patch(DEPLOYMENTS, "default", "web", body, media)
        expected = objects.copy(made)
        expected["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.11"
        assert record.object["spec"] == expected["spec"]
        assert (objects.generation(record.object), created) == (2, False)

    tell(story)


BROKEN: dict[str, tuple[str, Any, int, str]] = {
    "a json patch that is no array": (
        JSON_PATCH,
        {"op": "add"},
        400,
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    ),
    "an operation that can't be done": (
        JSON_PATCH,
        [{"op": "test", "path": "/spec/replicas", "value": 7}],
        422,
        "the server rejected our request due to an error in our request",
    ),
    "a merge patch that is no object": (
        MERGE_PATCH,
        [],
        400,
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ),
    "an unknown directive": (
        STRATEGIC_MERGE_PATCH,
        {"spec": {"$patch": "merge"}},
        500,
        "unknown patch type: merge in map: map[$patch:merge]",
    ),
    "a type that does not fit": (
        STRATEGIC_MERGE_PATCH,
        {"spec": {"replicas": "x"}},
        422,
        ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": '
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    "another name": (
        MERGE_PATCH,
        {"metadata": {"name": "y"}},
        422,
        'Deployment.apps "web" is invalid: metadata.name: Invalid value: "y": field is immutable',
    ),
    "an old version": (
        MERGE_PATCH,
        {"metadata": {"resourceVersion": "1"}},
        409,
        f'Operation cannot be fulfilled on deployments.apps "web": {MODIFIED}',
    ),
    "an unknown patch type": ("application/x-patch", {}, 415, "415: Unsupported Media Type"),
    "an apply without a manager": (
        APPLY_PATCH,
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        422,
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_patch_that_can_not_be_is_refused_in_kubernetes_words(name: str) -> None:
    media, body, code, message = BROKEN[name]

    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, deployment("web"))
        error = await refused(world.registry.patch(DEPLOYMENTS, "default", "web", body, media))
        assert (error.code, error.message.removeprefix(" ")) == (code, message.removeprefix(" "))
        assert await world.now(DEPLOYMENTS, "web") == made

    tell(story)


def test_patches_at_the_same_time_all_take_effect() -> None:
    async def story(world: World) -> None:
        await world.make(CONFIG_MAPS, config_map("x"))
        patch = world.registry.patch
        await asyncio.gather(
            *(patch(CONFIG_MAPS, "default", "x", {"data": {f"k{at}": "v"}}, MERGE_PATCH) for at in range(10))
        )
        found = await world.now(CONFIG_MAPS, "x")
        assert found is not None
        assert len(found["data"]) == 10

    tell(story)


def test_a_patch_of_the_status_leaves_the_spec() -> None:
    async def story(world: World) -> None:
        await world.make(DEPLOYMENTS, deployment("web"))
        body = {"spec": {"replicas": 9}, "status": {"replicas": 1}}
        record, _ = await world.registry.patch(DEPLOYMENTS, "default", "web", body, MERGE_PATCH, subresource="status")
        assert (record.object["spec"]["replicas"], record.object["status"]) == (2, {"replicas": 1})

    tell(story)


def applied(**data: str) -> JSON:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def test_apply_creates_changes_and_prunes() -> None:
    async def story(world: World) -> None:
        options = WriteOptions(field_manager="me")
        patch = world.registry.patch
        record, created = await patch(CONFIG_MAPS, "default", "x", applied(a="1", b="2"), APPLY_PATCH, options)
        assert created
        assert record.object["metadata"]["managedFields"][0]["operation"] == "Apply"
        before = world.registry.revision
        await patch(CONFIG_MAPS, "default", "x", applied(a="1", b="2"), APPLY_PATCH, options)
        assert world.registry.revision == before
        record, created = await patch(CONFIG_MAPS, "default", "x", applied(a="3"), APPLY_PATCH, options)
        assert not created
        assert record.object["data"] == {"a": "3"}

    tell(story)


def test_apply_meets_other_managers() -> None:
    async def story(world: World) -> None:
        await world.make(CONFIG_MAPS, config_map("x", a="1"), field_manager="first")
        patch = world.registry.patch
        error = await refused(
            patch(CONFIG_MAPS, "default", "x", applied(a="2"), APPLY_PATCH, WriteOptions(field_manager="me"))
        )
        assert (error.code, error.message) == (
            409,
            'Apply failed with 1 conflict: conflict with "first" using v1: .data.a',
        )
        forced = WriteOptions(field_manager="me", force=True)
        record, _ = await patch(CONFIG_MAPS, "default", "x", applied(a="2"), APPLY_PATCH, forced)
        assert record.object["data"] == {"a": "2"}

    tell(story)
