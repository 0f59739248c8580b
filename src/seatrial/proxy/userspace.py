"""Passes the bytes of one connection between a client and an endpoint, without understanding them.

The endpoint is dialled when the client comes. A connection on which nothing was said yet moves to another endpoint
when its own ends; one that was said something stays until it is closed. Half-closed connections and back-pressure
pass through. After kube-proxy's former userspace mode (pkg/proxy/userspace), minus its dropped connections.
"""

import asyncio
from typing import cast

from seatrial.proxy.connections import Withdrawal
from seatrial.proxy.decide import Endpoint
from seatrial.proxy.route import Refused, Route, pause, reset, resume

HELD_BYTES = 65536
"""How much of a client's data is kept while its endpoint is being dialled."""
MAX_ATTEMPTS = 5
QUIET_SECONDS = 0.1
"""An answer to the one request of a connection counts as whole when nothing followed for this long."""


class Upstream(asyncio.Protocol):
    """The endpoint's side."""

    __slots__ = ("relay", "transport")

    def __init__(self, relay: "Relay") -> None:
        self.relay: Relay | None = relay
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        relay = self.relay
        if relay is not None:
            relay.client.write(data)
            relay.unanswered = False
            relay.answered = True
            if relay.withdrawal is not None:
                relay.answered_while_withdrawn()

    def eof_received(self) -> bool:
        return self.relay is not None and self.relay.upstream_ended(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self.relay is not None:
            self.relay.upstream_lost(self, error)

    def pause_writing(self) -> None:
        if self.relay is not None:
            pause(self.relay.client)

    def resume_writing(self) -> None:
        if self.relay is not None:
            resume(self.relay.client)


class Relay(asyncio.Protocol):
    """The client's side, and the state of both.

    `unanswered`: the client said something since the endpoint did. `again`: it said something after an answer.
    """

    __slots__ = (
        "_attempts", "_client_ended", "_dialling", "_endpoint", "_far", "_held", "_held_size", "_quiet", "_route",
        "_upstream", "_upstream_ended", "again", "answered", "client", "unanswered", "withdrawal",
    )  # fmt: skip

    def __init__(self, route: Route) -> None:
        self._route = route
        self._dialling: asyncio.Task[None] | None = None
        self._far: Upstream | None = None
        self._upstream: asyncio.Transport | None = None
        self._endpoint: Endpoint | None = None
        self._held: list[bytes] = []
        self._held_size = 0
        self._attempts = 0
        self._client_ended = False
        self._upstream_ended = False
        self._quiet: asyncio.TimerHandle | None = None
        self.client: asyncio.Transport
        self.unanswered = False
        self.answered = False
        self.again = False
        self.withdrawal: Withdrawal | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.client = cast(asyncio.Transport, transport)
        self._route.relays[self] = None
        self._dial()

    def data_received(self, data: bytes) -> None:
        upstream = self._upstream
        if upstream is None:
            self._hold(data)
            return
        self.unanswered = True
        self.again = self.answered
        upstream.write(data)

    def eof_received(self) -> bool:
        self._client_ended = True
        if self._upstream is not None:
            self._pass_end(self._upstream)
        return not self._upstream_ended

    def connection_lost(self, error: Exception | None) -> None:
        self._route.relays.pop(self, None)
        if self._dialling is not None:
            self._dialling.cancel()
        upstream = self._leave()
        if upstream is not None:
            if error is None:
                upstream.close()
            else:
                reset(upstream)

    def pause_writing(self) -> None:
        pause(self._upstream)

    def resume_writing(self) -> None:
        resume(self._upstream)

    def abort(self) -> None:
        """The proxy ends."""
        reset(self.client)

    def withdraw(self, withdrawal: Withdrawal) -> bool:
        """Move if nothing was said; wait if an answer is due, or if the only one may still be under way."""
        if not self.answered and not self.unanswered:
            self._move()
            return True
        if self.answered and (self.again or self._upstream_ended) and not self.unanswered:
            return True
        self.withdrawal = withdrawal
        if self.answered and not self.again:
            self.answered_while_withdrawn()
        return False

    def answered_while_withdrawn(self) -> None:
        """A later request's answer has begun: done. The only one's: done when quiet, for it may be long."""
        if self._quiet is not None:
            self._quiet.cancel()
        if self.again:
            self._settle()
        else:
            self._quiet = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._settle)

    def upstream_ended(self, upstream: Upstream) -> bool:
        """The endpoint sends no more. True keeps the way to it open."""
        if upstream is not self._far:
            return False
        if not self.answered and not self.unanswered and self._can_move():
            self._move()
            return False
        self._upstream_ended = True
        self._pass_end(self.client)
        if self._client_ended:
            self.client.close()
        return not self._client_ended

    def upstream_lost(self, upstream: Upstream, error: Exception | None) -> None:
        """The endpoint's side is closed; so is the client's, unless nothing was said and somebody else can answer."""
        if upstream is not self._far:
            return
        untouched = not self.answered and not self.unanswered
        self._leave()
        if untouched and (error is not None or self._can_move()) and not self._upstream_ended:
            self._dial_again()
        elif error is None:
            self.client.close()
        else:
            reset(self.client)

    def _can_move(self) -> bool:
        route = self._route
        return route.retries and self._endpoint is not None and not route.balancer.usable(self._endpoint)

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            upstream, endpoint = await self._route.dial(self.client, lambda: Upstream(self))
        except Refused:
            reset(self.client)
            return
        finally:
            self._dialling = None
        transport = upstream.transport
        if transport is None or transport.is_closing():
            self._lost_at_once()
            return
        self._far, self._upstream, self._endpoint = upstream, transport, endpoint
        self._route.connections.enter(endpoint.pod_uid, self)
        self._send_held()

    def _lost_at_once(self) -> None:
        """The endpoint accepted and was gone before we looked."""
        if self.answered:
            self.client.close()
        else:
            self._dial_again()

    def _dial_again(self) -> None:
        """An endpoint that takes connections only to break them is not tried for ever."""
        self._attempts += 1
        if self._route.retries and self._attempts < MAX_ATTEMPTS:
            self._dial()
        else:
            reset(self.client)

    def _send_held(self) -> None:
        assert self._upstream is not None
        if self._held:
            data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self.unanswered = True
            self._upstream.write(data)
            if self._held_size >= HELD_BYTES:
                resume(self.client)
            self._held, self._held_size = [], 0
        if self._client_ended:
            self._pass_end(self._upstream)

    def _hold(self, data: bytes) -> None:
        before = self._held_size
        self._held.append(data)
        self._held_size += len(data)
        if before < HELD_BYTES <= self._held_size:
            pause(self.client)

    def _pass_end(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def _move(self) -> None:
        """Take another endpoint; nothing was said to this one."""
        upstream = self._leave()
        if upstream is not None:
            upstream.abort()
        self._dial()

    def _leave(self) -> asyncio.Transport | None:
        """Have no endpoint any more; what was waiting for this connection need not wait."""
        upstream, self._upstream = self._upstream, None
        if self._far is not None:
            self._far.relay = None
            self._far = None
        if self._endpoint is not None:
            self._route.connections.leave(self._endpoint.pod_uid, self)
        self._settle()
        return upstream

    def _settle(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        withdrawal, self.withdrawal = self.withdrawal, None
        if withdrawal is not None:
            withdrawal.settled(self)
