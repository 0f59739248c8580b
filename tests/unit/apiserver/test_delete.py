"""Deleting: grace periods, finalizers, propagation, preconditions, namespaces (spec: api.md §5, volumes-rbd.md §6)."""

from typing import Any

import pytest

from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICATION_CONTROLLERS, SECRETS
from seatrial.api.resource import Resource
from seatrial.apiserver import selection
from seatrial.apiserver.options import DeleteOptions
from seatrial.apiserver.registry import Deleted
from seatrial.apiserver.subresources import finalize
from seatrial.base.types import JSON
from seatrial.machinery import objects
from unit.apiserver.registry_world import World, config_map, deployment, pod, refused, tell

FOREGROUND = DeleteOptions(propagation_policy="Foreground")


async def delete(world: World, resource: Resource, name: str, **options: Any) -> Deleted:
    namespace = "default" if resource.namespaced else ""
    return await world.registry.delete(resource, namespace, name, DeleteOptions(**options))


async def running(world: World, name: str, **spec: Any) -> JSON:
    """A Pod on a node, so that it ends in its own time."""
    made = await world.make(PODS, pod(name, nodeName="n1", **spec))
    return await world.put(PODS, {**made, "status": {**made["status"], "phase": "Running"}}, "status")


def test_what_nothing_holds_goes_at_once() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x"))
        answer = await delete(world, CONFIG_MAPS, "x")
        assert (answer.record, answer.gone) == (None, True)
        assert answer.status["details"] == {"name": "x", "kind": "configmaps", "uid": objects.uid(made)}
        assert answer.status["status"] == "Success"
        error = await refused(delete(world, CONFIG_MAPS, "x"))
        assert (error.code, error.message) == (404, 'configmaps "x" not found')

    tell(story)


def test_a_finished_pod_that_its_node_removes_meanwhile_is_deleted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(world: World) -> None:
        made = await running(world, "done")
        await world.put(PODS, {**made, "status": {**made["status"], "phase": "Succeeded"}}, "status")
        store = world.registry.store
        mark = store.update

        async def mark_and_be_seen(key: str, obj: JSON, revision: int) -> Any:
            marked = await mark(key, obj, revision)
            await store.delete(key, marked.revision)
            return marked

        monkeypatch.setattr(store, "update", mark_and_be_seen)
        answer = await delete(world, PODS, "done")
        assert answer.gone
        assert answer.record is not None
        assert answer.record.object["metadata"]["deletionGracePeriodSeconds"] == 0
        assert await world.now(PODS, "done") is None

    tell(story)


def test_a_finalizer_holds_an_object_until_it_is_taken_away() -> None:
    async def story(world: World) -> None:
        sent = deployment("web")
        sent["metadata"]["finalizers"] = ["example.com/hold"]
        await world.make(DEPLOYMENTS, sent)
        answer = await delete(world, DEPLOYMENTS, "web")
        assert answer.record is not None
        metadata = answer.record.object["metadata"]
        assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2025-01-01T00:00:00Z", 0)
        assert (metadata["generation"], answer.gone) == (2, False)
        world.seconds = 60
        again = await delete(world, DEPLOYMENTS, "web")
        assert again.record is not None
        assert again.record.object["metadata"]["deletionTimestamp"] == "2025-01-01T00:00:00Z"
        assert again.record.revision == answer.record.revision, "what changes nothing is not written, and not told"
        held = objects.copy(again.record.object)
        held["metadata"]["finalizers"] = ["example.com/hold", "example.com/more"]
        error = await refused(world.put(DEPLOYMENTS, held))
        assert error.causes[0]["reason"] == "FieldValueForbidden"
        held["metadata"]["finalizers"] = []
        watch = world.registry.watch(DEPLOYMENTS, "default", resource_version=str(world.registry.revision))
        gone = await world.put(DEPLOYMENTS, held)
        assert "finalizers" not in gone["metadata"]
        assert await world.now(DEPLOYMENTS, "web") is None
        assert [change.type for change in watch.drain()] == ["DELETED"]

    tell(story)


