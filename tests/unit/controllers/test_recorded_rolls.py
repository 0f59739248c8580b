"""The controllers do, wave by wave, what the real ones were recorded doing (recorded_rolls.json).

The recordings are of Kubernetes 1.20.2 with a fake kubelet of fixed delays; `waves` are the sizes of ReplicaSets after
changes that lie less than 0.6 s apart. Recorded times have some hundredths of a second per step on top.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.api.registry import DEPLOYMENTS, REPLICA_SETS
from seatrial.base.types import JSON
from seatrial.machinery import merge_patch, objects
from seatrial.workloads import revisions, template_hash
from unit.controllers.simulated_world import Kubelet, World, set_image, set_spec, waves

SCENARIOS = json.loads(Path(__file__).with_name("recorded_rolls.json").read_text())
SURPLUS_PER_WAVE = 0.35


def world_of(scenario: JSON) -> World:
    def kubelet(image: str) -> Kubelet:
        delays = {**scenario["defaults"], **scenario["behaviours"].get(image, {})}
        delays.pop("crash")
        return Kubelet(**delays)

    world = World(kubelet)
    for deployment in scenario["deployments"]:
        world.create(DEPLOYMENTS, deployment)
    world.run(60)
    world.now = round(world.now, 3)
    world.sizes.clear()
    return world


def undo(world: World, deployment: JSON) -> None:
    replica_sets = world.owned_by(REPLICA_SETS, objects.uid(deployment))
    wanted = revisions.last_revision(replica_sets)
    (target,) = (each for each in replica_sets if revisions.revision_of(each) == wanted)
    deployment["spec"]["template"] = template_hash.without_hash(objects.copy(target["spec"]["template"]))


def patched(deployment: JSON, patch: JSON) -> None:
    """A strategic merge patch, whose only list is that of the only container."""
    patch = objects.copy(patch)
    template = patch.get("spec", {}).get("template", {}).get("spec", {})
    for container in template.pop("containers", ()):
        deployment["spec"]["template"]["spec"]["containers"][0] |= container
    merged = merge_patch.apply(deployment, patch)
    deployment.clear()
    deployment.update(merged)


def take(world: World, step: JSON) -> None:
    operation: str = step["op"]
    if operation == "create":
        world.create(DEPLOYMENTS, step["manifest"])
        return
    changes: dict[str, Any] = {
        "set_image": lambda obj: set_image(step["image"])(obj),
        "scale": lambda obj: set_spec(replicas=step["replicas"])(obj),
        "pause": set_spec(paused=True),
        "resume": set_spec(paused=False),
        "undo": lambda obj: undo(world, obj),
        "patch": lambda obj: patched(obj, step["patch"]),
    }
    world.change(DEPLOYMENTS, step["name"], changes[operation])


def in_order_of_creation(world: World, before: list[str]) -> dict[str, str]:
    names = dict.fromkeys([*before, *(name for _, name, _, _ in world.sizes)])
    return {name: f"rs{number}" for number, name in enumerate(names, 1)}


def is_complete(deployment: JSON) -> bool:
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    observed: bool = status["observedGeneration"] == deployment["metadata"]["generation"]
    return observed and counts == [wanted] * 3


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_waves_are_those_of_the_real_controllers(scenario: JSON) -> None:
    world = world_of(scenario)
    before = [objects.name(each) for each in world.list(REPLICA_SETS)]
    began = world.now
    for step in scenario["steps"]:
        world.run(began + step["at"] - world.now)
        take(world, step)
    world.run(scenario["seconds"])
    names = in_order_of_creation(world, before)
    assert [{names[name]: size for name, size in wave.items()} for wave in waves(world.sizes)] == scenario["waves"]
    assert all(is_complete(each) for each in world.list(DEPLOYMENTS)) is scenario["completed"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_waves_come_when_the_real_ones_do(scenario: JSON) -> None:
    world = world_of(scenario)
    began = world.now
    for step in scenario["steps"]:
        world.run(began + step["at"] - world.now)
        take(world, step)
    world.run(scenario["seconds"])
    moments = sorted({round(moment - began, 3) for moment, _, _, _ in world.sizes})
    first = [moment for number, moment in enumerate(moments) if number == 0 or moment - moments[number - 1] >= 0.6]
    assert len(first) == len(scenario["waves_at"])
    for number, (mine, real) in enumerate(zip(first, scenario["waves_at"], strict=True), 1):
        assert -0.01 <= real - mine <= SURPLUS_PER_WAVE * number
