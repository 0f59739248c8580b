"""An API server and nodes, nothing else: no controllers, no scheduler. Pods say themselves where they go."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from seatrial.api import schema_set
from seatrial.api.registry import EVENTS, PODS
from seatrial.apiserver.bootstrap import bootstrap
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.loopback import LoopbackTransport
from seatrial.apiserver.registry import Registry
from seatrial.base.env import Env, SimulatedEnv, SystemEnv
from seatrial.base.types import JSON
from seatrial.client.client import ApiClient
from seatrial.machinery import objects
from seatrial.node.agent import NodeAgent
from seatrial.node.images import Catalogue
from seatrial.node.pod_network import LoopbackNetwork, PodNetwork, SimulatedNetwork
from seatrial.node.registration import NodeOptions
from seatrial.node.runtimes.base import Runtime
from seatrial.node.runtimes.process import ProcessRuntime
from seatrial.node.runtimes.simulated import Behaviour, Model, SimulatedRuntime
from seatrial.reconcile.informer import Informers
from seatrial.store.memory import MemoryStore

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of the processes that test side by side this is: two Pods of one address can't have the same port."""
Withdrawn = Callable[[JSON], Awaitable[None]]


@dataclass
class NodeWorld:
    """A cluster without a mind of its own."""

    env: Env
    client: ApiClient
    informers: Informers
    agent: NodeAgent
    registry: Registry
    history: dict[str, list[JSON]] = field(default_factory=dict)
    """Pod name → every version of it that the informer has seen."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self) -> None:
        self.informers.informer(PODS).add_handler(self._on_pod)

    def _on_pod(self, old: JSON | None, new: JSON | None) -> None:
        if new is not None:
            self.history.setdefault(new["metadata"]["name"], []).append(new)
        self._changed.set()

    async def create(self, pod: JSON) -> JSON:
        return await self.client.create(PODS, pod)

    async def delete(self, name: str, **options: int) -> None:
        await self.client.delete(PODS, name, "default", grace_period_seconds=options.get("grace"))

    def pod(self, name: str) -> JSON | None:
        return self.informers.informer(PODS).cache.get(("default", name))

    async def until(self, name: str, condition: Callable[[JSON], object], timeout: float = 30.0) -> JSON:
        """Wait until the Pod is as it should be."""
        async with asyncio.timeout(timeout):
            while not ((pod := self.pod(name)) and condition(pod)):
                self._changed.clear()
                await self._changed.wait()
        return pod

    async def until_gone(self, name: str, timeout: float = 30.0) -> None:
        async with asyncio.timeout(timeout):
            while self.pod(name) is not None:
                self._changed.clear()
                await self._changed.wait()

    async def events(self, name: str) -> list[tuple[str, str, str]]:
        """(type, reason, message) of the object's events in order."""
        listed = (await self.client.list(EVENTS, "default"))["items"]
        mine = [e for e in listed if e["involvedObject"]["name"] == name]
        mine.sort(key=lambda e: int(e["metadata"]["resourceVersion"]))
        return [(e["type"], e["reason"], e["message"]) for e in mine]


def pod(
    name: str, *, image: str = "nginx:1.10.1", node: str = "node-1", spec: JSON | None = None, **container: object
) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": image, **container}], **(spec or {})},
    }


def phase(of: JSON) -> str:
    return str(objects.get(of, "status", "phase", default=""))


def container(of: JSON) -> JSON:
    """Its only container's status."""
    statuses = objects.get(of, "status", "containerStatuses", default=[{}])
    return dict(statuses[0])


def is_ready(of: JSON) -> bool:
    conditions = objects.get(of, "status", "conditions", default=[])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def waits_for(of: JSON) -> str:
    return str(objects.get(container(of), "state", "waiting", "reason", default=""))


@asynccontextmanager
async def simulated(
    *, nodes: int = 1, withdrawn: Withdrawn | None = None, images: dict[str, Behaviour] | None = None, **default: float
) -> AsyncIterator[NodeWorld]:
    """Simulated nodes on the running virtual loop."""
    env = SimulatedEnv(asyncio.get_running_loop().time)
    runtime = SimulatedRuntime(env, Model(Behaviour.from_json(default), images or {}))
    async with _world(env, runtime, SimulatedNetwork(), None, nodes, withdrawn) as there:
        yield there


@asynccontextmanager
async def processes(
    directory: Path, *, withdrawn: Withdrawn | None = None, images: dict[str, str] | None = None
) -> AsyncIterator[NodeWorld]:
    """A node whose Pods are processes with loopback addresses."""
    env = SystemEnv()
    runtime = ProcessRuntime(env, Catalogue(images, directory), directory / "pods")
    network = LoopbackNetwork(IPv4Network(f"127.79.{WORKER}.0/24"))
    async with _world(env, runtime, network, directory / "pods", 1, withdrawn) as there:
        yield there


@asynccontextmanager
async def _world(
    env: Env, runtime: Runtime, network: PodNetwork, directory: Path | None, nodes: int, withdrawn: Withdrawn | None
) -> AsyncIterator[NodeWorld]:
    registry = Registry(MemoryStore(freeze=True), env, schema_set.load())
    await bootstrap(registry)
    client = ApiClient(LoopbackTransport(Handlers(registry, env)))
    informers = Informers(client, env)
    options = [NodeOptions(f"node-{number}") for number in range(1, nodes + 1)]
    agent = NodeAgent(client, informers, env, runtime, network, options, directory=directory, withdrawn=withdrawn)
    there = NodeWorld(env, client, informers, agent, registry)
    there.watch()
    informers.start()
    await agent.start()
    await informers.synced()
    try:
        yield there
    finally:
        await agent.stop()
        await informers.stop()
