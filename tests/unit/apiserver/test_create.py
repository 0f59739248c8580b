"""Creating objects: metadata, names, decoding, admission, dry runs (spec: api.md §5, §7)."""

import asyncio
import re

import pytest

from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from seatrial.apiserver.admission import chain
from seatrial.apiserver.options import WriteOptions
from seatrial.base.types import JSON
from seatrial.machinery import objects
from unit.apiserver.registry_world import NOW, World, config_map, deployment, pod, refused, tell


def test_a_new_object_gets_its_system_fields() -> None:
    async def story(world: World) -> None:
        sent = deployment("web")
        sent["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z"}
        made = await world.make(DEPLOYMENTS, sent)
        metadata = made["metadata"]
        assert list(made)[:3] == ["kind", "apiVersion", "metadata"]
        assert list(metadata)[:6] == ["name", "namespace", "uid", "generation", "creationTimestamp", "resourceVersion"]
        assert (metadata["generation"], metadata["creationTimestamp"]) == (1, NOW)
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", metadata["uid"])
        assert int(metadata["resourceVersion"]) == world.registry.revision
        assert sent["metadata"]["uid"] == "mine", "the caller's object is the caller's"

    tell(story)


def test_encodings_begin_with_kind_and_version() -> None:
    async def story(world: World) -> None:
        record = await world.registry.create(CONFIG_MAPS, "default", {"data": {"a": "b"}, "metadata": {"name": "x"}})
        assert record.data.startswith(
            b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","namespace":"default",'
        )

    tell(story)


def test_status_is_not_taken_from_the_client() -> None:
    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, {**deployment("web"), "status": {"replicas": 7}})
        assert made.get("status") == {}

    tell(story)


def test_a_name_is_generated_and_tried_again_when_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        suffixes = iter(["aaaaa", "aaaaa", "aaaaa", "bbbbb"])
        monkeypatch.setattr(world.env, "new_suffix", lambda length=5: next(suffixes))
        base = {"metadata": {"generateName": "web-"}}
        assert objects.name(await world.make(CONFIG_MAPS, base)) == "web-aaaaa"
        assert objects.name(await world.make(CONFIG_MAPS, base)) == "web-bbbbb"

    tell(story)


def test_a_generated_name_that_is_always_taken_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        tried = []
        monkeypatch.setattr(world.env, "new_suffix", lambda length=5: tried.append(1) or "aaaaa")
        base = {"metadata": {"generateName": "web-"}}
        await world.make(CONFIG_MAPS, base)
        error = await refused(world.make(CONFIG_MAPS, base))
        assert (error.code, error.reason, error.retry_after_seconds) == (409, "AlreadyExists", 1)
        assert error.message == (
            'configmaps "web-aaaaa" already exists, the server was not able to generate a unique name for the object'
        )
        assert len(tried) == 1 + 8

    tell(story)


def test_a_long_base_is_cut() -> None:
    async def story(world: World) -> None:
        name = objects.name(await world.make(CONFIG_MAPS, {"metadata": {"generateName": "x" * 80}}))
        assert len(name) == 63

    tell(story)


