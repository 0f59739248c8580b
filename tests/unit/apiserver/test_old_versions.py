"""Old group versions: what clients of long ago see, and what is stored."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seatrial.api import old_versions, schema_set
from seatrial.api.old_version import OldVersion
from seatrial.api.registry import ALL
from seatrial.apiserver import discovery, openapi
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.loopback import LoopbackTransport
from seatrial.base.types import JSON
from seatrial.client.base import Request
from seatrial.machinery import objects
from unit.apiserver.registry_world import World, refused, tell

EXTENSIONS = "/apis/extensions/v1beta1/namespaces/default/deployments"
BETA1 = "/apis/apps/v1beta1/namespaces/default/deployments"
BETA2 = "/apis/apps/v1beta2/namespaces/default/deployments"
NOW = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"
ROLLBACK_TO = "deprecated.deployment.rollback.to"


class Api:
    """Requests as they come from HTTP, to a registry in memory."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.transport = LoopbackTransport(Handlers(world.registry, world.env), user_agent="test")

    async def __call__(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> JSON:
        found = (await self.transport.request(Request(method, path, {}, body, content_type))).object
        assert isinstance(found, dict)
        return found


def story(tale: Callable[[Api], Awaitable[None]]) -> None:
    async def whole(world: World) -> None:
        await tale(Api(world))

    tell(whole)


def a_deployment(**spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.10"}]}}
    return {"metadata": {"name": "web"}, "spec": {"template": template, **spec}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (EXTENSIONS, {"maxUnavailable": 1, "maxSurge": 1, "history": 2147483647, "deadline": 2147483647}),
        (BETA1, {"maxUnavailable": "25%", "maxSurge": "25%", "history": 2, "deadline": 600}),
    ],
    ids=["extensions", "apps/v1beta1"],
)
def test_defaults_are_those_of_the_version(path: str, expected: JSON) -> None:
    async def tale(api: Api) -> None:
        made = await api("POST", path, a_deployment())
        assert (made["kind"], made["apiVersion"]) == ("Deployment", path.split("/namespaces")[0].removeprefix("/apis/"))
        stored = await api("GET", f"{NOW}/web")
        assert stored["apiVersion"] == "apps/v1"
        assert stored["spec"] == made["spec"]
        spec = made["spec"]
        assert spec["replicas"] == 1
        assert spec["selector"] == {"matchLabels": {"app": "web"}}
        assert made["metadata"]["labels"] == {"app": "web"}
        assert spec["strategy"]["type"] == "RollingUpdate"
        told = {**spec["strategy"]["rollingUpdate"]}
        assert told | {"history": spec["revisionHistoryLimit"], "deadline": spec["progressDeadlineSeconds"]} == expected

    story(tale)


def test_what_is_said_is_not_defaulted() -> None:
    async def tale(api: Api) -> None:
        labels = {"app": "web", "tier": "front"}
        given = a_deployment(
            strategy={"type": "Recreate"}, selector={"matchLabels": {"app": "web"}}, progressDeadlineSeconds=30
        )
        given["metadata"]["labels"] = labels
        made = await api("POST", EXTENSIONS, given)
        assert made["spec"]["strategy"] == {"type": "Recreate"}
        assert made["spec"]["progressDeadlineSeconds"] == 30
        assert made["metadata"]["labels"] == labels

    story(tale)


def test_apps_v1beta2_insists_on_a_selector() -> None:
    async def tale(api: Api) -> None:
        error = await refused(api("POST", BETA2, a_deployment()))
        assert error.code == 422
        assert "spec.selector: Required value" in error.message

    story(tale)


@pytest.mark.parametrize(("path", "may"), [(EXTENSIONS, True), (BETA1, True), (BETA2, False), (NOW, False)])
def test_whether_a_selector_may_change(path: str, may: bool) -> None:
    async def tale(api: Api) -> None:
        await api("POST", NOW, a_deployment(selector={"matchLabels": {"app": "web"}}))
        template = a_deployment()["spec"]["template"]
        template["metadata"]["labels"] = {"app": "web", "tier": "front"}
        patch = {"spec": {"selector": {"matchLabels": {"tier": "front"}}, "template": template}}
        if may:
            patched = await api("PATCH", f"{path}/web", patch, MERGE)
            assert patched["spec"]["selector"]["matchLabels"] == {"app": "web", "tier": "front"}
        else:
            assert "field is immutable" in (await refused(api("PATCH", f"{path}/web", patch, MERGE))).message

    story(tale)


@pytest.mark.parametrize(
    ("patch", "content_type"),
    [
        ({"spec": {"replicas": 3}}, MERGE),
        ({"spec": {"replicas": 3}}, "application/strategic-merge-patch+json"),
        ([{"op": "replace", "path": "/spec/replicas", "value": 3}], "application/json-patch+json"),
    ],
    ids=["merge", "strategic", "json"],
)
@pytest.mark.parametrize("path", [EXTENSIONS, BETA1])
def test_patches_meet_the_object_in_the_form_of_their_version(path: str, patch: Any, content_type: str) -> None:
    async def tale(api: Api) -> None:
        made = await api("POST", path, a_deployment())
        patched = await api("PATCH", f"{path}/web", patch, content_type)
        assert patched["spec"] == {**made["spec"], "replicas": 3}
        assert patched["apiVersion"] == made["apiVersion"]
        assert patched["metadata"]["generation"] == 2

    story(tale)


def test_rollback_to_is_a_field_here_and_an_annotation_there() -> None:
    async def tale(api: Api) -> None:
        await api("POST", EXTENSIONS, a_deployment())
        patched = await api("PATCH", f"{EXTENSIONS}/web", {"spec": {"rollbackTo": {"revision": 7}}}, MERGE)
        assert patched["spec"]["rollbackTo"] == {"revision": 7}
        assert "annotations" not in patched["metadata"]
        now = await api("GET", f"{NOW}/web")
        assert now["metadata"]["annotations"] == {ROLLBACK_TO: "7"}
        assert "rollbackTo" not in now["spec"]
        put = await api("PUT", f"{EXTENSIONS}/web", {**patched, "spec": {**patched["spec"], "rollbackTo": None}})
        assert "rollbackTo" not in put["spec"]
        assert "annotations" not in (await api("GET", f"{NOW}/web"))["metadata"]

    story(tale)


@pytest.mark.parametrize("path", [EXTENSIONS, BETA1])
def test_a_rollback_is_asked_for(path: str) -> None:
    async def tale(api: Api) -> None:
        await api("POST", path, a_deployment())
        body = {"name": "web", "rollbackTo": {"revision": 0}, "updatedAnnotations": {"why": "bad"}}
        assert await api("POST", f"{path}/web/rollback", body) == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "message": 'rollback request for deployment "web" succeeded',
            "code": 200,
        }
        stored = await api("GET", f"{NOW}/web")
        assert stored["metadata"]["annotations"] == {"why": "bad", ROLLBACK_TO: "0"}
        assert stored["metadata"]["generation"] == 1
        assert (await api("GET", f"{path}/web"))["spec"]["rollbackTo"] == {}

    story(tale)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 422, 'DeploymentRollback.extensions "" is invalid: name: Required value: name is required'),
        ({"name": "other"}, 400, "name in URL does not match name in DeploymentRollback object"),
        (
            {"name": "web", "rollbackTo": {"revision": -1}},
            422,
            'DeploymentRollback.extensions "web" is invalid: rollback.version: Invalid value: -1: must be greater than '
            "or equal to 0",
        ),
        ({"name": "web", "updatedAnnotations": {"a b": ""}}, 422, "updatedAnnotations"),
        ({"kind": "Deployment", "name": "web"}, 400, "cannot be handled as a DeploymentRollback"),
        ({"name": "web", "rollbackTo": "1"}, 400, "cannot be handled as a DeploymentRollback"),
    ],
    ids=["no name", "other name", "negative", "annotation", "kind", "undecodable"],
)
def test_rollbacks_that_are_refused(body: JSON, code: int, message: str) -> None:
    async def tale(api: Api) -> None:
        await api("POST", EXTENSIONS, a_deployment())
        error = await refused(api("POST", f"{EXTENSIONS}/web/rollback", body))
        assert error.code == code
        assert message in error.message
        assert ROLLBACK_TO not in objects.annotations(await api("GET", f"{NOW}/web"))

    story(tale)


