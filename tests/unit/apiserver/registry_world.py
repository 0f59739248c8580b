"""A registry on a store in memory whose objects can't be changed, in a world where time stands still until told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from seatrial.api import schema_set
from seatrial.api.resource import Resource
from seatrial.apiserver import bootstrap
from seatrial.apiserver.admission import chain
from seatrial.apiserver.admission.base import Plugin
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.service_network import ServiceNetwork
from seatrial.base.env import SimulatedEnv
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.store.memory import MemoryStore

NOW = "2025-01-01T00:00:00Z"


class World:
    """What a story gets."""

    def __init__(self, plugins: Sequence[Plugin] = chain.PLUGINS, **store: Any) -> None:
        self.seconds = 0.0
        self.env = SimulatedEnv(lambda: self.seconds, seed=1)
        self.store = MemoryStore(freeze=True, **store)
        self.network = ServiceNetwork("10.96.0.0/24", self.env, (30000, 30009))
        self.registry = Registry(self.store, self.env, schema_set.load(), service_network=self.network, plugins=plugins)
        self.warnings: list[str] = []

    async def make(self, resource: Resource, obj: JSON, namespace: str = "default", **options: Any) -> JSON:
        """Create; the object as stored."""
        wanted = WriteOptions(warn=self.warnings.append, **options)
        return (await self.registry.create(resource, namespace if resource.namespaced else "", obj, wanted)).object

    async def put(self, resource: Resource, obj: JSON, subresource: str = "", options: WriteOptions = WRITE) -> JSON:
        namespace, name = objects.key(obj)
        record, _ = await self.registry.update(resource, namespace, name, obj, options, subresource=subresource)
        return record.object

    async def now(self, resource: Resource, name: str, namespace: str = "default") -> JSON | None:
        return await self.registry.lookup(resource, namespace if resource.namespaced else "", name)


def tell(story: Callable[[World], Awaitable[None]], **store: Any) -> None:
    """Run a story in a fresh world with the namespaces that every cluster has."""

    async def whole() -> None:
        world = World(**store)
        await bootstrap.bootstrap(world.registry)
        await asyncio.wait_for(story(world), 30)

    asyncio.run(whole())


async def refused(doing: Awaitable[Any]) -> StatusError:
    """The refusal that this must meet."""
    with pytest.raises(StatusError) as found:
        await doing
    return found.value


def config_map(name: str, **data: str) -> JSON:
    return {"metadata": {"name": name}, "data": data}


def pod(name: str, **spec: Any) -> JSON:
    container = {"name": "c", "image": "nginx:1.10"}
    return {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"containers": [container], **spec}}


def deployment(name: str, replicas: int = 2) -> JSON:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.10"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def service(name: str, **spec: Any) -> JSON:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec}}
