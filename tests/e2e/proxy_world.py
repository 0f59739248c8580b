"""Servers, clients and a proxy on loopback addresses, for tests of the proxy with real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from seatrial.aio import loops
from seatrial.api.registry import ENDPOINT_SLICES, SERVICES
from seatrial.base.env import Env, SystemEnv
from seatrial.base.types import JSON
from seatrial.cluster import address_block
from seatrial.machinery.watch import EventType, WatchEvent
from seatrial.node.pod_network import LoopbackNetwork
from seatrial.proxy.agent import ProxyAgent
from seatrial.proxy.decide import HostAddresses
from seatrial.reconcile.informer import Informers

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TARGET_PORT = 18080
SERVICE_PORT = 18000


class Backend:
    """A Pod whose process ends at once when told to: its connections are cut where they are."""

    def __init__(self, uid: str, ip: str, handle: Handle) -> None:
        self.uid, self.ip = uid, ip
        self.accepted = 0
        self.requests = 0
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, None] = {}

    @property
    def pod(self) -> JSON:
        return {"metadata": {"name": self.uid, "namespace": "default", "uid": self.uid}, "spec": {}}

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.ip, TARGET_PORT, backlog=1024)

    async def kill(self) -> None:
        """SIGTERM to a process that does not handle it."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers[writer] = None
        try:
            await self._handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._writers[writer]
            writer.close()


class World:
    """One Service on a loopback address. Change `ready` and `ending`, then `publish`."""

    def __init__(
        self, env: Env, block: address_block.AddressBlock, host: HostAddresses, port: JSON, **spec: Any
    ) -> None:
        self.env = env
        self.address = str(block.services[10])
        self.events: list[tuple[str, str]] = []
        self.ready: dict[str, Backend] = {}
        self.ending: dict[str, Backend] = {}
        self._informers = Informers(None, env)  # type: ignore[arg-type]  # fed by hand, reads nothing
        self.agent = ProxyAgent(self._informers, host, env, on_event=self._on_event)
        self.started: list[Backend] = []
        self._clients: dict[asyncio.StreamWriter, None] = {}
        self._revision = 0
        self._block = block
        self._pods = LoopbackNetwork(block.pods, 0)
        self.service: JSON = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "default", "uid": "service-uid"},
            "spec": {"type": "ClusterIP", "clusterIP": self.address, "ports": [port], **spec},
        }

    def _on_event(self, regarding: JSON, kind: str, reason: str, message: str) -> None:
        self.events.append((reason, message))

    async def connect(self, port: int = SERVICE_PORT) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client's connection to the Service."""
        reader, writer = await asyncio.open_connection(self.address, port)
        self._clients = {one: None for one in self._clients if not one.is_closing()}
        self._clients[writer] = None
        return reader, writer

    async def close(self) -> None:
        """Leave nothing open, however a test ended."""
        await self.agent.close()
        for backend in self.started:
            await backend.kill()
        for writer in self._clients:
            writer.transport.abort()

    async def start_backend(self, uid: str, handle: Handle) -> Backend:
        address = await self._pods.attach(uid, uid)
        backend = Backend(uid, address.ip, handle)
        await backend.start()
        self.started.append(backend)
        return backend

    async def publish(self) -> None:
        """The Service and its EndpointSlice as they are now, in force."""
        self._send(SERVICES, self.service)
        self._send(ENDPOINT_SLICES, self._slice())
        await self.agent.applied()

    async def delete(self) -> None:
        """The Service is deleted."""
        self._send(SERVICES, self.service, "DELETED")
        await self.agent.applied()

    async def end(self, uid: str) -> None:
        """What the node agent does with a Pod that is deleted: out of the slices, withdrawn, killed."""
        backend = self.ready.pop(uid)
        self.ending[uid] = backend
        withdrawn = asyncio.ensure_future(self.agent.withdrawn(backend.pod))
        await self.publish()
        await withdrawn
        await backend.kill()
        del self.ending[uid]
        await self.publish()

    def _slice(self) -> JSON:
        port = self.service["spec"]["ports"][0]
        return {
            "metadata": {
                "name": "web-1",
                "namespace": "default",
                "uid": "slice-uid",
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "addressType": "IPv4",
            "ports": [{"name": port.get("name", ""), "port": TARGET_PORT, "protocol": "TCP"}],
            "endpoints": [_entry(backend, ready=True) for backend in self.ready.values()]
            + [_entry(backend, ready=False) for backend in self.ending.values()],
        }

    def _send(self, resource: Any, obj: JSON, change: EventType = "MODIFIED") -> None:
        self._revision += 1
        versioned = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._revision)}}
        self._informers.informer(resource).apply(WatchEvent(change, versioned))


def _entry(backend: Backend, ready: bool) -> JSON:
    return {
        "addresses": [backend.ip],
        "conditions": {"ready": ready, "serving": True, "terminating": not ready},
        "targetRef": {"kind": "Pod", "namespace": "default", "name": backend.uid, "uid": backend.uid},
    }


@asynccontextmanager
async def world(port: JSON | None = None, lowest_bindable_port: int = 0, **spec: Any) -> AsyncIterator[World]:
    block = address_block.claim(privileged=False)
    host = HostAddresses(lowest_bindable_port, 0, block.services)
    made = World(SystemEnv(), block, host, {"port": SERVICE_PORT, "protocol": "TCP", **(port or {})}, **spec)
    await made.agent.start()
    try:
        yield made
    finally:
        await made.close()
        block.release()


def run(main: Coroutine[Any, Any, None]) -> None:
    """On the event loop that clusters use."""
    loops.run(main)


async def http_handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that answers every request, keeps connections open unless asked not to, and knows no good-bye."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        body = b""
        if at >= 0:
            body = await reader.readexactly(int(lower[at + 15 : lower.find(b"\r\n", at)]))
        await asyncio.sleep(0.001)
        close = b"connection: close" in lower
        answer = body or b"ok"
        ending = b"Connection: close\r\n" if close else b""
        writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (ending, len(answer), answer))
        await writer.drain()
        if close:
            return
