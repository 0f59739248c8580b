"""Watching a Deployment roll: one view that is always current, and the lowest availability ever seen.

It needs nothing but watches on Deployments and ReplicaSets, so it works on any cluster.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from seatrial.api.registry import DEPLOYMENTS, REPLICA_SETS
from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.reconcile.informer import Informers
from seatrial.rollout import view
from seatrial.rollout.view import RollView


class RollWatch:
    """Follows one Deployment from entering the context until leaving it.

    `view` is None until the Deployment is there. `lowest_available` counts from the last `mark()`.
    """

    def __init__(self, client: Client, env: Env, name: str, namespace: str) -> None:
        self._informers = Informers(client, env)
        self._env = env
        self._key = (namespace, name)
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[RollView], None]] = []
        self.view: RollView | None = None
        self.lowest_available: int | None = None

    async def __aenter__(self) -> Self:
        for resource in (DEPLOYMENTS, REPLICA_SETS):
            self._informers.informer(resource).add_handler(self._on_change)
        self._informers.start()
        await self._informers.synced()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._informers.stop()

    def on_change(self, listener: Callable[[RollView], None]) -> None:
        """Call `listener` with every new view."""
        self._listeners.append(listener)

    def mark(self) -> None:
        """Forget the lowest availability; count from now."""
        self.lowest_available = self.view.available if self.view else None

    async def complete(self, generation: int, timeout_seconds: float) -> RollView:
        """Wait until the roll of this metadata.generation (or a later one) is complete.

        Raises ToolError when it exceeds its progress deadline, or after `timeout_seconds`.
        """
        until = self._env.monotonic() + timeout_seconds
        while True:
            current, observed = self.view, self._observed()
            if current and observed >= generation:
                if current.complete:
                    return current
                if current.failed:
                    raise ToolError(f"deployment/{self._key[1]} does not finish: {current.failed}")
            remaining = until - self._env.monotonic()
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, remaining))
            except TimeoutError:
                raise ToolError(self._late(timeout_seconds)) from None

    def _late(self, seconds: float) -> str:
        if self.view is None:
            return f"deployment/{self._key[1]} did not appear within {seconds:.0f} s"
        return (
            f"deployment/{self._key[1]} did not finish within {seconds:.0f} s: {self.view.updated} of "
            f"{self.view.desired} Pods are updated, {self.view.available} available"
        )

    def _observed(self) -> int:
        deployment = self._informers.informer(DEPLOYMENTS).cache.get(self._key)
        return int((deployment or {}).get("status", {}).get("observedGeneration", 0))

    def _on_change(self, old: JSON | None, new: JSON | None) -> None:
        if objects.namespace(new or old or {}) != self._key[0]:
            return
        deployment = self._informers.informer(DEPLOYMENTS).cache.get(self._key)
        if deployment is None:
            return
        replica_sets = self._informers.informer(REPLICA_SETS).cache.list(self._key[0])
        current = view.of_deployment(deployment, replica_sets)
        self._changed.set()
        if current == self.view:
            return
        self.view = current
        if self.lowest_available is not None:
            self.lowest_available = min(self.lowest_available, current.available)
        for listener in self._listeners:
            listener(current)
