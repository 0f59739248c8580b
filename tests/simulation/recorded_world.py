"""Recorded scenarios of real controllers, played again in a cluster in virtual time, and what came of them.

A scenario has `nodes`, `defaults` and `behaviours` of a fake kubelet, `initial` objects, `steps`, and what came of it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.api import registry
from seatrial.api.registry import EVENTS, NODES, PODS, SERVICES
from seatrial.base.env import SimulatedEnv
from seatrial.base.types import JSON
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import conditions, objects
from seatrial.node.runtimes.simulated import Model


@dataclass
class Observed:
    """`pods`: "created web-0", "deleting web-0", "gone web-0", in order; `events`: messages of one owner, in order."""

    pods: list[tuple[float, str]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    lowest_ready: int = 1_000_000
    final: JSON = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        return [what for _, what in self.pods]


class _Pods:
    """Watches Pods and notes their transitions."""

    def __init__(self, observed: Observed, cluster: Cluster, began: float) -> None:
        self.observed, self.cluster, self.began = observed, cluster, began
        self.last: dict[str, JSON] = {}

    async def run(self) -> None:
        listed = await self.cluster.client.list(PODS, "default")
        self.last = {objects.uid(pod): pod for pod in listed["items"]}
        version = listed["metadata"]["resourceVersion"]
        async for event in self.cluster.client.watch(PODS, "default", resource_version=version):
            self.note(event.type, event.object)

    def note(self, kind: str, pod: JSON) -> None:
        old = self.last.pop(objects.uid(pod), None)
        if kind == "DELETED":
            self.say("gone", pod)
        else:
            self.last[objects.uid(pod)] = pod
            if old is None:
                self.say("created", pod)
            elif objects.is_terminating(pod) and not objects.is_terminating(old):
                self.say("deleting", pod)
        ready = sum(
            conditions.is_true(each, "Ready") and not objects.is_terminating(each) for each in self.last.values()
        )
        self.observed.lowest_ready = min(self.observed.lowest_ready, ready)

    def say(self, what: str, pod: JSON) -> None:
        moment = round(self.cluster.env.now() - self.began, 3)
        self.observed.pods.append((moment, f"{what} {objects.name(pod)}"))


async def play(scenario: JSON, *, annotations: Mapping[str, str] | None = None) -> Observed:
    """Set the scenario up, take its steps, wait as long as was recorded, and tell."""
    env = SimulatedEnv(asyncio.get_running_loop().time)
    model = Model.from_json(scenario["defaults"], scenario["behaviours"])
    async with Cluster(env=env, nodes=scenario["nodes"], runtime="simulated", serve=False, model=model) as cluster:
        primary = None
        for manifest in scenario["initial"]:
            made = await _create(cluster, manifest, annotations or {})
            primary = primary or (made if made["kind"] not in ("Service", "Pod") else None)
        await asyncio.sleep(60)
        await asyncio.sleep(0.1 - env.now() % 1 + 1)
        began = env.now()
        observed = Observed()
        pods = _Pods(observed, cluster, began)
        watching = asyncio.create_task(pods.run())
        await asyncio.sleep(0)
        for step in scenario["steps"]:
            await asyncio.sleep(max(0.0, began + step["at"] - env.now()))
            primary = await _take(cluster, step, annotations or {}) or primary
        await asyncio.sleep(max(0.0, began + scenario["seconds"] - env.now()))
        watching.cancel()
        assert primary is not None
        resource = registry.for_object(primary)
        assert resource is not None
        observed.final = await cluster.client.get(resource, objects.name(primary), "default")
        told = (await cluster.client.list(EVENTS, "default"))["items"]
        about = [each for each in told if each["involvedObject"]["kind"] == primary["kind"]]
        observed.events = [each["message"] for each in sorted(about, key=objects.resource_version)]
        return observed


async def _create(cluster: Cluster, manifest: JSON, annotations: Mapping[str, str]) -> JSON:
    resource = registry.for_object(manifest)
    assert resource is not None, manifest["kind"]
    own = {} if resource is SERVICES else annotations
    metadata = {**manifest["metadata"], "namespace": "default"}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **own}
    return await cluster.client.create(resource, {**manifest, "metadata": metadata})


async def _take(cluster: Cluster, step: JSON, annotations: Mapping[str, str]) -> JSON | None:
    operation, client = step["op"], cluster.client
    if operation == "create":
        return await _create(cluster, step["manifest"], annotations)
    if operation == "delete_pod":
        await client.delete(PODS, step["pod"], "default")
        return None
    if operation == "node":
        await client.patch(NODES, step["node"], "", step["patch"])
        return None
    resource = registry.for_word(step["kind"])
    assert resource is not None
    await client.patch(resource, step["name"], "default", _patch(step))
    return None


def _patch(step: JSON) -> JSON:
    if step["op"] == "set_image":
        return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": step["image"]}]}}}}
    if step["op"] == "scale":
        return {"spec": {"replicas": step["replicas"]}}
    assert step["op"] == "patch", step["op"]
    patch: JSON = step["patch"]
    return patch