def test_who_is_not_there_is_not_found_in_the_group_that_was_asked() -> None:
    async def tale(api: Api) -> None:
        for path, named in ((EXTENSIONS, "deployments.extensions"), (BETA1, "deployments.apps")):
            error = await refused(api("POST", f"{path}/web/rollback", {"name": "web"}))
            assert (error.code, error.message) == (404, f'{named} "web" not found')
            assert error.status["details"]["group"] == named.partition(".")[2]
        assert (await refused(api("POST", f"{NOW}/web/rollback", {"name": "web"}))).code == 404
        assert (await refused(api("POST", f"{BETA2}/web/rollback", {"name": "web"}))).code == 404

    story(tale)


def test_scale_has_a_form_of_its_own() -> None:
    async def tale(api: Api) -> None:
        await api("POST", EXTENSIONS, a_deployment(replicas=2))
        scale = await api("GET", f"{EXTENSIONS}/web/scale")
        assert (scale["kind"], scale["apiVersion"]) == ("Scale", "extensions/v1beta1")
        assert scale["status"] == {"replicas": 0, "selector": {"app": "web"}, "targetSelector": "app=web"}
        put = await api("PUT", f"{EXTENSIONS}/web/scale", {**scale, "spec": {"replicas": 5}})
        assert put["spec"] == {"replicas": 5}
        patch = {"apiVersion": "extensions/v1beta1", "kind": "Scale", "spec": {"replicas": 6}}
        assert (await api("PATCH", f"{EXTENSIONS}/web/scale", patch, MERGE))["spec"] == {"replicas": 6}
        assert (await api("GET", f"{NOW}/web"))["spec"]["replicas"] == 6

    story(tale)