def test_what_exists_is_not_created_again() -> None:
    async def story(world: World) -> None:
        await world.make(CONFIG_MAPS, config_map("x"))
        error = await refused(world.make(CONFIG_MAPS, config_map("x")))
        assert (error.code, error.reason) == (409, "AlreadyExists")
        assert error.message == 'configmaps "x" already exists'
        held = config_map("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await world.make(CONFIG_MAPS, held)
        await world.registry.delete(CONFIG_MAPS, "default", "held")
        error = await refused(world.make(CONFIG_MAPS, config_map("held")))
        assert error.message == 'object is being deleted: configmaps "held" already exists'

    tell(story)


REFUSALS = {
    "a resourceVersion": (
        CONFIG_MAPS,
        {"metadata": {"name": "x", "resourceVersion": "5"}},
        500,
        "resourceVersion should not be set on objects to be created",
    ),
    "no name": (
        CONFIG_MAPS,
        {"metadata": {}},
        422,
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ),
    "another namespace": (
        CONFIG_MAPS,
        {"metadata": {"name": "x", "namespace": "other"}},
        400,
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    "another version": (
        CONFIG_MAPS,
        {"apiVersion": "v2", "metadata": {"name": "x"}},
        400,
        "the API version in the data (v2) does not match the expected API version (v1)",
    ),
    "another kind": (
        CONFIG_MAPS,
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}},
        400,
        'Pod in version "v1" cannot be handled as a ConfigMap: '
        "converting (v1.Pod) to (core.ConfigMap): unknown conversion",
    ),
    "a wrong type": (
        CONFIG_MAPS,
        {"metadata": {"name": "x"}, "data": {"a": 1}},
        400,
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
    ),
    "a priority class that is not there": (
        PODS,
        pod("p", priorityClassName="vip"),
        403,
        'pods "p" is forbidden: no PriorityClass with name vip was found',
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_makes_no_sense_is_refused_in_kubernetes_words(name: str) -> None:
    resource, obj, code, message = REFUSALS[name]

    async def story(world: World) -> None:
        error = await refused(world.make(resource, obj))
        assert (error.code, error.message) == (code, message)

    tell(story)


def test_an_invalid_object_is_told_by_cause() -> None:
    async def story(world: World) -> None:
        broken = deployment("web", replicas=-1)
        broken["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
        error = await refused(world.make(DEPLOYMENTS, broken))
        assert (error.code, error.reason) == (422, "Invalid")
        fields = {cause["field"] for cause in error.causes}
        assert {"spec.replicas", "spec.template.metadata.labels"} <= fields

    tell(story)


UNKNOWN: JSON = {"metadata": {"name": "x"}, "data": {"a": "b"}, "dta": {}}


def test_unknown_fields_are_dropped_warned_of_or_refused() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, UNKNOWN)
        assert "dta" not in made
        assert world.warnings == ['unknown field "dta"']
        world.warnings.clear()
        await world.make(CONFIG_MAPS, UNKNOWN | {"metadata": {"name": "y"}}, field_validation="Ignore")
        assert world.warnings == []
        error = await refused(world.make(CONFIG_MAPS, UNKNOWN, field_validation="Strict", duplicate_fields=("data.a",)))
        assert (error.code, error.message) == (
            400,
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
            'strict decoding error: unknown field "dta", duplicate field "data.a"',
        )

    tell(story)


def test_a_dry_run_does_everything_but_store() -> None:
    async def story(world: World) -> None:
        before = world.registry.revision
        made = await world.make(PODS, pod("p"), dry_run=True)
        assert made["spec"]["restartPolicy"] == "Always"
        assert "resourceVersion" not in made["metadata"]
        assert await world.now(PODS, "p") is None
        assert world.registry.revision == before
        await world.make(PODS, pod("p"))
        assert (await refused(world.make(PODS, pod("p"), dry_run=True))).reason == "AlreadyExists"

    tell(story)


def test_equal_owners_are_kept_once_with_a_warning() -> None:
    async def story(world: World) -> None:
        owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
        obj = config_map("x")
        obj["metadata"]["ownerReferences"] = [owner, dict(owner)]
        made = await world.make(CONFIG_MAPS, obj)
        assert made["metadata"]["ownerReferences"] == [owner]
        assert "duplicate entries" in world.warnings[0]

    tell(story)


def test_nothing_is_created_in_a_namespace_that_is_not_there_or_goes_away() -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(CONFIG_MAPS, config_map("x"), "nowhere"))
        assert (error.code, error.message) == (404, 'namespaces "nowhere" not found')
        await world.make(NAMESPACES, {"metadata": {"name": "old"}})
        await world.registry.delete(NAMESPACES, "", "old")
        error = await refused(world.make(CONFIG_MAPS, config_map("x"), "old"))
        assert (error.code, error.message) == (
            403,
            'configmaps "x" is forbidden: unable to create new content in namespace old because it is being terminated',
        )
        assert error.causes[0] == {
            "reason": "NamespaceTerminating",
            "message": "namespace old is being terminated",
            "field": "metadata.namespace",
        }

    tell(story)


def test_a_pod_gets_account_priority_and_tolerations() -> None:
    async def story(world: World) -> None:
        tolerates = [{"operator": "Exists", "key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]
        spec = (await world.make(PODS, pod("p", tolerations=tolerates)))["spec"]
        assert (spec["serviceAccountName"], spec["priority"]) == ("default", 0)
        assert spec["preemptionPolicy"] == "PreemptLowerPriority"
        keys = [(toleration["key"], toleration.get("tolerationSeconds")) for toleration in spec["tolerations"]]
        assert keys == [("node.kubernetes.io/not-ready", None), ("node.kubernetes.io/unreachable", 300)]
        critical = await world.make(PODS, pod("q", priorityClassName="system-node-critical"), "kube-system")
        assert critical["spec"]["priority"] == 2_000_001_000

    tell(story)


def test_a_pods_account_must_be_there_where_a_controller_makes_them() -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(PODS, pod("p", serviceAccountName="robot")))
        assert (error.code, error.message) == (
            403,
            'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found',
        )
        waiting = asyncio.create_task(world.make(PODS, pod("p")))
        await asyncio.sleep(0)
        assert not waiting.done()
        await world.make(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}})
        assert objects.name(await waiting) == "p"

    tell(story, plugins=chain.WITH_EXISTING_ACCOUNTS)


def test_managers_own_the_fields_they_write() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x", a="1"), field_manager="kubectl")
        entry = made["metadata"]["managedFields"][0]
        assert (entry["manager"], entry["operation"], entry["time"]) == ("kubectl", "Update", NOW)
        assert entry["fieldsV1"] == {"f:data": {".": {}, "f:a": {}}}
        changed = {**made, "data": {"a": "2"}}
        updated = await world.put(CONFIG_MAPS, changed, options=WriteOptions(field_manager="editor"))
        assert [entry["manager"] for entry in updated["metadata"]["managedFields"]] == ["editor", "kubectl"]
        untracked = await world.put(
            CONFIG_MAPS, {**config_map("x", a="3"), "metadata": {"name": "x", "namespace": "default"}}
        )
        assert untracked["metadata"]["managedFields"] == updated["metadata"]["managedFields"]

    tell(story)


def test_cluster_scoped_objects_have_no_namespace() -> None:
    async def story(world: World) -> None:
        made = await world.make(NODES, {"metadata": {"name": "n", "namespace": "default"}})
        assert "namespace" not in made["metadata"]

    tell(story)
