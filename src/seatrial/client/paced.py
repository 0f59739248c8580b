"""Writes that take as long as those of an API server behind a network and a disk: for rehearsals in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from seatrial.base.env import Env
from seatrial.client.base import Request, Response, Transport
from seatrial.machinery.watch import WatchEvent


@dataclass
class Pace:
    """Seconds of each write: on its way, and at the server, which takes one after the other."""

    latency: float
    service: float
    free_at: float = field(default=0.0, init=False)
    """When the server has done what it was asked so far (Env.now)."""

    def wait(self, now: float) -> float:
        """How long a write that comes now takes."""
        self.free_at = max(self.free_at, now + self.latency) + self.service
        return self.free_at - now


class PacedTransport:
    """`inner` at a pace. Reads and watches are not slowed: components read from their caches."""

    def __init__(self, inner: Transport, pace: Pace, env: Env) -> None:
        self._inner, self._pace, self._env = inner, pace, env

    async def request(self, request: Request) -> Response:
        """As Transport.request, later."""
        if request.method != "GET":
            await asyncio.sleep(self._pace.wait(self._env.now()))
        return await self._inner.request(request)

    def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        """As Transport.watch."""
        return self._inner.watch(request)

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """As Transport.stream."""
        return self._inner.stream(request)

    async def aclose(self) -> None:
        """As Transport.aclose."""
        await self._inner.aclose()