def test_lists_and_watches_show_the_old_form() -> None:
    async def tale(api: Api) -> None:
        await api("POST", NOW, a_deployment(selector={"matchLabels": {"app": "web"}}))
        listed = await api("GET", EXTENSIONS)
        assert (listed["kind"], listed["apiVersion"]) == ("DeploymentList", "extensions/v1beta1")
        assert [one["apiVersion"] for one in listed["items"]] == ["extensions/v1beta1"]
        watch = api.transport.watch(Request("GET", EXTENSIONS, {"watch": "1", "timeoutSeconds": "60"}))
        async with contextlib.aclosing(watch):
            first = await anext(watch)
            assert (first.type, first.object["apiVersion"]) == ("ADDED", "extensions/v1beta1")
            await api("PATCH", f"{EXTENSIONS}/web", {"spec": {"rollbackTo": {"revision": 2}}}, MERGE)
            second = await anext(watch)
            assert (second.type, second.object["spec"]["rollbackTo"]) == ("MODIFIED", {"revision": 2})

    story(tale)


@pytest.mark.parametrize(("path", "orphaned"), [(EXTENSIONS, True), (BETA1, True), (BETA2, True), (NOW, False)])
def test_whether_dependents_are_left_alone(path: str, orphaned: bool) -> None:
    async def tale(api: Api) -> None:
        await api("POST", path, a_deployment(selector={"matchLabels": {"app": "web"}}))
        await api("DELETE", f"{path}/web")
        if orphaned:
            assert (await api("GET", f"{path}/web"))["metadata"]["finalizers"] == ["orphan"]
        else:
            assert (await refused(api("GET", f"{path}/web"))).code == 404

    story(tale)


def test_strict_validation_knows_the_fields_of_the_version() -> None:
    async def tale(api: Api) -> None:
        async def create(path: str) -> JSON:
            obj = a_deployment(selector={"matchLabels": {"app": "web"}}, rollbackTo={"revision": 1})
            return await api("POST", f"{path}?fieldValidation=Strict&dryRun=All", obj)

        assert (await create(EXTENSIONS))["spec"]["rollbackTo"] == {"revision": 1}
        for path in (NOW, BETA2):
            assert 'unknown field "spec.rollbackTo"' in (await refused(create(path))).message

    story(tale)


