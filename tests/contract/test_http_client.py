"""The HTTP transport against servers that misbehave: what is sent again, what is told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seatrial.api.registry import PODS
from seatrial.base.errors import StatusError
from seatrial.client.base import Request
from seatrial.client.client import ApiClient
from seatrial.client.http import HttpTransport
from seatrial.client.kubeconfig import Access, ExecPlugin
from seatrial.client.retry import RetryPolicy

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"kind": "A"}'
HALF = OK[:-5]
CODE = "HTTP/1.1 {} X\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n"
QUICK = RetryPolicy(first_pause=0.001, longest_pause=0.001)
GET, PUT = Request("GET", "/a"), Request("PUT", "/a", body={})


def code(number: int, more: str = "") -> bytes:
    return CODE.format(number, more).encode()


@dataclass
class Server:
    """Gives the answers in order, one a connection; `heads` is what it was asked."""

    answers: list[bytes]
    heads: list[bytes] = field(default_factory=list)
    url: str = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answers.pop(0))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[Server]:
    server = Server(list(answers))
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


def ask(request: Request, *answers: bytes) -> tuple[object, int]:
    """The answer or the error, and how many times it was asked."""

    async def story() -> tuple[object, int]:
        async with serving(*answers) as server:
            transport = HttpTransport(Access(server.url), retry=QUICK)
            try:
                return (await transport.request(request)).object, len(server.heads)
            except (StatusError, ConnectionError) as error:
                return error, len(server.heads)
            finally:
                await transport.aclose()

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("answers", "times"),
    [
        ((b"", OK), 2),
        ((HALF, OK), 2),
        ((code(500), code(503), OK), 3),
        ((code(429, "Retry-After: 0\r\n"), OK), 2),
    ],
    ids=["no answer", "half an answer", "server's trouble", "not so fast"],
)
def test_a_read_is_repeated(answers: tuple[bytes, ...], times: int) -> None:
    assert ask(GET, *answers) == ({"kind": "A"}, times)


@pytest.mark.parametrize(
    ("answers", "is_right"),
    [
        ((b"",), lambda error: isinstance(error, ConnectionError)),
        ((HALF,), lambda error: isinstance(error, ConnectionError)),
        ((code(500),), lambda error: isinstance(error, StatusError) and error.code == 500),
        ((code(409),), lambda error: isinstance(error, StatusError) and error.reason == "Conflict"),
    ],
    ids=["no answer", "half an answer", "server's trouble", "conflict"],
)
def test_a_write_that_may_have_happened_is_not(answers: tuple[bytes, ...], is_right: Callable[[object], bool]) -> None:
    error, times = ask(PUT, *answers)
    assert is_right(error)
    assert times == 1


def test_a_plugin_s_token_that_is_refused_is_fetched_anew(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; path = pathlib.Path(sys.argv[1]); "
        "text = path.read_text() if path.exists() else ''; path.write_text(text + 'x'); "
        'print(\'{"status": {"token": "%s"}}\' % path.read_text())'
    )

    async def story() -> list[bytes]:
        async with serving(OK, code(401), OK, code(401), code(401)) as server:
            plugin = ExecPlugin((sys.executable, "-c", script, str(tmp_path / "runs")))
            transport = HttpTransport(Access(server.url, exec_plugin=plugin), retry=QUICK)
            await transport.request(GET)
            await transport.request(GET)
            with pytest.raises(StatusError, match="provide credentials"):
                await transport.request(GET)
            await transport.aclose()
            return [line for head in server.heads for line in head.split(b"\r\n") if b"uthorization" in line]

    tokens = [line.rpartition(b" ")[2] for line in asyncio.run(story())]
    assert tokens == [b"x", b"x", b"xx", b"xx", b"xxx"]


def test_who_answers_with_anything_else_is_no_api_server() -> None:
    async def story() -> None:
        html = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
        async with serving(html, html, OK) as server:
            client = ApiClient(HttpTransport(Access(server.url), retry=QUICK))
            with pytest.raises(StatusError, match="GET /api/v1/namespaces/default/pods/a: the answer is no JSON"):
                await client.get(PODS, "a", "default")
            with pytest.raises(StatusError, match="GET /api/v1/pods: the answer is no JSON"):
                await client.list(PODS)
            with pytest.raises(StatusError, match="GET /api/v1/pods: the answer is no list"):
                await client.list(PODS)
            await client.aclose()

    asyncio.run(story())


def test_a_watch_that_brings_noise_is_a_lost_connection() -> None:
    async def story() -> None:
        noise = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>\n"
        async with serving(noise) as server:
            transport = HttpTransport(Access(server.url), retry=QUICK)
            with pytest.raises(ConnectionError, match="no event"):
                async for _ in transport.watch(Request("GET", "/a", {"watch": "true"})):
                    pass
            await transport.aclose()

    asyncio.run(story())


def test_a_watch_that_is_silent_for_longer_than_it_was_asked_for_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seatrial.client.http.WATCH_GRACE_SECONDS", 0.1)
    asked = Request("GET", "/a", {"watch": "true", "timeoutSeconds": "0"})

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read(-1)
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            transport = HttpTransport(Access(url), retry=QUICK)
            with pytest.raises(ConnectionError, match="lost the connection"):
                async for _ in transport.watch(asked):
                    pass
            await transport.aclose()

    asyncio.run(asyncio.wait_for(story(), 30))
