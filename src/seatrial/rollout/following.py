"""Following a rollout until it is done, fails, or can't come up. Needs to read the workload, its Pods and events.

The workload is watched; its Pods are looked at every second while it rolls. What fails in passing (lost connections,
429, 5xx) is tried again. Where events or ReplicaSets may not be read, it does without.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from seatrial.api.registry import CONTROLLER_REVISIONS, EVENTS, PODS, REPLICA_SETS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client import wait
from seatrial.client.base import Client
from seatrial.client.retry import PASSING
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout import obstacles, progress
from seatrial.rollout.obstacles import Obstacle
from seatrial.rollout.progress import Progress
from seatrial.rollout.workload import Workload
from seatrial.workloads import controller_revisions, revisions

LOOK_SECONDS = 1.0
CANNOT_COME_UP = 2
"""The exit code when new Pods can't come up."""


@dataclass
class Follower:
    """One rollout. `say` gets every new progress; `early`: end when an obstacle outlasts its patience."""

    client: Client
    env: Env
    workload: Workload
    say: Callable[[Progress], None]
    revision: int = 0
    watch: bool = True
    timeout: float = 0.0
    early: bool = True
    _last: Progress | None = None
    _since: dict[tuple[str, str], float] = field(default_factory=dict)

    async def run(self) -> Progress:
        """The last progress. Raises ToolError: kubectl's (exit code 1), or CANNOT_COME_UP with the reason."""
        current = self._take(await self.workload.get(self.client))
        until = self.env.monotonic() + self.timeout if self.timeout else None
        while self.watch and not current.done:
            left = LOOK_SECONDS if until is None else min(LOOK_SECONDS, until - self.env.monotonic())
            if left <= 0:
                raise ToolError("timed out waiting for the condition")
            current = await self._follow(left, current)
            if self.early and not current.done:
                await self._look()
        return current

    async def _follow(self, seconds: float, current: Progress) -> Progress:
        work = self.workload
        try:
            await wait.wait_for(
                self.client, work.resource, work.name, work.namespace, lambda obj: self._take(obj).done, seconds
            )
        except TimeoutError:
            pass
        return self._last or current

    def _take(self, obj: JSON | None) -> Progress:
        if obj is None:
            raise ToolError("object has been deleted")
        current = progress.of(obj, self.workload.resource.kind, self.revision)
        if current.error:
            raise ToolError(current.error)
        if current != self._last:
            self._last = current
            self.say(current)
        return current

    async def _look(self) -> None:
        """Raises ToolError when something stands in the way for longer than its patience."""
        try:
            found = await find_obstacles(self.client, self.env, self.workload)
        except (ConnectionError, StatusError) as error:
            if isinstance(error, StatusError) and error.code not in {403, 404, *PASSING}:
                raise
            return
        now = self.env.monotonic()
        keys = [(obstacle.reason, obstacle.pod) for obstacle in found]
        self._since = {key: self._since.get(key, now) for key in keys}
        for obstacle, key in zip(found, keys, strict=True):
            if now - self._since[key] >= obstacle.patience:
                raise CannotComeUp(obstacle, await _last_line(self.client, obstacle, self.workload.namespace))


class CannotComeUp(ToolError):
    """The new Pods can't come up."""

    def __init__(self, obstacle: Obstacle, log: str) -> None:
        said = f'; its last log line: "{log}"' if log else ""
        super().__init__(f"the new Pods can't come up: {obstacle}{said}", CANNOT_COME_UP)
        self.obstacle, self.log = obstacle, log


async def find_obstacles(client: Client, env: Env, workload: Workload) -> list[Obstacle]:
    """What stands in the way of the workload's newest Pods now."""
    obj = await workload.get(client)
    owners, pods = await _newest(client, workload, obj)
    events = await _list(client, EVENTS, workload.namespace)
    return obstacles.find(pods, owners, events, env.now())


async def _newest(client: Client, workload: Workload, obj: JSON) -> tuple[list[JSON], list[JSON]]:
    """Who has to make the newest Pods, and these Pods."""
    pods = await _list(client, PODS, workload.namespace)
    owner, revision = obj, ""
    if workload.resource.kind == "Deployment":
        sets = [rs for rs in await _list(client, REPLICA_SETS, workload.namespace) if objects.is_controlled_by(rs, obj)]
        new = revisions.find_new(obj["spec"]["template"], sets)
        if new is None:
            return [], []
        owner = {**new, "kind": "ReplicaSet"}
    elif workload.resource.kind == "StatefulSet":
        revision = str(objects.get(obj, "status", "updateRevision", default="")).removeprefix(f"{workload.name}-")
    else:
        kept = [
            each
            for each in await _list(client, CONTROLLER_REVISIONS, workload.namespace)
            if objects.is_controlled_by(each, obj)
        ]
        newest = controller_revisions.in_order(kept)[-1:]
        revision = next((objects.labels(each).get(controller_revisions.POD_LABEL, "") for each in newest), "")
    mine = [pod for pod in pods if objects.is_controlled_by(pod, owner)]
    label = controller_revisions.POD_LABEL
    return [owner], [pod for pod in mine if not revision or objects.labels(pod).get(label, "").endswith(revision)]


async def _list(client: Client, resource: ResourceRef, namespace: str) -> list[JSON]:
    try:
        items: list[JSON] = (await client.list(resource, namespace))["items"]
    except StatusError as error:
        if error.code != 403 or resource is PODS:
            raise
        return []
    return items


async def _last_line(client: Client, obstacle: Obstacle, namespace: str) -> str:
    """Of the container's end before this one; "" where there is none."""
    if not obstacle.container:
        return ""
    query = {"container": obstacle.container, "previous": "true", "tailLines": "1"}
    try:
        async with asyncio.timeout(10):
            data = b"".join([chunk async for chunk in client.logs(obstacle.pod, namespace, query)])
    except (StatusError, ConnectionError, TimeoutError):
        return ""
    return (data.decode(errors="replace").strip().splitlines() or [""])[-1]
