"""Which cause a new template has: the client's own, or one that is computed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from seatrial.api import schema_set
from seatrial.apiserver.admission import change_cause
from seatrial.apiserver.handlers.call import Call, Stored
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.users import UserInfo
from seatrial.base.types import JSON
from unit.apiserver.registry_world import World, deployment, tell

PATH = "/apis/apps/v1/namespaces/default/deployments"
CAUSE = "kubernetes.io/change-cause"
ALICE = UserInfo("alice")
STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"


class Client:
    """Requests as kubectl sends them, to a cluster that says true causes."""

    def __init__(self, world: World) -> None:
        registry = Registry(world.store, world.env, schema_set.load(), stamp=change_cause.stamp)
        self._handlers = Handlers(registry, world.env)

    async def __call__(
        self,
        method: str,
        body: Any,
        content_type: str = "application/json",
        *,
        command: str = "",
        agent: str = "kubectl/v1.32.4 (linux/amd64) kubernetes/abc",
        query: Mapping[str, str] | None = None,
    ) -> JSON:
        path = PATH if method == "POST" else f"{PATH}/web"
        data = orjson.dumps(body)
        call = Call(method, path, query or {}, ALICE, data, content_type, agent, command=command)
        answer = await self._handlers.handle(call)
        assert isinstance(answer, Stored)
        return answer.record.object


def story(tale: Callable[[Client], Awaitable[None]]) -> None:
    async def whole(world: World) -> None:
        await tale(Client(world))

    tell(whole)


def cause_of(obj: JSON) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get(CAUSE)
    return found


def image(name: str, cause: str | None = None) -> JSON:
    patch: JSON = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": name}]}}}}
    if cause is not None:
        patch["metadata"] = {"annotations": {CAUSE: cause}}
    return patch


def recorded(cause: str) -> JSON:
    made = deployment("web")
    made["metadata"]["annotations"] = {CAUSE: cause}
    return made


def test_a_cause_that_is_given_stands() -> None:
    async def tale(client: Client) -> None:
        assert cause_of(await client("POST", recorded("first"))) == "first"
        assert cause_of(await client("PATCH", image("nginx:2", "second"), STRATEGIC)) == "second"

    story(tale)


def test_a_cause_that_is_not_given_is_computed_not_inherited() -> None:
    async def tale(client: Client) -> None:
        await client("POST", recorded("kubectl create --filename=a.yaml --record=true"))
        set_image = await client("PATCH", image("nginx:1.11"), STRATEGIC, command="kubectl set image")
        assert cause_of(set_image) == "kubectl set image (alice): c nginx:1.10 → nginx:1.11"
        by_curl = await client("PATCH", image("nginx:1.12"), MERGE, agent="curl/8.5.0")
        assert cause_of(by_curl) == "PATCH by curl: c nginx:1.11 → nginx:1.12"

    story(tale)


def test_the_first_revision_has_a_cause_too() -> None:
    async def tale(client: Client) -> None:
        made = await client("POST", deployment("web"), command="kubectl create")
        assert cause_of(made) == "kubectl create (alice): c nginx:1.10"

    story(tale)


def test_a_dry_run_shows_only_what_its_user_changes() -> None:
    async def tale(client: Client) -> None:
        await client("POST", recorded("first"))
        tried = await client("PATCH", image("nginx:2"), STRATEGIC, command="kubectl diff", query={"dryRun": "All"})
        assert cause_of(tried) == "first"

    story(tale)


def test_the_same_cause_given_again_is_given() -> None:
    async def tale(client: Client) -> None:
        await client("POST", recorded("nightly"))
        assert cause_of(await client("PATCH", image("nginx:2", "nightly"), STRATEGIC)) == "nightly"
        pointer = [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:3"},
            {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": "nightly"},
        ]
        assert cause_of(await client("PATCH", pointer, JSON_PATCH)) == "nightly"

    story(tale)


def test_a_whole_object_put_back_with_the_old_cause_gives_none() -> None:
    async def tale(client: Client) -> None:
        made = orjson.loads(orjson.dumps(await client("POST", recorded("first"))))
        made["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
        put = await client("PUT", made, command="kubectl edit")
        assert cause_of(put) == "kubectl edit (alice): c nginx:1.10 → nginx:2"

    story(tale)


def test_other_changes_leave_the_cause_alone() -> None:
    async def tale(client: Client) -> None:
        await client("POST", recorded("first"))
        assert cause_of(await client("PATCH", {"spec": {"replicas": 9}}, MERGE)) == "first"
        assert cause_of(await client("PATCH", {"metadata": {"labels": {"a": "b"}}}, MERGE)) == "first"
        assert cause_of(await client("PATCH", {"metadata": {"annotations": {CAUSE: "said"}}}, MERGE)) == "said"

    story(tale)


def test_a_computed_cause_is_not_true_of_an_undo() -> None:
    async def tale(client: Client) -> None:
        created = await client("POST", deployment("web"), command="kubectl create")
        await client("PATCH", image("nginx:2"), STRATEGIC, command="kubectl set image")
        undo = [
            {"op": "replace", "path": "/spec/template", "value": created["spec"]["template"]},
            {"op": "replace", "path": "/metadata/annotations", "value": {CAUSE: cause_of(created)}},
        ]
        undone = await client("PATCH", undo, JSON_PATCH, command="kubectl rollout undo")
        assert cause_of(undone) == "kubectl rollout undo (alice): c nginx:2 → nginx:1.10"

    story(tale)


def test_an_undo_brings_back_what_people_recorded() -> None:
    async def tale(client: Client) -> None:
        created = await client("POST", recorded("kubectl create -f a.yaml --record"))
        await client("PATCH", image("nginx:2"), STRATEGIC)
        undo = [
            {"op": "replace", "path": "/spec/template", "value": created["spec"]["template"]},
            {"op": "replace", "path": "/metadata/annotations", "value": {CAUSE: cause_of(created)}},
        ]
        undone = await client("PATCH", undo, JSON_PATCH, command="kubectl rollout undo")
        assert cause_of(undone) == "kubectl create -f a.yaml --record"

    story(tale)


def test_nobody_comes_to_own_a_computed_cause() -> None:
    async def tale(client: Client) -> None:
        applied = {"apiVersion": "apps/v1", "kind": "Deployment", **recorded("release 1")}
        query = {"fieldManager": "me"}
        await client("PATCH", applied, APPLY, query=query)
        changed = await client("PATCH", image("nginx:2"), STRATEGIC, query={"fieldManager": "kubectl-set"})
        [entry] = [one for one in changed["metadata"]["managedFields"] if one["manager"] == "kubectl-set"]
        assert "f:metadata" not in entry["fieldsV1"]
        again = orjson.loads(orjson.dumps(applied))
        again["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
        again["metadata"]["annotations"][CAUSE] = "release 2"
        assert cause_of(await client("PATCH", again, APPLY, query=query)) == "release 2"

    story(tale)


def test_an_old_version_is_told_of_in_the_same_way() -> None:
    async def whole(world: World) -> None:
        registry = Registry(world.store, world.env, schema_set.load(), stamp=change_cause.stamp)
        handlers = Handlers(registry, world.env)
        path = "/apis/extensions/v1beta1/namespaces/default/deployments"
        data = orjson.dumps(deployment("web"))
        await handlers.handle(Call("POST", path, {}, ALICE, data, user_agent="curl/8"))
        data = orjson.dumps(image("nginx:2"))
        answer = await handlers.handle(Call("PATCH", f"{path}/web", {}, ALICE, data, STRATEGIC, "curl/8"))
        assert isinstance(answer, Stored)
        assert cause_of(answer.record.object) == "PATCH by curl: c nginx:1.10 → nginx:2"

    tell(whole)
