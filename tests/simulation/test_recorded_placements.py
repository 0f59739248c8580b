"""Pods go where a real scheduler was recorded putting them, or wait with its words (recorded_placements.json).

The recordings are of Kubernetes 1.20.2 with a fake kubelet of fixed delays.
"""

import asyncio
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from seatrial.aio import virtual_loop
from seatrial.api import registry
from seatrial.api.registry import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.node.registration import NodeOptions
from seatrial.node.runtimes.simulated import Model

SCENARIOS = json.loads(Path(__file__).with_name("recorded_placements.json").read_text())


def named(scenario: JSON) -> str:
    name: str = scenario["name"]
    return name


class Played:
    """What the cluster looked like at the end."""

    pods: list[JSON]
    failures: list[str]
    refusals: list[JSON]
    new_replicas: int
    progressing: JSON | None


async def play(scenario: JSON, release: str) -> Played:
    env = SimulatedEnv(asyncio.get_running_loop().time)
    model = Model.from_json(scenario["defaults"], scenario["behaviours"])
    cluster = Cluster(env=env, nodes=0, runtime="simulated", serve=False, model=model, behaviour_version=release)
    async with cluster:
        for node in scenario["nodes"]:
            capacity = {name: node[name] for name in ("cpu", "memory", "pods")}
            await cluster.add_node(NodeOptions(node["name"], capacity, node["labels"]))
        for manifest in scenario["initial"]:
            await _create(cluster, manifest)
        await asyncio.sleep(30)
        for step in scenario["steps"]:
            await _take(cluster, step)
        await asyncio.sleep(scenario["seconds"])
        return await _look(cluster)


async def _create(cluster: Cluster, manifest: JSON) -> None:
    resource = registry.for_object(manifest)
    assert resource is not None
    await cluster.client.create(resource, {**manifest, "metadata": {**manifest["metadata"], "namespace": "default"}})


async def _take(cluster: Cluster, step: JSON) -> None:
    if step["op"] == "create":
        await _create(cluster, step["manifest"])
        return
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": step["image"]}]}}}}
    await cluster.client.patch(DEPLOYMENTS, step["name"], "default", patch)


async def _look(cluster: Cluster) -> Played:
    played = Played()
    played.pods = (await cluster.client.list(PODS, "default"))["items"]
    events = (await cluster.client.list(EVENTS, "default"))["items"]
    failures = [each["message"] for each in events if each["reason"] == "FailedScheduling"]
    played.failures = list(dict.fromkeys(failures))  # the recordings leave repeats of the same text out
    refusals = [each for each in events if each["reason"] == "FailedCreate"]
    played.refusals = sorted(refusals, key=lambda each: (each["firstTimestamp"], objects.resource_version(each)))
    sets = (await cluster.client.list(REPLICA_SETS, "default"))["items"]
    played.new_replicas = max(sets, key=objects.resource_version)["spec"]["replicas"]
    deployment = await cluster.client.get(DEPLOYMENTS, "web", "default")
    played.progressing = conditions.find(deployment, "Progressing")
    return played


STUCK = [each for each in SCENARIOS if each["failed_scheduling"]]


@pytest.mark.parametrize("scenario", STUCK, ids=named)
def test_an_update_that_fits_nowhere_stops_with_the_recorded_words(scenario: JSON) -> None:
    played = virtual_loop.run(play(scenario, "1.20"))
    assert played.failures == scenario["failed_scheduling"]
    assert len(played.pods) == scenario["max_pods"]
    assert sum(conditions.is_true(pod, "Ready") for pod in played.pods) == scenario["min_ready_pods"]
    assert played.new_replicas == scenario["waves"][-1]["rs2"]
    assert played.progressing is not None
    assert played.progressing["reason"] == "ProgressDeadlineExceeded"


@pytest.mark.parametrize("scenario", STUCK, ids=named)
def test_todays_scheduler_says_what_preemption_could_do_too(scenario: JSON) -> None:
    played = virtual_loop.run(play(scenario, "1.32"))
    [message] = played.failures
    nodes = len(scenario["nodes"])
    assert message.endswith(
        f" preemption: 0/{nodes} nodes are available: {nodes} No preemption victims found for incoming pod."
    )


SPREAD = next(each for each in SCENARIOS if each["nodes_of_pods"])


def _without_requests(scenario: JSON) -> JSON:
    copy: JSON = json.loads(json.dumps(scenario))
    for container in copy["steps"][0]["manifest"]["spec"]["template"]["spec"]["containers"]:
        del container["resources"]
    return copy


def test_pods_with_requests_are_spread_by_both() -> None:
    recorded = Counter(SPREAD["nodes_of_pods"])
    for release in ("1.20", "1.32"):
        played = virtual_loop.run(play(SPREAD, release))
        assert Counter(pod["spec"]["nodeName"] for pod in played.pods) == recorded


def test_pods_without_requests_on_nodes_without_zones_are_spread_by_todays_scheduler_only() -> None:
    old, new = (virtual_loop.run(play(_without_requests(SPREAD), release)) for release in ("1.20", "1.32"))
    assert set(Counter(pod["spec"]["nodeName"] for pod in new.pods).values()) == {3}
    assert set(Counter(pod["spec"]["nodeName"] for pod in old.pods).values()) != {3}


QUOTA = next(each for each in SCENARIOS if each.get("failed_create"))


def test_a_surge_beyond_the_quota_is_refused_again_and_again_as_recorded() -> None:
    played = virtual_loop.run(play(QUOTA, "1.20"))
    assert len(played.pods) == QUOTA["max_pods"]
    assert played.new_replicas == QUOTA["waves"][-1]["rs2"]
    assert played.progressing is not None
    assert played.progressing["reason"] == "ProgressDeadlineExceeded"
    texts = [_nameless(each["message"]) for each in played.refusals]
    recorded = [_nameless(text) for _, text, _ in QUOTA["failed_create"]]
    assert set(texts) == set(recorded)
    tries = sum(each.get("count", 1) for each in played.refusals)
    at_the_same_time = sum(moment < 1 for moment, _, _ in QUOTA["failed_create"])
    assert len(recorded) - at_the_same_time <= tries <= len(recorded)


def _nameless(message: str) -> str:
    return re.sub(r'pods "web-[^"]*"', 'pods "web"', message)
