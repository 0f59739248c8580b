"""A proxy between a tool and the API server that loses, delays, refuses and repeats, in real TCP connections.

It speaks plain HTTP/1.1 on both sides (the cluster's insecure port), one request a connection to the server. Which
request suffers what is decided by its number and a seed alone. What it can do to one:

    cut before    the connection ends, nothing was sent on
    cut after     the request was carried out, and the answer is lost
    cut inside    half of the answer comes
    delay         the answer comes a while later
    500, 503      the server's answer is replaced, nothing was sent on
    429           the same, with Retry-After: 1
    409           the same, for PUT and PATCH
    410           of watches only: too old resource version
    stale         of lists only: the first answer that this list ever had, again
    watch cut     of watches only: the connection ends after the first event
"""

import asyncio
import contextlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

KINDS = ("cut before", "cut after", "cut inside", "delay", "500", "503", "429", "409", "410", "stale", "watch cut")
_WORDS = {
    "500": "InternalError",
    "503": "ServiceUnavailable",
    "429": "TooManyRequests",
    "409": "Conflict",
    "410": "Expired",
}


@dataclass
class FaultProxy:
    """`share` of the requests suffers. `suffered` counts what they did."""

    upstream: str
    share: float
    seed: int = 0
    kinds: tuple[str, ...] = KINDS
    url: str = ""
    suffered: Counter[str] = field(default_factory=Counter)
    requests: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._first_answers: dict[str, bytes] = {}
        self._connections: set[asyncio.Task[None] | None] = set()

    async def serve(self, ready: "Future[Callable[[], object]]") -> None:
        """Until what `ready` gets is called, from any thread."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set_result(lambda: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(task)
            await _close(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection can carry another one."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        method, path = head.split(b" ", 2)[:2]
        kind = self._choose(method.decode(), path.decode())
        if kind == "cut before":
            return False
        if kind in _WORDS:
            writer.write(_refusal(int(kind)))
            await writer.drain()
            return True
        if kind == "stale":
            writer.write(self._first_answers[path.decode()])
            await writer.drain()
            return False
        if b"watch=true" in path:
            upstream, to_upstream = await self._open(head, body)
            pumping = asyncio.ensure_future(_pump(upstream, writer, cut=kind == "watch cut"))
            leaving = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait([pumping, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                pumping.cancel()
                leaving.cancel()
                await asyncio.gather(pumping, leaving, return_exceptions=True)
                await _close(to_upstream)
            return False
        answer = await self._ask(head, body)
        if kind == "cut after":
            return False
        if kind == "delay":
            await asyncio.sleep(0.5)
        if method == b"GET" and b'"items"' in answer:  # reads of one object are never stale
            self._first_answers.setdefault(path.decode(), answer)
        writer.write(answer[: len(answer) // 2] if kind == "cut inside" else answer)
        await writer.drain()
        return False

    def _choose(self, method: str, path: str) -> str:
        self.requests += 1
        if self._random.random() >= self.share:
            return ""
        watch = "watch=true" in path
        possible = [
            kind
            for kind in self.kinds
            if (kind in ("410", "watch cut")) <= watch
            and (kind != "409" or method in ("PUT", "PATCH"))
            and (kind != "stale" or (method == "GET" and not watch and path in self._first_answers))
            and (kind not in ("cut inside", "cut after") or not watch)
        ]
        kind = self._random.choice(possible)
        self.suffered[kind] += 1
        return kind

    async def _open(self, head: bytes, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"connection:")]
        writer.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
        await writer.drain()
        return reader, writer

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await self._open(head, body)
        try:
            return await reader.read(-1)
        finally:
            await _close(writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, cut: bool) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
        if cut and b'"type"' in chunk:
            return


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _refusal(code: int) -> bytes:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"made by the proxy: {code}",
        "reason": _WORDS[str(code)],
        "code": code,
    }
    body = json.dumps(status).encode()
    more = "Retry-After: 1\r\n" if code == 429 else ""
    head = f"HTTP/1.1 {code} Text\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def between(upstream: str, share: float, seed: int = 0) -> Iterator[FaultProxy]:
    """A proxy in a thread of its own, for tools in processes of their own."""
    proxy, ready = FaultProxy(upstream, share, seed), Future[Callable[[], object]]()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready)), daemon=True)
    thread.start()
    stop = ready.result(10)
    try:
        yield proxy
    finally:
        stop()
        thread.join(10)


def kubeconfig(folder: Path, url: str, namespace: str) -> Path:
    """A kubeconfig for what answers at `url` without credentials."""
    path = folder / "through-the-proxy"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "proxy",
                "clusters": [{"name": "proxy", "cluster": {"server": url}}],
                "users": [{"name": "nobody", "user": {}}],
                "contexts": [
                    {"name": "proxy", "context": {"cluster": "proxy", "user": "nobody", "namespace": namespace}}
                ],
            }
        )
    )
    return path
