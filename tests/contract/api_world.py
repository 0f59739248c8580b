"""An API server with nothing behind it, and clients that reach it in both ways."""

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.api import schema_set
from seatrial.apiserver import bootstrap
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.http.app import App
from seatrial.apiserver.http.auth import TokenAuthenticator
from seatrial.apiserver.http.metrics import Metrics
from seatrial.apiserver.http.server import Certificate, Listener
from seatrial.apiserver.loopback import LoopbackTransport
from seatrial.apiserver.node_access import ExecOptions, LogOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.env import SystemEnv
from seatrial.base.types import JSON
from seatrial.client.base import Transport
from seatrial.client.client import ApiClient
from seatrial.client.http import HttpTransport
from seatrial.client.kubeconfig import Access
from seatrial.cluster import certificates
from seatrial.cluster.certificates import Credentials
from seatrial.store.memory import MemoryStore


@dataclass
class Talker:
    """A node whose containers say their options, and `tick` for as long as they are followed."""

    nobody_follows: asyncio.Event = field(default_factory=asyncio.Event)

    async def logs(self, pod: JSON, options: LogOptions) -> AsyncIterator[bytes]:
        try:
            yield f"{pod['metadata']['name']} {options.container} {options.tail_lines}\n".encode()
            while options.follow:
                await asyncio.sleep(0.01)
                yield b"tick\n"
        finally:
            if options.follow:
                self.nobody_follows.set()

    async def exec(self, pod: JSON, options: ExecOptions) -> "Echo":
        return Echo(options)

    async def attach(self, pod: JSON, options: ExecOptions) -> "Echo":
        return Echo(options)


class Echo:
    """A command that writes its words, then what it reads, and ends with the number that is its last word."""

    def __init__(self, options: ExecOptions) -> None:
        self._words = options.command
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._said.put_nowait(" ".join(options.command).encode() + b"\n")
        self.ended = False
        if not options.stdin:
            self.close_input()

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        while (data := await self._said.get()) is not None:
            yield "stdout", data

    async def write(self, data: bytes) -> None:
        self._said.put_nowait(data)

    def close_input(self) -> None:
        self._said.put_nowait(None)

    def resize(self, columns: int, rows: int) -> None:
        self._said.put_nowait(f"{columns}x{rows}\n".encode())

    async def wait(self) -> int:
        return int(self._words[-1]) if self._words and self._words[-1].isdigit() else 0

    async def aclose(self) -> None:
        self.ended = True


@dataclass
class Api:
    """A running API server and a client of it."""

    transport: Transport
    client: ApiClient
    handlers: Handlers
    node: Talker
    url: str = ""
    credentials: Credentials | None = None


async def make_handlers(node: Talker) -> Handlers:
    env = SystemEnv()
    registry = Registry(MemoryStore(freeze=True), env, _schemas())
    await bootstrap.bootstrap(registry)
    return Handlers(registry, env, find_node=lambda name: node if name == "node-1" else None)  # type: ignore[arg-type]


@functools.cache
def _schemas() -> schema_set.SchemaSet:
    return schema_set.load("1.32")


@functools.cache
def credentials() -> Credentials:
    return certificates.ensure(Path(tempfile.mkdtemp(prefix="seatrial-test-")), SystemEnv().now())


@asynccontextmanager
async def loopback() -> AsyncIterator[Api]:
    node = Talker()
    handlers = await make_handlers(node)
    transport = LoopbackTransport(handlers)
    yield Api(transport, ApiClient(transport), handlers, node)


@asynccontextmanager
async def https() -> AsyncIterator[Api]:
    node, mine = Talker(), credentials()
    handlers = await make_handlers(node)
    listener = Listener(
        App(handlers, TokenAuthenticator(mine.token), Metrics()),
        "127.0.0.1",
        certificate=Certificate(mine.certificate_file, mine.key_file),
    )
    await listener.start()
    transport = HttpTransport(Access(listener.url, ca_data=mine.ca_data, token=mine.token))
    try:
        yield Api(transport, ApiClient(transport), handlers, node, listener.url, mine)
    finally:
        await transport.aclose()
        await listener.stop()


Scenario = Callable[[Api], Awaitable[None]]
WAYS = {"loopback": loopback, "https": https}


def run(way: str, scenario: Scenario) -> None:
    """The scenario, with a server of its own."""

    async def main() -> None:
        async with asyncio.timeout(30), WAYS[way]() as api:
            await scenario(api)

    asyncio.run(main())


def config_map(name: str, **data: str) -> JSON:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def pod(name: str, **spec: object) -> JSON:
    containers = [{"name": "main", "image": "nginx:1"}]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": containers, **spec}}
