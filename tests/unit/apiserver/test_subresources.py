"""scale, binding and eviction (spec: api.md §8)."""

from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, PODS
from seatrial.apiserver.options import WriteOptions
from seatrial.apiserver.patching import MERGE_PATCH
from seatrial.apiserver.subresources import binding, eviction, scale
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from unit.apiserver.registry_world import NOW, World, deployment, pod, refused, tell


def test_a_scale_shows_what_is_wanted_and_what_is_there() -> None:
    async def story(world: World) -> None:
        made = await world.make(DEPLOYMENTS, deployment("web", replicas=3))
        await world.put(DEPLOYMENTS, {**made, "status": {"replicas": 2}}, "status")
        shown = await scale.get(world.registry, DEPLOYMENTS, "default", "web")
        assert (shown["kind"], shown["apiVersion"]) == ("Scale", "autoscaling/v1")
        assert (shown["spec"], shown["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "app=web"})
        assert objects.uid(shown) == objects.uid(made)

    tell(story)


def test_a_scale_is_written_through_to_the_object() -> None:
    async def story(world: World) -> None:
        await world.make(DEPLOYMENTS, deployment("web", replicas=3))
        body: JSON = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": 5}}
        shown = await scale.update(world.registry, DEPLOYMENTS, "default", "web", body)
        assert shown["spec"] == {"replicas": 5}
        found = await world.now(DEPLOYMENTS, "web")
        assert found is not None
        assert (found["spec"]["replicas"], objects.generation(found)) == (5, 2)
        patch = {"spec": {"replicas": 0}}
        shown = await scale.patch(world.registry, DEPLOYMENTS, "default", "web", patch, MERGE_PATCH)
        assert shown["spec"] == {}

    tell(story)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(
            {"spec": {"replicas": -1}},
            422,
            'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            id="negative",
        ),
        pytest.param({"metadata": {"resourceVersion": "1"}}, 409, "Operation cannot be fulfilled on", id="stale"),
        pytest.param(
            {"spec": {"replicas": "x"}},
            400,
            'Scale in version "v1" cannot be handled as a Scale: ',
            id="no number",
        ),
    ],
)
def test_a_scale_that_can_not_be_is_refused(change: JSON, code: int, message: str) -> None:
    async def story(world: World) -> None:
        await world.make(DEPLOYMENTS, deployment("web"))
        body: JSON = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": 1}}
        body = {**body, **change, "metadata": {**body["metadata"], **change.get("metadata", {})}}
        error = await refused(scale.update(world.registry, DEPLOYMENTS, "default", "web", body))
        assert error.code == code
        assert error.message.startswith(message)

    tell(story)


def to(node: str, name: str = "p", **metadata: Any) -> JSON:
    return {"metadata": {"name": name, **metadata}, "target": {"kind": "Node", "name": node}}


def test_a_pod_is_bound_once() -> None:
    async def story(world: World) -> None:
        await world.make(PODS, pod("p"))
        answer = await binding.create(world.registry, PODS, "default", "p", to("n1", annotations={"by": "me"}))
        assert (answer["status"], answer["code"]) == ("Success", 201)
        bound = await world.now(PODS, "p")
        assert bound is not None
        assert (bound["spec"]["nodeName"], objects.annotations(bound)) == ("n1", {"by": "me"})
        assert conditions.find(bound, "PodScheduled") == {
            "type": "PodScheduled",
            "status": "True",
            "lastTransitionTime": NOW,
        }
        error = await refused(binding.create(world.registry, PODS, "default", "p", to("n2")))
        assert (error.code, error.message) == (
            409,
            'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
        )

    tell(story)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(to("n1", "q"), 400, "name in URL does not match name in Binding object", id="another name"),
        pytest.param(to(""), 500, "target.name: Required value", id="no node"),
        pytest.param(
            to("n1", uid="x"),
            409,
            'Operation cannot be fulfilled on pods/binding "p": Precondition failed: UID in precondition: x',
            id="another pod",
        ),
    ],
)
def test_a_binding_that_can_not_be_is_refused(body: JSON, code: int, message: str) -> None:
    async def story(world: World) -> None:
        await world.make(PODS, pod("p"))
        error = await refused(binding.create(world.registry, PODS, "default", "p", body))
        assert error.code == code
        assert error.message.startswith(message)

    tell(story)


def test_a_dry_run_of_a_binding_binds_nothing() -> None:
    async def story(world: World) -> None:
        made = await world.make(PODS, pod("p"))
        await binding.create(world.registry, PODS, "default", "p", to("n1"), WriteOptions(dry_run=True))
        assert await world.now(PODS, "p") == made

    tell(story)


def test_an_eviction_is_a_deletion() -> None:
    async def story(world: World) -> None:
        await world.make(PODS, pod("p", nodeName="n1"))
        error = await refused(eviction.create(world.registry, PODS, "default", "p", {"metadata": {"name": "q"}}))
        assert error.message == "name in URL does not match name in Eviction object"
        body: JSON = {"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 3}}
        assert (await eviction.create(world.registry, PODS, "default", "p", body))["code"] == 201
        found = await world.now(PODS, "p")
        assert found is not None
        assert found["metadata"]["deletionGracePeriodSeconds"] == 3

    tell(story)
