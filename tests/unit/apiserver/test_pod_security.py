"""Namespaces that say which Pods they take."""

import pytest

from seatrial.api.registry import DEPLOYMENTS, NAMESPACES, PODS
from seatrial.apiserver.admission import pod_security
from seatrial.apiserver.options import WriteOptions
from seatrial.base.types import JSON
from unit.apiserver.registry_world import World, pod, refused, tell

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED = {"name": "c", "image": "web:1", "securityContext": {"privileged": True}}
WHY = 'privileged (container "c" must not set securityContext.privileged=true)'


async def hold(world: World, **labels: str) -> JSON:
    """Put labels on the namespace default; what was said of it is in `warnings`."""
    found = await world.now(NAMESPACES, "default")
    assert found is not None
    marked = {f"{PREFIX}{name.replace('_', '-')}": value for name, value in labels.items()}
    changed = {**found, "metadata": {**found["metadata"], "labels": {**found["metadata"].get("labels", {}), **marked}}}
    return await world.put(NAMESPACES, changed, options=WriteOptions(warn=world.warnings.append))


def a_pod(name: str = "p", *containers: JSON) -> JSON:
    made = pod(name)
    return {**made, "spec": {**made["spec"], "containers": list(containers or (PRIVILEGED,))}}


def a_deployment() -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [PRIVILEGED]}}
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template}}


def test_a_namespace_without_labels_takes_everything() -> None:
    async def story(world: World) -> None:
        await world.make(PODS, a_pod())
        assert world.warnings == []

    tell(story)


def test_a_pod_that_violates_what_is_enforced_is_refused() -> None:
    async def story(world: World) -> None:
        await hold(world, enforce="baseline")
        error = await refused(world.make(PODS, a_pod()))
        assert (error.code, error.reason) == (403, "Forbidden")
        assert error.message == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {WHY}'
        await world.make(PODS, pod("sound"))

    tell(story)


def test_a_deployment_is_taken_with_a_warning() -> None:
    async def story(world: World) -> None:
        await hold(world, enforce="baseline", enforce_version="v1.30")
        await world.make(DEPLOYMENTS, a_deployment())
        assert world.warnings == [f'would violate PodSecurity "baseline:v1.30": {WHY}']

    tell(story)


def test_a_pod_is_taken_with_a_warning_where_nothing_is_enforced() -> None:
    async def story(world: World) -> None:
        await hold(world, warn="baseline")
        await world.make(PODS, a_pod())
        assert world.warnings == [f'would violate PodSecurity "baseline:latest": {WHY}']

    tell(story)


def test_pods_that_are_there_stay_and_are_told_of() -> None:
    async def story(world: World) -> None:
        for name in ("p2", "p1", "p3"):
            await world.make(PODS, a_pod(name))
        await hold(world, enforce="baseline")
        assert world.warnings == [
            'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
            "p1 (and 2 other pods): privileged",
        ]
        kept = await world.now(PODS, "p1")
        assert kept is not None
        kept = await world.put(PODS, {**kept, "metadata": {**kept["metadata"], "labels": {"a": "b"}}})
        image = {**kept["spec"]["containers"][0], "image": "web:2"}
        error = await refused(world.put(PODS, {**kept, "spec": {**kept["spec"], "containers": [image]}}))
        assert error.code == 403

    tell(story)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"enforce": "strict"}, 'Invalid value: "strict": must be one of privileged, baseline, restricted'),
        ({"warn_version": "1.25"}, 'Invalid value: "1.25": must be "latest" or "v1.x"'),
    ],
)
def test_labels_that_make_no_sense_are_refused(labels: dict[str, str], why: str) -> None:
    async def story(world: World) -> None:
        error = await refused(hold(world, **labels))
        assert error.code == 422
        assert why in error.message

    tell(story)


def test_a_level_that_is_no_level_is_the_strictest_where_it_is_enforced() -> None:
    held, errors = pod_security.policy({f"{PREFIX}enforce": "strict", f"{PREFIX}warn": "strict"})
    assert (str(held["enforce"]), str(held["warn"])) == ("restricted:latest", "privileged:latest")
    assert len(errors) == 2
