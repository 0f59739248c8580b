"""Recorded event sequences of a real control plane, rehearsed: the same objects, behaviours and steps in virtual time.

A recording (JSON) has `nodes`, `defaults` and `behaviours` of a fake kubelet with fixed delays, `initial` objects,
which settle before anything counts, and `steps`; see compared.py for what it says of the outcome.
"""

import asyncio
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.aio import virtual_loop
from seatrial.api import registry
from seatrial.api.registry import DEPLOYMENTS, NODES, PODS, REPLICA_SETS
from seatrial.base.env import SimulatedEnv
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH
from seatrial.client.client import ApiClient
from seatrial.client.paced import Pace
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.node.registration import NodeOptions
from seatrial.node.runtimes.simulated import Model
from seatrial.rehearse.trace import Change, TracedStore
from seatrial.rollout import draining
from seatrial.rollout.drain_rules import Rules
from seatrial.rollout.draining import Options
from seatrial.store.base import Record
from seatrial.store.state import ChangeType
from seatrial.workloads import revisions

SETTLE_SECONDS = 60.0
PACES = {"quiet": (0.010, 0.0025), "busy": (0.040, 0.005)}
"""Seconds on the way and at the server of a write where the recordings were made: Pods of one wave get ready one after
the other. That control plane was shared by up to a dozen recordings at once."""
BUSY_STEP_SECONDS = 0.02
"""A step of a recording that took so long, twice the usual, found that control plane busy."""
FIRST_CHANGE = 0.1
"""Past a whole second, as in every recording: ready times have whole seconds."""
NAMESPACE = "default"
RELEASE = "1.20"
"""Whose behaviour recordings have unless they, or the user, say otherwise."""
_PROMOTED = {"policy/v1beta1": "policy/v1"}
_UPSTREAM = {"seatrial.dev/stuck-rollout": "upstream"}


class _Appearances(TracedStore):
    """Remembers in which order objects appeared: creation times have whole seconds."""

    def __init__(self, env: SimulatedEnv) -> None:
        super().__init__(env)
        self.order: dict[str, int] = {}

    def _commit(self, kind: ChangeType, record: Record, previous: Record | None) -> Record:
        if kind == "ADDED":
            self.order.setdefault(objects.uid(record.object), len(self.order))
        return super()._commit(kind, record, previous)


@dataclass
class Played:
    """What happened from the first change on. `order`: uid → place in the order of appearance."""

    began: float
    before: list[JSON]
    changes: list[Change]
    ended: float
    order: dict[str, int]
    problems: list[str] = field(default_factory=list)


