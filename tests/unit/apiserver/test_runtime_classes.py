"""Runtime classes: what they have to be, and what Pods get from them."""

from typing import Any

import pytest

from seatrial.api.registry import PODS, RUNTIME_CLASSES
from seatrial.base.types import JSON
from seatrial.workloads import tolerations
from unit.apiserver.registry_world import World, pod, refused, tell

SCHEDULING = {
    "nodeSelector": {"sandbox": "kata"},
    "tolerations": [{"key": "sandbox", "operator": "Exists", "effect": "NoSchedule"}],
}


def a_class(name: str = "kata", **more: Any) -> JSON:
    return {"metadata": {"name": name}, "handler": "kata", **more}


def test_a_pod_has_the_overhead_and_the_places_of_its_class() -> None:
    async def story(world: World) -> None:
        overhead = {"podFixed": {"cpu": "0.25", "memory": "120Mi"}}
        await world.make(RUNTIME_CLASSES, a_class(overhead=overhead, scheduling=SCHEDULING))
        spec = (await world.make(PODS, pod("p", runtimeClassName="kata", nodeSelector={"disk": "ssd"})))["spec"]
        assert spec["overhead"] == {"cpu": "250m", "memory": "120Mi"}
        assert spec["nodeSelector"] == {"disk": "ssd", "sandbox": "kata"}
        assert SCHEDULING["tolerations"][0] in spec["tolerations"]
        same = await world.make(PODS, pod("q", runtimeClassName="kata", overhead={"cpu": "250m", "memory": "120Mi"}))
        assert same["spec"]["overhead"] == spec["overhead"]

    tell(story)


def test_a_class_without_overhead_and_places_changes_nothing() -> None:
    async def story(world: World) -> None:
        await world.make(RUNTIME_CLASSES, a_class())
        spec = (await world.make(PODS, pod("p", runtimeClassName="kata")))["spec"]
        assert "overhead" not in spec
        assert "nodeSelector" not in spec

    tell(story)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param(
            {"runtimeClassName": "gvisor"}, 'pod rejected: RuntimeClass "gvisor" not found', id="a class unknown"
        ),
        pytest.param(
            {"runtimeClassName": "kata", "overhead": {"cpu": "1"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
            id="another overhead",
        ),
        pytest.param(
            {"overhead": {"cpu": "1"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
            id="an overhead of its own",
        ),
        pytest.param(
            {"runtimeClassName": "kata", "nodeSelector": {"sandbox": "none"}},
            "conflict: runtimeClass.scheduling.nodeSelector[sandbox] = kata; pod.spec.nodeSelector[sandbox] = none",
            id="another place",
        ),
    ],
)
def test_a_pod_that_contradicts_its_class_is_refused(spec: JSON, why: str) -> None:
    async def story(world: World) -> None:
        await world.make(RUNTIME_CLASSES, a_class(overhead={"podFixed": {"cpu": "250m"}}, scheduling=SCHEDULING))
        error = await refused(world.make(PODS, pod("p", **spec)))
        assert (error.code, error.message) == (403, f'pods "p" is forbidden: {why}')

    tell(story)


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        ({"metadata": {"name": "x"}}, 'handler: Invalid value: ""'),
        (a_class(handler="Kata"), "handler: Invalid value"),
        (a_class(overhead={"podFixed": {"cpu": "-1"}}), "overhead.limits[cpu]: Invalid value"),
        (a_class(scheduling={"nodeSelector": {"a b": "c"}}), "scheduling.nodeSelector"),
        (a_class(scheduling={"tolerations": [{"operator": "Perhaps"}]}), "scheduling.tolerations[0]"),
    ],
)
def test_a_class_has_to_make_sense(obj: JSON, told: str) -> None:
    async def story(world: World) -> None:
        assert told in (await refused(world.make(RUNTIME_CLASSES, obj))).message

    tell(story)


def test_the_handler_of_a_class_stays_and_updates_name_their_version() -> None:
    async def story(world: World) -> None:
        made = await world.make(RUNTIME_CLASSES, a_class())
        error = await refused(world.put(RUNTIME_CLASSES, {**made, "handler": "runc"}))
        assert 'handler: Invalid value: "runc": field is immutable' in error.message
        metadata = {**made["metadata"], "resourceVersion": None}
        error = await refused(world.put(RUNTIME_CLASSES, {**made, "metadata": metadata}))
        assert "must be specified for an update" in error.message

    tell(story)


def test_the_row_shows_the_handler() -> None:
    obj = {"metadata": {"name": "kata", "creationTimestamp": "1970-01-01T00:00:00Z"}, "handler": "kata-qemu"}
    assert list(RUNTIME_CLASSES.row(obj, 9)) == ["kata", "kata-qemu", "9s"]


ALL: JSON = {"operator": "Exists"}
KEY: JSON = {"key": "a", "operator": "Equal", "value": "1", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        pytest.param([KEY], [KEY], [KEY], id="equal ones"),
        pytest.param([KEY], [ALL], [ALL], id="a wider one comes later"),
        pytest.param([ALL], [KEY], [ALL], id="a wider one was there"),
        pytest.param([KEY], [{**KEY, "value": "2"}], [KEY, {**KEY, "value": "2"}], id="another value"),
        pytest.param([KEY], [{**KEY, "effect": ""}], [{**KEY, "effect": ""}], id="all effects"),
        pytest.param(
            [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
            [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
            [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
            id="for longer",
        ),
    ],
)
def test_tolerations_that_others_cover_are_left_out(first: list[JSON], second: list[JSON], merged: list[JSON]) -> None:
    assert tolerations.merged(first, second) == merged