def test_server_side_apply_creates_with_the_defaults_of_the_version() -> None:
    async def tale(api: Api) -> None:
        given = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", **a_deployment()}
        path = f"{EXTENSIONS}/web?fieldManager=me"
        made = await api("PATCH", path, given, "application/apply-patch+yaml")
        assert made["spec"]["selector"] == {"matchLabels": {"app": "web"}}
        assert made["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 1}
        given["spec"]["replicas"] = 3
        assert (await api("PATCH", path, given, "application/apply-patch+yaml"))["spec"]["replicas"] == 3

    story(tale)


def test_the_generation_of_a_daemon_sets_template() -> None:
    async def tale(api: Api) -> None:
        old = "/apis/extensions/v1beta1/namespaces/default/daemonsets"
        made = await api("POST", old, a_deployment())
        assert made["spec"]["templateGeneration"] == 1
        assert made["spec"]["updateStrategy"] == {"type": "OnDelete"}
        image = {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:1.11"}]}}}
        assert (await api("PATCH", f"{old}/web", {"spec": image}, MERGE))["spec"]["templateGeneration"] == 2
        stored = (await api("GET", f"{old.replace('extensions/v1beta1', 'apps/v1')}/web"))["metadata"]["annotations"]
        assert stored == {"deprecated.daemonset.template.generation": "2"}

    story(tale)


def test_old_versions_come_last_and_leave_short_names_to_the_new() -> None:
    groups = discovery.groups()
    assert groups["apps"] == ["v1", "v1beta2", "v1beta1"]
    assert list(groups)[-1] == "extensions"
    listed = discovery.legacy("/apis/extensions/v1beta1")
    assert listed is not None
    assert [one["name"] for one in listed["resources"]] == [
        "daemonsets",
        "daemonsets/status",
        "deployments",
        "deployments/rollback",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
    ]
    assert not any("shortNames" in one or "categories" in one for one in listed["resources"])
    kinds = {one["name"]: one["kind"] for one in listed["resources"]}
    assert kinds["deployments/rollback"] == "DeploymentRollback"


@pytest.mark.parametrize("version", old_versions.OLD, ids=lambda one: f"{one.plural}.{one.version}.{one.group}")
def test_every_old_version_has_schemas_and_documents(version: OldVersion) -> None:
    schemas = schema_set.load()
    assert schemas.knows(version.group, version.version, version.kind)
    assert schemas.knows(version.group, version.version, version.kind + "List")
    document = openapi.find(f"/openapi/v3/apis/{version.group}/{version.version}", schemas)
    assert document is not None
    operation = document["paths"][f"{version.root}/namespaces/{{namespace}}/{version.plural}/{{name}}"]["patch"]
    assert "fieldValidation" in {one["name"] for one in operation["parameters"]}
    stored = version.stored
    assert (stored.group, stored.version, stored.plural) in {(one.group, one.version, one.plural) for one in ALL}


def test_descriptions_come_from_the_newest_version() -> None:
    docs = schema_set.load().docs
    assert docs["io.k8s.api.extensions.v1beta1.DeploymentSpec"] == docs["io.k8s.api.apps.v1.DeploymentSpec"]


@pytest.mark.parametrize("version", ["extensions/v1beta1", "apps/v1beta2", "apps/v1"])
def test_owners_are_found_where_they_are_stored(version: str) -> None:
    found = old_versions.stored_as({"apiVersion": version, "kind": "ReplicaSet"})
    assert found is not None
    assert found.path("default", "web") == "/apis/apps/v1/namespaces/default/replicasets/web"


def test_nobody_stores_a_version_that_never_was() -> None:
    assert old_versions.stored_as({"apiVersion": "apps/v0", "kind": "ReplicaSet"}) is None


def test_managed_fields_name_the_version_that_was_written() -> None:
    async def tale(api: Api) -> None:
        await api("POST", f"{EXTENSIONS}?fieldManager=creator", a_deployment())
        await api("PATCH", f"{BETA1}/web?fieldManager=patcher", {"spec": {"replicas": 3}}, MERGE)
        stored = await api("PATCH", f"{NOW}/web?fieldManager=newcomer", {"spec": {"paused": True}}, MERGE)
        assert {one["manager"]: one["apiVersion"] for one in stored["metadata"]["managedFields"]} == {
            "creator": "extensions/v1beta1",
            "patcher": "apps/v1beta1",
            "newcomer": "apps/v1",
        }

    story(tale)
