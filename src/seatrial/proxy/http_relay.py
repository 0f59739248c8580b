"""Passes HTTP/1.1 requests on, one at a time, unchanged, each to an endpoint that is there to stay.

A connection of a client may see several endpoints in its life: between two requests it leaves one that is about to
end, and finds another with the next request. A request that got no byte of answer is sent again elsewhere if it was
never sent, or if it is idempotent and still held whole (bodies up to 64 KiB). What is not HTTP/1.x, upgraded
connections and the last exchange before a close pass through as bytes.
"""

import asyncio
from typing import cast

from seatrial.proxy import http_boundaries
from seatrial.proxy.connections import Withdrawal
from seatrial.proxy.decide import Endpoint
from seatrial.proxy.http_boundaries import END_OF_HEAD, MAX_HEAD, UNTIL_CLOSE, Body, NotHttp, RequestHead, ResponseHead
from seatrial.proxy.route import Refused, Route, pause, reset, resume

HELD_BYTES = 65536
"""How much of a request is kept to be sent again."""
MAX_ATTEMPTS = 5


class HttpUpstream(asyncio.Protocol):
    """The endpoint's side."""

    __slots__ = ("relay", "transport")

    def __init__(self, relay: "HttpRelay") -> None:
        self.relay: HttpRelay | None = relay
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.relay is not None:
            self.relay.answer_received(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.relay is not None:
            self.relay.upstream_lost(self, error)

    def pause_writing(self) -> None:
        if self.relay is not None:
            pause(self.relay.client)

    def resume_writing(self) -> None:
        if self.relay is not None and not self.relay.inbox:
            resume(self.relay.client)


class HttpRelay(asyncio.Protocol):
    """The client's side, and the state of the exchange. `inbox`: what the client sent beyond the current request."""

    __slots__ = (
        "_answered", "_client_ended", "_dialling", "_endpoint", "_failed", "_far", "_head", "_held", "_held_size",
        "_opaque", "_request", "_request_body", "_response", "_response_body", "_route", "_upstream", "_whole",
        "client", "inbox", "withdrawal",
    )  # fmt: skip

    def __init__(self, route: Route) -> None:
        self._route = route
        self.client: asyncio.Transport
        self.inbox = b""
        self.withdrawal: Withdrawal | None = None
        self._client_ended = False
        self._dialling: asyncio.Task[None] | None = None
        self._far: HttpUpstream | None = None
        self._upstream: asyncio.Transport | None = None
        self._endpoint: Endpoint | None = None
        self._opaque = False
        self._failed: list[Endpoint] = []
        self._request: RequestHead | None = None
        self._request_body: Body | None = None
        self._held: list[bytes] = []
        self._held_size = 0
        self._whole = True
        self._answered = False
        self._head = b""
        self._response: ResponseHead | None = None
        self._response_body: Body | None = None

    # -- the client's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.client = cast(asyncio.Transport, transport)
        self._route.relays[self] = None

    def data_received(self, data: bytes) -> None:
        if self._opaque:
            self._forward(data)
            return
        if self.inbox:
            data, self.inbox = self.inbox + data, b""
        try:
            self._take(data)
        except NotHttp:
            self._become_opaque()
            self._forward(data)

    def eof_received(self) -> bool:
        self._client_ended = True
        if self._opaque and self._upstream is not None:
            _end(self._upstream)
            return True
        return self._request is not None or self._opaque

    def connection_lost(self, error: Exception | None) -> None:
        self._route.relays.pop(self, None)
        if self._dialling is not None:
            self._dialling.cancel()
        busy = self._request is not None and not self._opaque
        upstream = self._leave()
        if upstream is None:
            return
        if error is not None or busy:
            reset(upstream)
        else:
            upstream.close()

    def pause_writing(self) -> None:
        pause(self._upstream)

    def resume_writing(self) -> None:
        resume(self._upstream)

    def abort(self) -> None:
        """The proxy ends."""
        reset(self.client)

    def withdraw(self, withdrawal: Withdrawal) -> bool:
        """Between requests it leaves at once; in a request, after the answer."""
        if self._opaque and self._request is None:
            return True
        if self._request is None:
            self._drop_upstream()
            return True
        self.withdrawal = withdrawal
        return False

    def _take(self, data: bytes) -> None:
        """The client's next bytes: the head of a request, more of its body, or a request that has to wait."""
        at = 0
        if self._request is None:
            head = self._head_of(data)
            if head is None:
                return
            at = len(head)
            self._begin(http_boundaries.parse_request(head))
        body = self._request_body
        assert body is not None
        if not body.done:
            at = body.feed(data, at)
        if at:
            self._forward(data if at == len(data) else data[:at])
        if at < len(data):
            self.inbox = data[at:]
            pause(self.client)

    def _head_of(self, data: bytes) -> bytes | None:
        """The bytes of a whole head; None: wait for more of it."""
        end = data.find(END_OF_HEAD)
        if end >= 0:
            return data if end + 4 == len(data) else data[: end + 4]
        if len(data) > MAX_HEAD or not http_boundaries.looks_like_request(data):
            raise NotHttp("not the beginning of a request")
        self.inbox = data
        return None

    def _begin(self, request: RequestHead) -> None:
        self._request = request
        self._request_body = Body(request.body)
        self._failed = []
        self._whole, self._answered = True, False
        self._head, self._response, self._response_body = b"", None, None

    def _become_opaque(self) -> None:
        """From here on these are bytes; what is held of a request in the making stays held."""
        self._opaque = True
        if self._request is None:
            self._whole, self._answered = True, False
            self._held, self._held_size = [], 0
        self._request = None

    def _forward(self, data: bytes) -> None:
        """To the endpoint, or kept until there is one."""
        upstream = self._upstream
        if upstream is not None:
            upstream.write(data)
        if self._opaque and upstream is not None:
            return
        if self._whole and not self._answered:
            self._hold(data, sent=upstream is not None)
        if upstream is None and self._dialling is None:
            self._dial()

    def _hold(self, data: bytes, sent: bool) -> None:
        before = self._held_size
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size < HELD_BYTES:
            return
        if sent:
            self._forget()
        elif before < HELD_BYTES:
            pause(self.client)

    def _forget(self) -> None:
        """The request can't be sent again."""
        self._whole = False
        self._held, self._held_size = [], 0

    # -- the endpoint's side

    def answer_received(self, upstream: HttpUpstream, data: bytes) -> None:
        """Bytes of a response go to the client as they come; here is seen where it ends."""
        if upstream is not self._far:
            return
        self.client.write(data)
        if self._opaque:
            return
        if not self._answered:
            self._answered = True
            self._held, self._held_size = [], 0
        try:
            if self._request is None or self._response_ends(data):
                self._finish()
        except NotHttp:
            self._become_opaque()
            self._settle()
            if self.inbox:
                data, self.inbox = self.inbox, b""
                resume(self.client)
                self._forward(data)

    def upstream_lost(self, upstream: HttpUpstream, error: Exception | None) -> None:
        """Between requests that is nobody's business; in one it is the end, unless the request can be sent again."""
        if upstream is not self._far:
            return
        endpoint = self._endpoint
        self._leave()
        if self._request is None and not self._opaque:
            return
        if endpoint is not None and self._may_send_again():
            self._failed.append(endpoint)
            self._dial()
            return
        complete = self._response is not None and self._response.body == UNTIL_CLOSE
        if error is None and (self._opaque or complete):
            self.client.close()
        else:
            reset(self.client)

    def _response_ends(self, data: bytes) -> bool:
        at = 0
        while True:
            if self._response_body is None:
                data, at, self._head = self._head + data[at:], 0, b""
                end = data.find(END_OF_HEAD)
                if end < 0:
                    if len(data) > MAX_HEAD:
                        raise NotHttp("a response without an end of its head")
                    self._head = data
                    return False
                at = end + 4
                self._read_head(data[:at])
                if self._response_body is None:
                    continue
            if not self._response_body.done:
                at = self._response_body.feed(data, at)
            if at < len(data):
                raise NotHttp("more than one response to a request")
            return self._response_body.done

    def _read_head(self, head: bytes) -> None:
        assert self._request is not None
        response = http_boundaries.parse_response(head, self._request.method)
        if response.interim:
            return
        if response.status == 101 or (self._request.upgrades and self._request.method == b"CONNECT"):
            raise NotHttp("the connection speaks another protocol from here on")
        self._response = response
        self._response_body = Body(response.body)

    def _finish(self) -> None:
        """The answer is whole: leave an endpoint that ends, then the next request."""
        request, response, body = self._request, self._response, self._request_body
        self._request = None
        if request is None or response is None or body is None or not body.done or request.closes or response.closes:
            self._opaque = True
            self._settle()
            if self._client_ended and self._upstream is not None:
                _end(self._upstream)
            return
        if self._endpoint is not None and not self._route.balancer.usable(self._endpoint):
            self._drop_upstream()
        self._settle()
        if self._client_ended and not self.inbox:
            self.client.close()
        elif self.inbox:
            resume(self.client)
            self.data_received(b"")

    def _may_send_again(self) -> bool:
        request = self._request
        if request is None or self._opaque or self._answered or not self._whole or len(self._failed) >= MAX_ATTEMPTS:
            return False
        return request.idempotent

    def _dial(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            while True:
                upstream, endpoint = await self._route.dial(self.client, lambda: HttpUpstream(self), self._failed)
                transport = upstream.transport
                if transport is not None and not transport.is_closing():
                    break
                self._failed.append(endpoint)
                if len(self._failed) >= MAX_ATTEMPTS:
                    raise Refused
        except Refused:
            reset(self.client)
            return
        finally:
            self._dialling = None
        self._far, self._upstream, self._endpoint = upstream, transport, endpoint
        self._route.connections.enter(endpoint.pod_uid, self)
        if self._held_size >= HELD_BYTES:
            resume(self.client)
        transport.write(b"".join(self._held))
        if self._opaque or self._held_size >= HELD_BYTES:
            self._forget()
        if self._opaque and self._client_ended:
            _end(transport)

    def _drop_upstream(self) -> None:
        upstream = self._leave()
        if upstream is not None:
            upstream.close()

    def _leave(self) -> asyncio.Transport | None:
        upstream, self._upstream = self._upstream, None
        if self._far is not None:
            self._far.relay = None
            self._far = None
        if self._endpoint is not None:
            self._route.connections.leave(self._endpoint.pod_uid, self)
            self._endpoint = None
        self._settle()
        return upstream

    def _settle(self) -> None:
        withdrawal, self.withdrawal = self.withdrawal, None
        if withdrawal is not None:
            withdrawal.settled(self)


def _end(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and transport.can_write_eof():
        transport.write_eof()
