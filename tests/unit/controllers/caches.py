"""Real caches, filled by hand."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from seatrial.api import registry
from seatrial.base.env import SimulatedEnv
from seatrial.client.client import ApiClient
from seatrial.machinery import objects
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.lister import Lister

T = TypeVar("T")


def lister(*standing: dict[str, Any], started_at: float = 0.0) -> Lister:
    """A reader over these objects, frozen; every kind that is served has a cache. Nothing can be read live."""
    informers = Informers(ApiClient(None), SimulatedEnv(lambda: 0.0))  # type: ignore[arg-type]
    for resource in registry.ALL:
        items = [objects.freeze(obj) for obj in standing if registry.for_object(obj) is resource]
        informers.informer(resource).replace(items, 1)
    return Lister(informers, ApiClient(None), started_at)  # type: ignore[arg-type]


def run(coroutine: Awaitable[T]) -> T:
    """Run a gather that waits for nothing."""

    async def main() -> T:
        return await coroutine

    return asyncio.run(main())


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": "1", **more}


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]
    full = {"selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ports": ports, "ipFamilies": ["IPv4"], **spec}
    created = meta(name, creationTimestamp="2025-01-01T00:00:00Z", labels={"team": "a"})
    return {"apiVersion": "v1", "kind": "Service", "metadata": created, "spec": full}


def pod(name: str, ip: str = "", ready: bool = True, **more: Any) -> dict[str, Any]:
    """A Pod of the Service `web` on node n1; `more` goes into metadata."""
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2025-01-01T00:00:05Z"}
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}] if ip else [], "conditions": [condition]}
    containers = [{"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}]
    labels = {"app": "web"}
    spec = {"nodeName": "n1", "containers": containers}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, labels=labels, **more),
        "spec": spec,
        "status": status,
    }


def node(name: str, ready: str = "True", beat: str = "2025-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": beat, "lastTransitionTime": beat}
    fixed = {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "creationTimestamp": "2025-01-01T00:00:00Z"}
    status = {"conditions": [condition]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": fixed, "spec": spec, "status": status}