@pytest.mark.parametrize(
    ("resource", "options", "finalizers"),
    [
        pytest.param(DEPLOYMENTS, {"propagation_policy": "Foreground"}, ["foregroundDeletion"], id="foreground"),
        pytest.param(DEPLOYMENTS, {"propagation_policy": "Orphan"}, ["orphan"], id="orphan"),
        pytest.param(DEPLOYMENTS, {"orphan_dependents": True}, ["orphan"], id="orphanDependents"),
        pytest.param(DEPLOYMENTS, {"propagation_policy": "Background"}, None, id="background"),
        pytest.param(DEPLOYMENTS, {}, None, id="default of deployments"),
        pytest.param(REPLICATION_CONTROLLERS, {}, ["orphan"], id="default of replication controllers"),
        pytest.param(REPLICATION_CONTROLLERS, {"orphan_dependents": False}, None, id="orphanDependents false"),
    ],
)
def test_propagation_is_left_to_the_garbage_collector(
    resource: Resource, options: dict[str, Any], finalizers: list[str] | None
) -> None:
    async def story(world: World) -> None:
        sent = deployment("web")
        if resource is REPLICATION_CONTROLLERS:
            sent["spec"]["selector"] = {"app": "web"}
        await world.make(resource, sent)
        answer = await delete(world, resource, "web", **options)
        if finalizers is None:
            assert answer.gone
        else:
            assert answer.record is not None
            assert answer.record.object["metadata"]["finalizers"] == finalizers

    tell(story)


def test_options_that_contradict_each_other_are_invalid() -> None:
    async def story(world: World) -> None:
        await world.make(CONFIG_MAPS, config_map("x"))
        error = await refused(delete(world, CONFIG_MAPS, "x", propagation_policy="Orphan", orphan_dependents=True))
        assert error.message == (
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": '
            "orphanDependents and deletionPropagation cannot be both set"
        )
        error = await refused(delete(world, CONFIG_MAPS, "x", propagation_policy="Gently"))
        assert error.causes[0]["reason"] == "FieldValueNotSupported"

    tell(story)


def test_preconditions_guard_against_another_object() -> None:
    async def story(world: World) -> None:
        made = await world.make(CONFIG_MAPS, config_map("x"))
        error = await refused(delete(world, CONFIG_MAPS, "x", uid="other"))
        assert (error.code, error.message) == (
            409,
            'Operation cannot be fulfilled on ConfigMap "x": the UID in the precondition (other) does not match the '
            f"UID in record ({objects.uid(made)}). The object might have been deleted and then recreated",
        )
        error = await refused(delete(world, CONFIG_MAPS, "x", resource_version="1"))
        assert "the ResourceVersion in the precondition (1) does not match" in error.message
        version = made["metadata"]["resourceVersion"]
        assert (await delete(world, CONFIG_MAPS, "x", uid=objects.uid(made), resource_version=version)).gone

    tell(story)


def test_a_running_pod_gets_its_grace_period_which_can_only_shrink() -> None:
    async def story(world: World) -> None:
        await running(world, "p")
        answer = await delete(world, PODS, "p")
        assert answer.record is not None
        metadata = answer.record.object["metadata"]
        assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2025-01-01T00:00:30Z", 30)
        world.seconds = 5
        revision = world.registry.revision
        for longer in (None, 30, 60):
            same = await delete(world, PODS, "p", grace_period_seconds=longer)
            assert same.record is not None
            assert same.record.revision == revision
        shorter = await delete(world, PODS, "p", grace_period_seconds=10)
        assert shorter.record is not None
        metadata = shorter.record.object["metadata"]
        assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == ("2025-01-01T00:00:10Z", 10)
        forced = await delete(world, PODS, "p", grace_period_seconds=0)
        assert forced.gone
        assert forced.record is not None
        assert forced.record.object["metadata"]["deletionGracePeriodSeconds"] == 0
        assert await world.now(PODS, "p") is None

    tell(story)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_goes_at_once(phase: str) -> None:
    async def story(world: World) -> None:
        made = await running(world, "p")
        await world.put(PODS, {**made, "status": {"phase": phase}}, "status")
        assert (await delete(world, PODS, "p")).gone

    tell(story)


