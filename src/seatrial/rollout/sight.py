"""What a command sees of a cluster: only the objects that it needs, one list and one watch per kind.

Every kind has its scope in one namespace (selectors), so that neither the server nor the connection carries more than
is looked at, and rights on that namespace are enough. A connection that is lost is made again; the last state stays.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from seatrial.aio.sync import Pulse
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.client.persisting import PATIENCE_SECONDS
from seatrial.client.wait import WATCH_SECONDS
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent
from seatrial.reconcile.informer import Informers

FORBIDDEN = 403
LONGEST_PAUSE_SECONDS = 4.0
FIRST_LOOK_SECONDS = 0.1
WORKING_SECONDS = 1.0
"""A watch that lasts so long has worked, however it ends."""
_FINAL = frozenset({400, 401, FORBIDDEN, 404, 405})


@dataclass(frozen=True)
class Scope:
    """What of a kind. `optional`: without the right to read it, there is simply none of it."""

    resource: ResourceRef
    label_selector: str = ""
    field_selector: str = ""
    optional: bool = False


class Sight:
    """The objects of all scopes, from entering the context until leaving it.

    Entering raises StatusError where the server refuses, ConnectionError where it can't be reached.
    """

    def __init__(self, client: Reader, env: Env, namespace: str, scopes: Sequence[Scope]) -> None:
        self._env, self._namespace = env, namespace
        self._pulse = Pulse()
        self._scoped = _Scoped(client, env, namespace, scopes, self._pulse)
        self._informers = Informers(self._scoped, env, LONGEST_PAUSE_SECONDS)
        self._scopes = scopes
        self._own: dict[tuple[str, str], JSON] = {}

    async def __aenter__(self) -> Self:
        for scope in self._scopes:
            self._informers.informer(scope.resource).add_handler(self._on_change)
        self._informers.start()
        synced = asyncio.ensure_future(self._informers.synced())
        try:
            while not synced.done():
                await asyncio.wait([synced], timeout=FIRST_LOOK_SECONDS)
                self._check()
        except BaseException:
            synced.cancel()
            await self._informers.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._informers.stop()

    def readable(self, resource: ResourceRef) -> bool:
        """Whether the server lets us read this kind; only optional ones can be unreadable."""
        return resource.qualified not in self._scoped.unreadable

    def all(self, resource: ResourceRef) -> list[JSON]:
        """By name."""
        return [self._newest(resource, obj) for obj in self._informers.informer(resource).cache.list(self._namespace)]

    def get(self, resource: ResourceRef, name: str) -> JSON | None:
        """None when there is none."""
        obj = self._informers.informer(resource).cache.get((self._namespace, name))
        return self._newest(resource, obj) if obj is not None else None

    def wrote(self, resource: ResourceRef, obj: JSON) -> None:
        """Show the answer to a write of ours until the watch brings it."""
        self._own[resource.qualified, objects.name(obj)] = obj

    async def change(self, seconds: float) -> None:
        """Return after the next change, at the latest after so many seconds. Raises as entering does."""
        try:
            async with asyncio.timeout(seconds):
                await self._pulse.wait()
        except TimeoutError:
            pass
        self._check()

    def _check(self) -> None:
        self._informers.check()
        self._scoped.check()

    def _newest(self, resource: ResourceRef, obj: JSON) -> JSON:
        own = self._own.get((resource.qualified, objects.name(obj)))
        if own is None or objects.uid(own) != objects.uid(obj):
            return obj
        return own if objects.resource_version(own) >= objects.resource_version(obj) else obj

    def _on_change(self, old: JSON | None, new: JSON | None) -> None:
        self._pulse.beat()


class _Scoped:
    """Lists and watches each kind in its scope only, and remembers what can't be got over (a reflector's Source)."""

    def __init__(self, client: Reader, env: Env, namespace: str, scopes: Sequence[Scope], pulse: Pulse) -> None:
        self._client, self._env, self._namespace, self._pulse = client, env, namespace, pulse
        self._scopes = {scope.resource.qualified: scope for scope in scopes}
        self._seen: dict[str, int] = {}
        self._failing: dict[str, tuple[float, Exception]] = {}
        self._refused: StatusError | None = None
        self.unreadable: set[str] = set()

    def check(self) -> None:
        """Raises what keeps us from seeing anything: a refusal, or a connection that has failed for a minute."""
        if self._refused is not None:
            raise self._refused
        for since, error in self._failing.values():
            if self._env.monotonic() - since >= PATIENCE_SECONDS:
                raise error

    async def list(self, resource: ResourceRef) -> JSON:
        scope = self._scopes[resource.qualified]
        try:
            answer: JSON = await self._client.list(
                resource,
                self._namespace,
                label_selector=scope.label_selector,
                field_selector=scope.field_selector,
            )
        except StatusError as error:
            if scope.optional and error.code == FORBIDDEN:
                self.unreadable.add(resource.qualified)
                return {"metadata": {"resourceVersion": "0"}, "items": []}
            self._failed(resource, error)
            raise
        except ConnectionError as error:
            self._failed(resource, error)
            raise
        self._failing.pop(resource.qualified, None)
        self._check_age(resource, answer)
        return answer

    def _check_age(self, resource: ResourceRef, answer: JSON) -> None:
        """A server that lags behind another must not take us back in time."""
        revision = objects.resource_version(answer)
        if revision < self._seen.get(resource.qualified, 0):
            raise ConnectionError("the server answered with an older state than it did before")
        self._seen[resource.qualified] = revision

    def _failed(self, resource: ResourceRef, error: Exception) -> None:
        if isinstance(error, StatusError) and error.code in _FINAL:
            self._refused = error
        self._failing.setdefault(resource.qualified, (self._env.monotonic(), error))
        self._pulse.beat()

    async def watch(
        self, resource: ResourceRef, *, resource_version: str = "", timeout_seconds: int = 0
    ) -> AsyncIterator[WatchEvent]:
        if resource.qualified in self.unreadable:
            await asyncio.sleep(timeout_seconds)
            return
        scope, begun = self._scopes[resource.qualified], self._env.monotonic()
        events = self._client.watch(
            resource,
            self._namespace,
            label_selector=scope.label_selector,
            field_selector=scope.field_selector,
            resource_version=resource_version,
            timeout_seconds=min(timeout_seconds, WATCH_SECONDS),
        )
        try:
            async for event in events:
                self._failing.pop(resource.qualified, None)
                revision = objects.resource_version(event.object)
                self._seen[resource.qualified] = max(self._seen.get(resource.qualified, 0), revision)
                yield event
        except (StatusError, ConnectionError) as error:
            if scope.optional and isinstance(error, StatusError) and error.code == FORBIDDEN:
                self.unreadable.add(resource.qualified)
                return
            if self._env.monotonic() - begun < WORKING_SECONDS:
                self._failed(resource, error)
            raise
