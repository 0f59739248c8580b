"""The sockets that Services are served at: opened, changed and closed as the table says.

A port without any endpoint is not listened on, so that clients are refused as kube-proxy's REJECT refuses them.
Open connections outlive their listener.
"""

import asyncio
import socket
from collections.abc import Collection

from seatrial.base.env import Env
from seatrial.proxy.balancer import Balancer
from seatrial.proxy.connections import Connections
from seatrial.proxy.decide import ServedPort
from seatrial.proxy.http_relay import HttpRelay
from seatrial.proxy.route import Route
from seatrial.proxy.userspace import Relay

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel's own limit (somaxconn) applies as well."""

Place = tuple[str, int]
"""The address and port that a listener is at."""


class Listener:
    """One address and port, and who answers there now."""

    def __init__(self, served: ServedPort, connections: Connections, env: Env, retries: bool) -> None:
        self.served = served
        self.balancer = Balancer(env.random, served.affinity_seconds)
        self.route = Route(self.balancer, connections, env, retries)
        self._server: asyncio.Server | None = None

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def update(self, served: ServedPort, withdrawn: Collection[str]) -> None:
        """Take over the newest table; raises OSError when the port can't be had."""
        self.served = served
        self.balancer.update(served.ready, served.draining, served.affinity_seconds, withdrawn)
        self.route.changed.beat()
        if self.balancer.refuses:
            self.close()
        elif self._server is None:
            self._server = await self._listen()

    def withdraw(self, withdrawn: Collection[str]) -> None:
        self.balancer.withdraw(withdrawn)
        self.route.changed.beat()

    def close(self) -> None:
        """Accept no more; open connections go on."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def abort(self) -> None:
        """End it with all its connections."""
        self.close()
        for relay in list(self.route.relays):
            assert isinstance(relay, Relay | HttpRelay)
            relay.abort()

    async def _listen(self) -> asyncio.Server:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.served.address, self.served.port))
            listening.setblocking(False)
            return await asyncio.get_running_loop().create_server(self._accept, sock=listening, backlog=BACKLOG)
        except OSError:
            listening.close()
            raise

    def _accept(self) -> asyncio.Protocol:
        return HttpRelay(self.route) if self.served.http and self.route.retries else Relay(self.route)


class Listeners:
    """All listeners of the proxy, by place. Without `retries` connections are only passed on, never moved."""

    def __init__(self, env: Env, *, retries: bool = True) -> None:
        self._retries = retries
        self.connections = Connections()
        self.withdrawn: dict[str, None] = {}
        """Uids of Pods that get no new connection, oldest first."""
        self._env = env
        self._open: dict[Place, Listener] = {}
        self._closed: list[Listener] = []

    def all(self) -> list[Listener]:
        return [self._open[place] for place in sorted(self._open)]

    def at(self, place: Place) -> Listener | None:
        return self._open.get(place)

    async def serve(self, served: ServedPort) -> None:
        """Open or change the listener of this port; raises OSError when the port can't be had."""
        place = (served.address, served.port)
        listener = self._open.get(place)
        if listener is not None and listener.served.service != served.service:
            self.drop(place)
            listener = None
        if listener is None:
            listener = self._open[place] = Listener(served, self.connections, self._env, self._retries)
        await listener.update(served, self.withdrawn)

    def drop(self, place: Place) -> None:
        """Accept no more at this place."""
        listener = self._open.pop(place, None)
        if listener is not None:
            listener.close()
            self._closed = [one for one in self._closed if one.route.relays]
            self._closed.append(listener)

    def withdraw(self, pod_uid: str) -> None:
        """No listener picks this Pod any more."""
        self.withdrawn[pod_uid] = None
        for listener in self.all():
            if listener.balancer.routes_to(pod_uid):
                listener.withdraw(self.withdrawn)

    def can_spare(self, pod_uid: str) -> bool:
        """Whether every listener would still find somebody, or knows that this Pod ends."""
        return all(
            listener.balancer.can_spare(pod_uid) for listener in self.all() if listener.balancer.routes_to(pod_uid)
        )

    def abort(self) -> None:
        for listener in [*self.all(), *self._closed]:
            listener.abort()
        self._open.clear()
        self._closed.clear()
