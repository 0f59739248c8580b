"""The way from a listener to an endpoint: dial one, then another, then wait a moment for one to come up."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from seatrial.aio.sync import Pulse
from seatrial.base.env import Env
from seatrial.proxy.balancer import Balancer
from seatrial.proxy.connections import Connections
from seatrial.proxy.decide import Endpoint

P = TypeVar("P", bound=asyncio.Protocol)
CONNECT_SECONDS = 1.0
"""How long one endpoint may take to accept."""
PATIENCE_SECONDS = 5.0
"""How long a connection is held when endpoints are listed but none accepts."""
RETRY_SECONDS = 0.05

_LINGER_NONE = struct.pack("ii", 1, 0)


class Refused(ConnectionError):
    """No endpoint took the connection."""


class Route:
    """What every connection of one listener shares. `changed` beats when the endpoints change.

    Without `retries` an endpoint that does not accept is the client's misfortune, as with kube-proxy.
    """

    def __init__(self, balancer: Balancer, connections: Connections, env: Env, retries: bool = True) -> None:
        self.retries = retries
        self.balancer = balancer
        self.connections = connections
        self.changed = Pulse()
        self.relays: dict[asyncio.Protocol, None] = {}
        self._env = env

    async def dial(
        self, client: asyncio.Transport, factory: Callable[[], P], avoid: Sequence[Endpoint] = ()
    ) -> tuple[P, Endpoint]:
        """A connected protocol. Its endpoint was usable when the connection was there.

        Endpoints in `avoid` failed this client before: they are tried only when no other is left.
        """
        balancer = self.balancer
        address = client.get_extra_info("peername")[0] if balancer.sticky else ""
        started = self._env.monotonic()
        tried = list(avoid)
        while True:
            endpoint = balancer.pick(address, self._env.monotonic(), tried)
            if endpoint is None:
                if len(tried) > len(avoid) or not avoid:
                    await self._wait(started)
                tried, avoid = [], ()
                continue
            connected = await _connect(factory, endpoint)
            if connected is None:
                if not self.retries:
                    raise Refused
                tried.append(endpoint)
                continue
            if balancer.usable(endpoint):
                return connected[1], endpoint
            connected[0].abort()

    async def _wait(self, started: float) -> None:
        """Until the endpoints change or one may have come back; Refused when there is nothing to wait for."""
        if self.balancer.refuses or self._env.monotonic() - started > PATIENCE_SECONDS:
            raise Refused
        try:
            async with asyncio.timeout(RETRY_SECONDS):
                await self.changed.wait()
        except TimeoutError:
            pass


async def _connect(factory: Callable[[], P], endpoint: Endpoint) -> tuple[asyncio.Transport, P] | None:
    """None: this endpoint does not accept."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await loop.create_connection(factory, endpoint.ip, endpoint.port)
    except OSError:
        return None


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that the other side sees it was not answered (RST, as from a closed port)."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        except OSError:
            pass  # closed already
    transport.abort()


def pause(transport: asyncio.Transport | None) -> None:
    """Read no more from a side for now; uvloop minds if it is closed already."""
    if transport is not None and not transport.is_closing():
        transport.pause_reading()


def resume(transport: asyncio.Transport | None) -> None:
    """Read again."""
    if transport is not None and not transport.is_closing():
        transport.resume_reading()