def read(file: Path) -> JSON:
    """A recording. Raises ToolError for a file that is none."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ToolError(f"{file}: {error}") from None
    if not isinstance(found, dict) or not {"initial", "steps", "defaults"} <= found.keys():
        raise ToolError(f"{file}: this is no recording: it has no initial objects, steps and defaults")
    return found


def paces(recording: JSON) -> list[str]:
    """Names of the paces that its control plane may have had: whether it was busy shows in how long its steps took."""
    took = [step.get("took") or 0.0 for run in recording.get("runs") or () for step in run.get("steps") or ()]
    return ["quiet", "busy"] if max(took, default=0.0) >= BUSY_STEP_SECONDS else ["quiet"]


def play(recording: JSON, release: str = RELEASE, pace: str = "quiet") -> Played:
    """Rehearse it with the behaviour of this release, at one of the PACES."""
    return virtual_loop.run(_play(recording, release, Pace(*PACES[pace])))


async def _play(recording: JSON, release: str, pace: Pace) -> Played:
    env = SimulatedEnv(asyncio.get_running_loop().time)
    store = _Appearances(env)
    model = Model.from_json(recording["defaults"], recording.get("behaviours") or {})
    cluster = Cluster(
        env=env, nodes=0, runtime="simulated", serve=False, model=model, store=store, machines=_machines(recording),
        behaviour_version=release, pace=pace,
    )  # fmt: skip
    async with cluster:
        stage = _Stage(cluster, cluster.client, store.order)
        for manifest in recording["initial"]:
            await stage.create(manifest)
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.sleep(math.floor(env.now()) + 1 + FIRST_CHANGE - env.now())
        store.begin()
        began = env.now()
        before = [*store.before.values()]
        for step in recording["steps"]:
            await asyncio.sleep(max(0.0, began + float(step["at"]) - env.now()))
            await stage.take(step)
        await asyncio.sleep(max(0.0, began + float(recording.get("max_seconds") or 90) - env.now()))
        await stage.end()
        return Played(began, before, list(store.changes), env.now(), store.order, stage.problems)


def _machines(recording: JSON) -> list[NodeOptions]:
    return [
        NodeOptions(
            node["name"], {name: node[name] for name in ("cpu", "memory", "pods") if name in node}, node["labels"]
        )
        for node in recording["nodes"]
    ]


class _Stage:
    """Takes the steps. A step that is refused is noted, as it was recorded."""

    def __init__(self, cluster: Cluster, client: ApiClient, order: dict[str, int]) -> None:
        self._cluster, self._client, self._order = cluster, client, order
        self._tasks: list[asyncio.Task[None]] = []
        self.problems: list[str] = []

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def create(self, manifest: JSON) -> None:
        version = str(manifest.get("apiVersion"))
        manifest = {**manifest, "apiVersion": _PROMOTED.get(version, version)}
        resource = registry.for_object(manifest)
        if resource is None:
            raise ToolError(f"the recording has a {manifest.get('kind')} of {version}, which is not known")
        own = _UPSTREAM if manifest["kind"] == "StatefulSet" else {}
        metadata = {**manifest["metadata"], **({"namespace": NAMESPACE} if resource.namespaced else {})}
        if own:
            metadata["annotations"] = {**(metadata.get("annotations") or {}), **own}
        await self._client.create(resource, {**manifest, "metadata": metadata})

    async def take(self, step: JSON) -> None:
        act = getattr(self, f"_{step['op']}", None)
        if act is None:
            raise ToolError(f"the recording has a step {step['op']!r}, which is not known")
        try:
            await act(step)
        except StatusError as error:
            self.problems.append(f"{step['op']}: {error.message}")

    async def _create(self, step: JSON) -> None:
        await self.create(step["manifest"])

    async def _set_image(self, step: JSON) -> None:
        resource = registry.for_word(step["kind"])
        assert resource is not None
        current = await self._client.get(resource, step["name"], NAMESPACE)
        name = step.get("container") or current["spec"]["template"]["spec"]["containers"][0]["name"]
        body = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": step["image"]}]}}}}
        await self._client.patch(resource, step["name"], NAMESPACE, body)

    async def _patch(self, step: JSON) -> None:
        resource = registry.for_word(step["kind"])
        assert resource is not None
        await self._client.patch(resource, step["name"], NAMESPACE, step["patch"])

    async def _scale(self, step: JSON) -> None:
        resource = registry.for_word(step["kind"])
        assert resource is not None
        body = {"spec": {"replicas": step["replicas"]}}
        await self._client.patch(resource, step["name"], NAMESPACE, body, patch_type=MERGE_PATCH, subresource="scale")

    async def _pause(self, step: JSON) -> None:
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, {"spec": {"paused": True}})

    async def _resume(self, step: JSON) -> None:
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, {"spec": {"paused": None}})

    async def _undo(self, step: JSON) -> None:
        """The template of the ReplicaSet with the second-highest revision."""
        deployment = await self._client.get(DEPLOYMENTS, step["name"], NAMESPACE)
        listed = (await self._client.list(REPLICA_SETS, NAMESPACE))["items"]
        mine = [each for each in listed if objects.is_controlled_by(each, deployment)]
        former = sorted(mine, key=lambda each: revisions.revision_of(each) or 0)[-2]
        template = {**former["spec"]["template"], "metadata": {**former["spec"]["template"]["metadata"]}}
        labels = {k: v for k, v in template["metadata"]["labels"].items() if k != "pod-template-hash"}
        template["metadata"]["labels"] = labels
        body = [{"op": "replace", "path": "/spec/template", "value": template}]
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, body, patch_type="application/json-patch+json")

    async def _delete_pod(self, step: JSON) -> None:
        await self._client.delete(PODS, await self._pod_of(step), NAMESPACE)

    async def _evict(self, step: JSON) -> None:
        name = await self._pod_of(step)
        metadata = {"name": name, "namespace": NAMESPACE}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        await self._client.create_subresource(PODS, name, NAMESPACE, "eviction", body)

    async def _relabel_pod(self, step: JSON) -> None:
        body = {"metadata": {"labels": step["labels"]}}
        await self._client.patch(PODS, await self._pod_of(step), NAMESPACE, body)

    async def _pod_of(self, step: JSON) -> str:
        """By its name, or as the nth of its owner's that are not terminating, in order of appearance."""
        if step.get("pod"):
            return str(step["pod"])
        listed = (await self._client.list(PODS, NAMESPACE))["items"]
        owner = await self._owner_named(step["owner"])
        mine = [
            pod
            for pod in listed
            if (objects.controller_of(pod) or {}).get("name") == owner and not objects.is_terminating(pod)
        ]
        return objects.name(self._in_order(mine)[int(step["nth"]) - 1])

    def _in_order(self, found: Sequence[JSON]) -> list[JSON]:
        return sorted(found, key=lambda obj: self._order[objects.uid(obj)])

    async def _owner_named(self, shown: str) -> str:
        """`rs2` is the second ReplicaSet that was created; others have their own names."""
        if not shown.removeprefix("rs").isdigit():
            return shown
        listed = (await self._client.list(REPLICA_SETS, NAMESPACE))["items"]
        return objects.name(self._in_order(listed)[int(shown.removeprefix("rs")) - 1])

    async def _node(self, step: JSON) -> None:
        await self._client.patch(NODES, step.get("node") or step["name"], "", step["patch"])

    async def _delete(self, step: JSON) -> None:
        resource = registry.for_word(step["kind"])
        assert resource is not None
        policy = step.get("propagation") or ""
        await self._client.delete(resource, step["name"], NAMESPACE, propagation_policy=policy)

    async def _drain(self, step: JSON) -> None:
        options = Options(Rules(ignore_daemonsets=True), timeout=float(step.get("timeout") or 0))
        self._tasks.append(asyncio.create_task(self._drained(str(step["node"]), options)))

    async def _drained(self, node: str, options: Options) -> None:
        with suppress(StatusError):
            try:
                await draining.drain(self._client, self._cluster.env, [node], options, lambda step: None)
            except ToolError as error:
                self.problems.append(f"drain: {error}")


def files(paths: Sequence[Path]) -> list[Path]:
    """Recordings; of a folder all."""
    return [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
