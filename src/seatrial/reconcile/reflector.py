"""Keeps a copy of a resource up to date: list, then watch from there (client-go tools/cache/reflector.go).

    LIST ──listed──▶ WATCH ──410, ERROR──▶ LIST
     ▲ └─failed─▶ PAUSE ◀─connection lost, refused─┘
     └──────────────┘ (to LIST or back to WATCH)

A watch that merely ends, or whose connection is lost, is resumed at the last resourceVersion seen, so that nothing is
listed twice without need. Bookmarks move that resourceVersion on without a change.
"""

import asyncio
import enum
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from seatrial.aio.backoff import ReconnectBackoff
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent

log = logging.getLogger(__name__)

MIN_WATCH_SECONDS = 300
LONGEST_PAUSE_SECONDS = 30.0


class State(enum.Enum):
    """Where the reflector stands; see the module."""

    LIST = "list"
    WATCH = "watch"
    PAUSE = "pause"


class Source(Protocol):
    """Where the objects come from: a `Reader`, or one that narrows what is listed and watched."""

    async def list(self, resource: ResourceRef) -> JSON: ...

    def watch(
        self, resource: ResourceRef, *, resource_version: str = "", timeout_seconds: int = 0
    ) -> AsyncIterator[WatchEvent]: ...


class Sink(Protocol):
    """Where the copy is kept."""

    def replace(self, items: Sequence[JSON], revision: int) -> None: ...

    def apply(self, event: WatchEvent) -> None: ...


class Reflector:
    """See the module. `run` ends only when it is cancelled."""

    def __init__(
        self, resource: ResourceRef, reader: Source, env: Env, sink: Sink, longest_pause: float = LONGEST_PAUSE_SECONDS
    ) -> None:
        self.resource = resource
        self.state = State.LIST
        self.resource_version = ""
        self.lists = 0
        self._reader, self._env, self._sink = reader, env, sink
        self._backoff = ReconnectBackoff(env, cap=longest_pause)
        self._after_pause = State.LIST

    async def run(self) -> None:
        while True:
            if self.state is State.LIST:
                await self._list()
            elif self.state is State.WATCH:
                await self._watch()
            else:
                await asyncio.sleep(self._backoff.next())
                self.state = self._after_pause

    async def _list(self) -> None:
        try:
            answer = await self._reader.list(self.resource)
        except (StatusError, ConnectionError) as error:
            log.info("list %s: %s", self.resource.qualified, error)
            self._pause(State.LIST)
            return
        self.lists += 1
        self.resource_version = answer["metadata"]["resourceVersion"]
        self._sink.replace(answer.get("items") or [], int(self.resource_version))
        self.state = State.WATCH

    async def _watch(self) -> None:
        began = self._env.monotonic()
        seen = self.resource_version
        try:
            await self._receive()
        except StatusError as error:
            self._refused(error)
        except ConnectionError as error:
            log.info("watch %s: %s", self.resource.qualified, error)
            self._pause(State.WATCH)
        else:
            if seen == self.resource_version and self._env.monotonic() - began < 1:
                self._pause(State.WATCH)

    async def _receive(self) -> None:
        """Until the server ends the watch. The end is asked for at a random time, so that not all end at once."""
        timeout = int(MIN_WATCH_SECONDS * (1 + self._env.random.random()))
        events = self._reader.watch(self.resource, resource_version=self.resource_version, timeout_seconds=timeout)
        async for event in events:
            if event.type == "ERROR":
                raise StatusError(event.object)
            self.resource_version = event.object["metadata"]["resourceVersion"]
            self._sink.apply(event)

    def _refused(self, error: StatusError) -> None:
        if error.code == 410 or error.reason in ("Expired", "Gone"):
            self.state = State.LIST
        else:
            log.info("watch %s: %s", self.resource.qualified, error)
            self._pause(State.WATCH if error.code == 429 else State.LIST)

    def _pause(self, then: State) -> None:
        self.state, self._after_pause = State.PAUSE, then
