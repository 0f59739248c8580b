"""ReplicationControllers of one namespace, over any client; conflicts and lost connections are dealt with here.

A conflict is tried again as kubectl did (client-go util/retry: 10 ms, 50 ms, 250 ms). What fails in passing, a lost
connection, 429 or 5xx, is tried again every poll interval for a minute: each write here may be sent twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from seatrial.api.registry import PODS, REPLICATION_CONTROLLERS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client import persisting, wait
from seatrial.client.base import Client
from seatrial.client.persisting import PATIENCE_SECONDS
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout.rolling_update import plan, resume

T = TypeVar("T")

CONFLICT_PAUSES = (0.01, 0.05, 0.25)
CONFLICT_JITTER = 0.1
SHORTEST_PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Timing:
    """All in seconds; see the command's options."""

    update_period: float = 60.0
    poll_interval: float = 3.0
    timeout: float = 300.0


class Controllers:
    """Reads and changes ReplicationControllers, and the Pods behind them."""

    def __init__(self, client: Client, env: Env, namespace: str, timing: Timing) -> None:
        self._client, self._env = client, env
        self.namespace, self.timing = namespace, timing

    async def get(self, name: str) -> JSON:
        return await self._persist(lambda: self._client.get(REPLICATION_CONTROLLERS, name, self.namespace))

    async def find(self, name: str) -> JSON | None:
        """None when there is none. One that is on its way out is waited for, unless it is being renamed."""
        if not name:
            return None
        try:
            found = await self.get(name)
        except StatusError as error:
            if error.code != 404:
                raise
            return None
        if objects.is_terminating(found) and resume.RENAMING not in objects.finalizers(found):
            await self.wait_deleted(name, objects.uid(found))
            return None
        return found

    async def all(self) -> list[JSON]:
        listing = await self._persist(lambda: self._client.list(REPLICATION_CONTROLLERS, self.namespace))
        items: list[JSON] = listing["items"]
        return items

    async def create(self, rc: JSON) -> JSON:
        """Raises StatusError, with code 409 when the name is taken."""
        wanted = objects.with_metadata(rc, namespace=self.namespace)
        if not objects.name(wanted):
            return await self._client.create(REPLICATION_CONTROLLERS, wanted)
        return await self._persist(lambda: self._client.create(REPLICATION_CONTROLLERS, wanted))

    async def change(self, name: str, change: Callable[[JSON], JSON]) -> JSON:
        """Get, change, put, and again on a conflict."""
        return await self._change(REPLICATION_CONTROLLERS, name, change)

    async def change_pod(self, name: str, change: Callable[[JSON], JSON]) -> JSON:
        return await self._change(PODS, name, change)

    async def delete(self, rc: JSON, propagation_policy: str = "") -> None:
        """Nothing happens when it is gone already."""
        await self._delete(REPLICATION_CONTROLLERS, rc, propagation_policy)

    async def delete_pod(self, pod: JSON) -> None:
        await self._delete(PODS, pod, "")

    async def pods(self, selector: JSON) -> list[JSON]:
        text = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        listing = await self._persist(lambda: self._client.list(PODS, self.namespace, label_selector=text))
        items: list[JSON] = listing["items"]
        return items

    async def scale(self, name: str, replicas: int) -> JSON:
        """Set the size and wait until the controller's manager has got as many Pods (not: until they are ready)."""
        updated = await self._set_replicas(name, replicas)
        generation = objects.generation(updated)

        def settled(rc: JSON | None) -> bool:
            if rc is None or plan.replicas(rc) != replicas:
                return rc is None or objects.generation(rc) >= generation
            return objects.generation(rc) >= generation and plan.has_desired_replicas(rc)

        try:
            await self._until(name, settled, max(0.0, self.timing.timeout))
        except TimeoutError:
            raise ToolError(f'timed out waiting for "{name}" to be synced') from None
        return await self.get(name)

    async def _set_replicas(self, name: str, replicas: int) -> JSON:
        until = self._env.monotonic() + self.timing.timeout
        while True:
            current = await self.get(name)
            wanted = {**current, "spec": {**current["spec"], "replicas": replicas}}
            try:
                return await self._put(REPLICATION_CONTROLLERS, wanted)
            except StatusError as error:
                if error.code != 409:
                    version = current["metadata"].get("resourceVersion", "")
                    raise ToolError(
                        f"Scaling the resource failed with: {error.message}; Current resource version {version}"
                    ) from None
            if self._env.monotonic() >= until:
                raise ToolError("timed out waiting for the condition")
            await self.pause()

    async def wait_desired(self, name: str) -> JSON:
        """Poll until status.replicas is what it should be. Raises ToolError after the timeout."""
        until = self._env.monotonic() + self.timing.timeout
        while True:
            await self.pause()
            current = await self.get(name)
            if plan.has_desired_replicas(current):
                return current
            if self._env.monotonic() >= until:
                raise ToolError("timed out waiting for the condition")

    async def wait_for(self, name: str, condition: wait.Condition, seconds: float) -> JSON | None:
        """Until the controller is as wanted. Raises ToolError when that takes too long."""
        try:
            return await self._until(name, condition, seconds)
        except TimeoutError:
            raise ToolError("timed out waiting for the condition") from None

    async def _until(self, name: str, condition: wait.Condition, seconds: float) -> JSON | None:
        return await wait.wait_for(self._client, REPLICATION_CONTROLLERS, name, self.namespace, condition, seconds)

    async def wait_deleted(self, name: str, uid: str) -> None:
        """Until the controller with this uid is gone."""
        await self.wait_for(name, lambda rc: rc is None or objects.uid(rc) != uid, max(0.0, self.timing.timeout))

    async def pause(self) -> None:
        """One poll interval."""
        await asyncio.sleep(max(self.timing.poll_interval, SHORTEST_PAUSE_SECONDS))

    async def _change(self, resource: ResourceRef, name: str, change: Callable[[JSON], JSON]) -> JSON:
        for pause in (*CONFLICT_PAUSES, None):
            current = await self._persist(lambda: self._client.get(resource, name, self.namespace))
            wanted = change(current)
            if wanted == current:
                return current
            try:
                return await self._put(resource, wanted)
            except StatusError as error:
                if error.code != 409 or pause is None:
                    raise
            await asyncio.sleep(pause * (1 + CONFLICT_JITTER * self._env.random.random()))
        raise AssertionError("the last attempt returns or raises")

    async def _put(self, resource: ResourceRef, obj: JSON) -> JSON:
        return await self._persist(lambda: self._client.update(resource, obj))

    async def _delete(self, resource: ResourceRef, obj: JSON, propagation_policy: str) -> None:
        try:
            await self._persist(
                lambda: self._client.delete(
                    resource,
                    objects.name(obj),
                    self.namespace,
                    uid=objects.uid(obj),
                    propagation_policy=propagation_policy,
                )
            )
        except StatusError as error:
            if error.code != 404:
                raise

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        patience = min(self.timing.timeout, PATIENCE_SECONDS)
        pause = max(self.timing.poll_interval, SHORTEST_PAUSE_SECONDS)
        return await persisting.persist(self._env, call, patience, pause)
