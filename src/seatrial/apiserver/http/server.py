"""A listener: an embedded granian server on an address of its own, HTTPS or plain HTTP.

It runs in the event loop that starts it; several fit in one process, and each can stop and start again.
"""

import asyncio
import contextlib
import errno
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seatrial.base.errors import ToolError

BACKLOG = 1024
CONCURRENT_REQUESTS = 65_536
"""Watches are requests too, and last long."""
START_SECONDS = 10.0


class Application(Protocol):
    """An ASGI application that knows its endless answers."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def end_streams(self) -> None: ...


@dataclass(frozen=True)
class Certificate:
    """Files that hold the serving certificate (PEM) and its key."""

    certificate: Path
    key: Path


class Listener:
    """`port` 0 is any free one; after `start` it is the real one. Without a certificate it speaks plain HTTP."""

    def __init__(self, app: Application, host: str, port: int = 0, certificate: Certificate | None = None) -> None:
        self.host, self.port = host, port
        self._app, self._certificate = app, certificate
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        scheme = "https" if self._certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    async def start(self) -> None:
        """Listen; returns when connections are accepted. Raises ToolError when the address can't be had."""
        with _reserved(self.host, self.port) as port:
            self.port = port
            self._server = self._make_server()
            self._serving = asyncio.get_running_loop().create_task(self._server.serve(), name=f"listener {self.url}")
            await self._wait_until_listening()

    async def stop(self) -> None:
        """End all requests, watches too, and stop listening."""
        if self._serving is None:
            return
        self._app.end_streams()
        self._server.stop()
        await asyncio.wait([self._serving])
        self._serving = self._server = None

    def _make_server(self) -> Any:
        from granian.constants import HTTPModes, Interfaces, SSLProtocols
        from granian.http import HTTP2Settings
        from granian.server.embed import Server

        certificate = self._certificate
        return Server(
            self._app,
            address=self.host,
            port=self.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto,
            http2_settings=HTTP2Settings(max_concurrent_streams=1000),
            backlog=BACKLOG,
            backpressure=CONCURRENT_REQUESTS,
            log_enabled=False,
            ssl_cert=certificate.certificate if certificate else None,
            ssl_key=certificate.key if certificate else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    async def _wait_until_listening(self) -> None:
        """The server tells nobody when it listens: connect until it answers."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while not await _accepts(self.host, self.port):
            if self._serving is None or self._serving.done() or loop.time() > deadline:
                raise ToolError(f"the server did not begin to listen on {self.host}:{self.port}")
            await asyncio.sleep(0.001)


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_reachable(host), port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


class _reserved(contextlib.AbstractContextManager[int]):  # noqa: N801
    """Holds a port that nobody listens on until the server does: a bound socket that never listens.

    The server itself sets SO_REUSEPORT, which would let two servers share a port without a word.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None

    def __enter__(self) -> int:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        held = self._socket = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((self._host, self._port))
        except OSError as error:
            held.close()
            raise ToolError(_unusable(self._host, self._port, error)) from None
        port: int = held.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()


def _unusable(host: str, port: int, error: OSError) -> str:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another port, or 0 for any free one"
    if error.errno == errno.EACCES:
        return f"{where}: only root may listen on a port below 1024; choose another port, or 0 for any free one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no address {host}"
    return f"{where}: {error.strerror or error}"
