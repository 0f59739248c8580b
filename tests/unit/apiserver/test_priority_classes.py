"""Priority classes: what Pods get from them, and what may not be."""

from typing import Any

import pytest

from seatrial.api.registry import PODS, PRIORITY_CLASSES
from seatrial.base.types import JSON
from unit.apiserver.registry_world import World, pod, refused, tell


def a_class(name: str = "high", value: int = 1000, **more: Any) -> JSON:
    return {"metadata": {"name": name}, "value": value, **more}


def test_a_pod_has_the_priority_of_its_class() -> None:
    async def story(world: World) -> None:
        await world.make(PRIORITY_CLASSES, a_class(preemptionPolicy="Never"))
        spec = (await world.make(PODS, pod("p", priorityClassName="high")))["spec"]
        assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
        spec = (await world.make(PODS, pod("q")))["spec"]
        assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
        assert "priorityClassName" not in spec
        spec = (await world.make(PODS, pod("r", priorityClassName="system-node-critical")))["spec"]
        assert spec["priority"] == 2_000_001_000

    tell(story)


def test_an_update_that_leaves_out_what_was_filled_in_leaves_it_as_it_is() -> None:
    async def story(world: World) -> None:
        await world.make(PRIORITY_CLASSES, a_class(preemptionPolicy="Never"))
        made = await world.make(PODS, pod("p", priorityClassName="high"))
        bare = {name: value for name, value in made["spec"].items() if name not in ("priority", "preemptionPolicy")}
        after = await world.put(PODS, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}, "spec": bare})
        assert (after["spec"]["priority"], after["spec"]["preemptionPolicy"]) == (1000, "Never")

    tell(story)


def test_a_pod_without_a_class_gets_the_default_one() -> None:
    async def story(world: World) -> None:
        await world.make(PRIORITY_CLASSES, a_class("usual", 7, globalDefault=True))
        spec = (await world.make(PODS, pod("p")))["spec"]
        assert (spec["priorityClassName"], spec["priority"]) == ("usual", 7)
        error = await refused(world.make(PRIORITY_CLASSES, a_class("other", 8, globalDefault=True)))
        assert error.message == (
            'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. '
            "Only one default can exist"
        )

    tell(story)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"priorityClassName": "x"}, "no PriorityClass with name x was found", id="unknown"),
        pytest.param(
            {"priority": 5},
            "the integer value of priority (5) must not be provided in pod spec; priority admission controller "
            "computed 0 from the given PriorityClass name",
            id="a number of its own",
        ),
        pytest.param(
            {"preemptionPolicy": "Never"},
            "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission "
            "controller computed PreemptLowerPriority from the given PriorityClass name",
            id="a policy of its own",
        ),
    ],
)
def test_a_pod_can_not_choose_for_itself(spec: JSON, why: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(PODS, pod("p", **spec)))
        assert (error.code, error.message) == (403, f'pods "p" is forbidden: {why}')

    tell(story)


RESERVED = "priority class names with 'system-' prefix are reserved for system use only. error: "


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        pytest.param(
            a_class(value=1_000_000_001),
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
            id="too high",
        ),
        pytest.param(
            a_class("system-mine"),
            f"metadata.name: Forbidden: {RESERVED}system-mine is not a known system priority class",
            id="reserved name",
        ),
        pytest.param(
            a_class(preemptionPolicy="Perhaps"),
            'preemptionPolicy: Unsupported value: "Perhaps": supported values: "Never", "PreemptLowerPriority"',
            id="policy",
        ),
    ],
)
def test_a_class_has_to_make_sense(obj: JSON, told: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(PRIORITY_CLASSES, obj))
        assert told in error.message

    tell(story)


def test_the_value_of_a_class_stays() -> None:
    async def story(world: World) -> None:
        made = await world.make(PRIORITY_CLASSES, a_class())
        error = await refused(world.put(PRIORITY_CLASSES, {**made, "value": 5}))
        assert "value: Forbidden: may not be changed in an update." in error.message

    tell(story)