def test_a_pod_on_no_node_goes_at_once_and_watchers_see_both_steps() -> None:
    async def story(world: World) -> None:
        await world.make(PODS, pod("p"))
        watch = world.registry.watch(PODS, "default", resource_version=str(world.registry.revision))
        assert (await delete(world, PODS, "p")).gone
        assert [change.type for change in watch.drain()] == ["MODIFIED", "DELETED"]

    tell(story)


def test_a_pod_with_a_finalizer_outlives_its_grace_period() -> None:
    async def story(world: World) -> None:
        sent = pod("p", nodeName="n1")
        sent["metadata"]["finalizers"] = ["example.com/hold"]
        await world.make(PODS, sent)
        assert not (await delete(world, PODS, "p")).gone
        last = await delete(world, PODS, "p", grace_period_seconds=0)
        assert not last.gone
        assert last.record is not None
        held = objects.copy(last.record.object)
        held["metadata"]["finalizers"] = []
        await world.put(PODS, held)
        assert await world.now(PODS, "p") is None

    tell(story)


def test_finalizers_of_a_pod_in_its_grace_period_do_not_end_it() -> None:
    async def story(world: World) -> None:
        sent = pod("p", nodeName="n1")
        sent["metadata"]["finalizers"] = ["example.com/hold"]
        await world.make(PODS, sent)
        answer = await delete(world, PODS, "p")
        assert answer.record is not None
        freed = objects.copy(answer.record.object)
        freed["metadata"]["finalizers"] = []
        await world.put(PODS, freed)
        assert await world.now(PODS, "p") is not None

    tell(story)


def test_a_negative_grace_period_is_a_second() -> None:
    async def story(world: World) -> None:
        await running(world, "p")
        answer = await delete(world, PODS, "p", grace_period_seconds=-1)
        assert answer.record is not None
        assert answer.record.object["metadata"]["deletionGracePeriodSeconds"] == 1

    tell(story)


def test_a_dry_run_deletes_nothing() -> None:
    async def story(world: World) -> None:
        made = await running(world, "p")
        answer = await delete(world, PODS, "p", dry_run=True)
        assert answer.record is not None
        assert objects.is_terminating(answer.record.object)
        assert await world.now(PODS, "p") == made
        await world.make(CONFIG_MAPS, config_map("x"))
        assert (await delete(world, CONFIG_MAPS, "x", dry_run=True)).gone
        assert await world.now(CONFIG_MAPS, "x") is not None

    tell(story)


def test_a_namespace_is_held_until_it_is_finalized() -> None:
    async def story(world: World) -> None:
        await world.make(NAMESPACES, {"metadata": {"name": "team"}})
        answer = await delete(world, NAMESPACES, "team")
        assert answer.record is not None
        terminating = answer.record.object
        assert terminating["status"]["phase"] == "Terminating"
        assert terminating["spec"]["finalizers"] == ["kubernetes"]
        assert not (await delete(world, NAMESPACES, "team")).gone
        await finalize.update(world.registry, NAMESPACES, "", "team", {**terminating, "spec": {"finalizers": []}})
        assert await world.now(NAMESPACES, "team") is None

    tell(story)


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_are_for_ever(name: str) -> None:
    async def story(world: World) -> None:
        error = await refused(delete(world, NAMESPACES, name))
        assert (error.code, error.message) == (
            403,
            f'namespaces "{name}" is forbidden: this namespace may not be deleted',
        )

    tell(story)


def test_a_collection_is_deleted_as_far_as_it_is_selected() -> None:
    async def story(world: World) -> None:
        for name in ("a", "b", "c"):
            sent = config_map(name)
            sent["metadata"]["labels"] = {"keep": "yes" if name == "b" else "no"}
            await world.make(CONFIG_MAPS, sent)
        await world.make(CONFIG_MAPS, config_map("other"), "kube-public")
        gone = await world.registry.delete_collection(CONFIG_MAPS, "default", selection.parse("keep=no"))
        assert [objects.name(record.object) for record in gone] == ["a", "c"]
        left = await world.registry.list(CONFIG_MAPS)
        assert [objects.name(record.object) for record in left.records] == ["b", "other"]
        assert await world.registry.delete_collection(SECRETS, "default") == []

    tell(story)
