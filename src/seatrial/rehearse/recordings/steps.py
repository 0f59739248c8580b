"""The steps of a recording, taken as they were then. One that is refused is noted, as the recording notes it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from seatrial.api import registry
from seatrial.api.registry import DEPLOYMENTS, NODES, PODS, REPLICA_SETS
from seatrial.api.resource import Resource
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import JSON_PATCH, MERGE_PATCH, Client
from seatrial.machinery import objects, status
from seatrial.rollout import draining
from seatrial.rollout.drain_rules import Rules
from seatrial.rollout.draining import Options
from seatrial.workloads import revisions, template_hash

NAMESPACE = "default"
_PROMOTED = {"policy/v1beta1": "policy/v1"}
_AS_UPSTREAM = {"seatrial.dev/stuck-rollout": "upstream"}
"""StatefulSets are not mended when they are stuck: those that were recorded weren't."""


class Steps:
    """Takes the steps through `client`. `order`: uid → place in the order of appearance, of all that appears."""

    def __init__(self, client: Client, env: Env, order: Mapping[str, int]) -> None:
        self._client, self._env, self._order = client, env, order
        self._drains: list[asyncio.Task[None]] = []
        self.problems: list[str] = []
        """`OPERATION: why` of each step that was refused, in their order."""
        self._operations: dict[str, Callable[[JSON], Awaitable[None]]] = {
            "create": self._create,
            "set_image": self._set_image,
            "patch": self._patch,
            "scale": self._scale,
            "pause": self._pause,
            "resume": self._resume,
            "undo": self._undo,
            "delete_pod": self._delete_pod,
            "evict": self._evict,
            "relabel_pod": self._relabel_pod,
            "node": self._node,
            "delete": self._delete,
            "drain": self._drain,
        }

    async def take(self, step: JSON) -> None:
        """Raises ToolError for an operation, or a kind, that is not known."""
        operation = self._operations.get(step["op"])
        if operation is None:
            raise ToolError(f"the recording has a step {step['op']!r}, which is not known")
        try:
            await operation(step)
        except StatusError as error:
            self.problems.append(f"{step['op']}: {error}")

    async def end(self) -> None:
        """Drains that go on are given up."""
        for task in self._drains:
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)

    async def create(self, manifest: JSON) -> None:
        """Raises StatusError, and ToolError for a kind that is not known."""
        version = str(manifest.get("apiVersion"))
        manifest = {**manifest, "apiVersion": _PROMOTED.get(version, version)}
        resource = registry.for_object(manifest)
        if resource is None:
            raise ToolError(f"the recording has a {manifest.get('kind')} of {version}, which is not known")
        metadata = {**manifest["metadata"], **({"namespace": NAMESPACE} if resource.namespaced else {})}
        if manifest["kind"] == "StatefulSet":
            metadata["annotations"] = {**(metadata.get("annotations") or {}), **_AS_UPSTREAM}
        await self._client.create(resource, {**manifest, "metadata": metadata})

    async def _create(self, step: JSON) -> None:
        await self.create(step["manifest"])

    async def _set_image(self, step: JSON) -> None:
        resource = _resource(step)
        current = await self._client.get(resource, step["name"], NAMESPACE)
        name = step.get("container") or current["spec"]["template"]["spec"]["containers"][0]["name"]
        body = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": step["image"]}]}}}}
        await self._client.patch(resource, step["name"], NAMESPACE, body)

    async def _patch(self, step: JSON) -> None:
        await self._client.patch(_resource(step), step["name"], NAMESPACE, step["patch"])

    async def _scale(self, step: JSON) -> None:
        body = {"spec": {"replicas": step["replicas"]}}
        await self._client.patch(
            _resource(step), step["name"], NAMESPACE, body, patch_type=MERGE_PATCH, subresource="scale"
        )

    async def _pause(self, step: JSON) -> None:
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, {"spec": {"paused": True}})

    async def _resume(self, step: JSON) -> None:
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, {"spec": {"paused": None}})

    async def _undo(self, step: JSON) -> None:
        """The template of the ReplicaSet with the second-highest revision, put into the Deployment."""
        deployment = await self._client.get(DEPLOYMENTS, step["name"], NAMESPACE)
        listed = (await self._client.list(REPLICA_SETS, NAMESPACE))["items"]
        mine = [each for each in listed if objects.is_controlled_by(each, deployment)]
        newest_first = sorted(mine, key=lambda each: revisions.revision_of(each) or 0, reverse=True)
        former = _nth(newest_first, 2, step["name"], REPLICA_SETS)
        template = template_hash.without_hash(former["spec"]["template"])
        body = [{"op": "replace", "path": "/spec/template", "value": template}]
        await self._client.patch(DEPLOYMENTS, step["name"], NAMESPACE, body, patch_type=JSON_PATCH)

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

    async def _node(self, step: JSON) -> None:
        await self._client.patch(NODES, step.get("node") or step["name"], "", step["patch"])

    async def _delete(self, step: JSON) -> None:
        policy = step.get("propagation") or ""
        await self._client.delete(_resource(step), step["name"], NAMESPACE, propagation_policy=policy)

    async def _drain(self, step: JSON) -> None:
        """It goes on beside the steps that follow."""
        options = Options(Rules(ignore_daemonsets=True), timeout=float(step.get("timeout") or 0))
        self._drains.append(asyncio.create_task(self._drained(str(step["node"]), options)))

    async def _drained(self, node: str, options: Options) -> None:
        try:
            await draining.drain(self._client, self._env, [node], options, lambda step: None)
        except (StatusError, ToolError) as error:
            self.problems.append(f"drain: {error}")

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
        return objects.name(_nth(self._in_order(mine), int(step["nth"]), step["owner"], PODS))

    async def _owner_named(self, shown: str) -> str:
        """`rs2` is the second ReplicaSet that was created; others have their own names."""
        if not shown.removeprefix("rs").isdigit():
            return shown
        listed = (await self._client.list(REPLICA_SETS, NAMESPACE))["items"]
        return objects.name(_nth(self._in_order(listed), int(shown.removeprefix("rs")), "rs", REPLICA_SETS))

    def _in_order(self, found: Sequence[JSON]) -> list[JSON]:
        return sorted(found, key=lambda obj: self._order[objects.uid(obj)])


def _resource(step: JSON) -> Resource:
    found = registry.for_word(step["kind"])
    if found is None:
        raise ToolError(f"the recording has a kind {step['kind']!r}, which is not known")
    return found


def _nth(found: Sequence[JSON], number: int, owner: str, resource: Resource) -> JSON:
    """The first is 1. Raises StatusError (NotFound) where the rehearsal has fewer than there were."""
    if not 1 <= number <= len(found):
        raise status.not_found(resource, f"{owner}#{number}")
    return found[number - 1]
