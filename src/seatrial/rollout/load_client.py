"""One HTTP/1.1 connection of the load generator: a request, its answer, and how it failed.

On bare asyncio protocols, because a client library costs more than the request it sends.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from seatrial.proxy import http_boundaries
from seatrial.proxy.http_boundaries import END_OF_HEAD, UNTIL_CLOSE, Body, NotHttp, ResponseHead

LINGER_SECONDS = 1.0
"""How long the server may take to close a connection that it was asked to close."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a response said in its head. `version`: its Server header; `backend`: who answered, if it told."""

    status: int
    version: str
    backend: str


NO_ANSWER = Answer(0, "", "")
BACKEND_HEADERS = (b"x-pod-name", b"x-backend", b"x-served-by")


class Owner(Protocol):
    """Who sent the request."""

    def answered(self, answer: Answer, reusable: bool) -> None: ...

    def failed(self, reason: str, answer: Answer) -> None:
        """`answer` is what had come of it."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: addresses in the order in which they are tried."""

    addresses: tuple[tuple[str, int], ...]
    host: str
    tls: ssl.SSLContext | None


class LoadConnection(asyncio.Protocol):
    """Sends a request at a time. `owner` is None while no request is under way."""

    __slots__ = (
        "__weakref__", "_answer", "_body", "_buffer", "_linger", "_method", "address", "owner", "response", "transport",
    )  # fmt: skip

    def __init__(self, method: bytes) -> None:
        self._method = method
        self.owner: Owner | None = None
        self.transport: asyncio.Transport
        self.address = ""
        self.response: ResponseHead | None = None
        self._answer = NO_ANSWER
        self._body: Body | None = None
        self._buffer = b""
        self._linger: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        return not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.address = f"{host}:{port}"

    def send(self, owner: Owner, request: bytes) -> None:
        self.owner = owner
        self.response, self._body, self._buffer, self._answer = None, None, b"", NO_ANSWER
        self.transport.write(request)

    def give_up(self) -> None:
        """Nobody waits for the answer any more."""
        self.owner = None
        self.transport.abort()

    def leave(self) -> None:
        """Let the server close first: the side that does keeps the port in TIME_WAIT."""
        if not self.transport.is_closing():
            self._linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        if self.owner is None:
            return
        try:
            done = self._take(data)
        except NotHttp as error:
            self._fail(f"not an HTTP/1.1 answer: {error}")
            self.transport.abort()
            return
        if done:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        if self.owner is None:
            return
        if self.response is not None and self.response.body == UNTIL_CLOSE and error is None:
            self._finish()
        elif self.response is not None or self._buffer:
            self._fail("connection closed within an answer")
        else:
            self._fail("connection closed before an answer" if error is None else reason_of(error))

    def _take(self, data: bytes) -> bool:
        at = 0
        while self._body is None:
            data, at = self._buffer + data[at:], 0
            end = data.find(END_OF_HEAD)
            if end < 0:
                self._buffer = data
                return False
            self._buffer, at = b"", end + 4
            response, answer = _describe(data[:at], self._method)
            if not response.interim:
                self.response, self._answer, self._body = response, answer, Body(response.body)
        if not self._body.done:
            self._body.feed(data, at)
        return self._body.done

    def _finish(self) -> None:
        owner, self.owner = self.owner, None
        assert owner is not None
        assert self.response is not None
        owner.answered(self._answer, not self.response.closes)

    def _fail(self, reason: str) -> None:
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.failed(reason, self._answer)


async def connect(target: Target, method: bytes) -> LoadConnection:
    """A connection to the first address that accepts; raises OSError when none does."""
    loop = asyncio.get_running_loop()
    factory: Callable[[], LoadConnection] = lambda: LoadConnection(method)  # noqa: E731
    name = target.host if target.tls else None
    for host, port in target.addresses[:-1]:
        try:
            return (await loop.create_connection(factory, host, port, ssl=target.tls, server_hostname=name))[1]
        except OSError:
            continue
    host, port = target.addresses[-1]
    return (await loop.create_connection(factory, host, port, ssl=target.tls, server_hostname=name))[1]


def reason_of(error: Exception) -> str:
    """What happened, in the words that people know."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


@lru_cache(maxsize=512)
def _describe(head: bytes, method: bytes) -> tuple[ResponseHead, Answer]:
    response = http_boundaries.parse_response(head, method)
    version = http_boundaries.header(head, b"server").decode("latin-1")
    backend = next(filter(None, (http_boundaries.header(head, name) for name in BACKEND_HEADERS)), b"")
    return response, Answer(response.status, version, backend.decode("latin-1"))
