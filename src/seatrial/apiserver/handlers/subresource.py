"""Requests below an object: status, scale, log, exec, binding, eviction, … (spec: api.md §8)."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from seatrial.api.registry import PODS
from seatrial.api.resource import Resource
from seatrial.apiserver.handlers import bodies, options, pod_exec, pod_log, read, write
from seatrial.apiserver.handlers.call import Answer, Call, Made, Stored
from seatrial.apiserver.node_access import FindNode
from seatrial.apiserver.options import WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.routes import Route
from seatrial.apiserver.subresources import binding, eviction, finalize, scale
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import objects, status


class Server(Protocol):
    """What subresources need of the API server."""

    registry: Registry
    env: Env
    find_node: FindNode


Creator = Callable[[Registry, Resource, str, str, JSON, WriteOptions], Awaitable[JSON]]

CREATORS: dict[str, tuple[str, Creator]] = {
    "binding": ("Binding", binding.create),
    "eviction": ("Eviction", eviction.create),
}
"""Subresources that are created only: the kind of the body, and what makes the answer."""

OF_NODES = frozenset({"log", "exec", "attach"})


async def answer(server: Server, call: Call, route: Route) -> Answer:
    """Raises MethodNotAllowed for a verb that the subresource lacks."""
    name, registry = route.subresource, server.registry
    if name in OF_NODES:
        return await _of_node(server, call, route)
    if name == "scale":
        return await _scale(registry, call, route)
    if name in CREATORS and call.method == "POST":
        kind, create = CREATORS[name]
        body = bodies.decode_object(call, kind)
        wanted = options.write_options(call, "CreateOptions")
        return Made(201, await create(registry, route.resource, route.namespace, route.name, body, wanted))
    if name == "status" and call.method in ("GET", "PUT", "PATCH"):
        verb = {"GET": read.get, "PUT": write.update, "PATCH": write.patch}[call.method]
        return await verb(registry, call, route)
    if name == "finalize" and call.method == "PUT":
        body = bodies.decode_object(call, route.resource.kind)
        wanted = options.write_options(call, "UpdateOptions")
        record = await finalize.update(registry, route.resource, "", route.name, body, wanted)
        return Stored(200, record, route.resource)
    raise status.method_not_allowed()


async def bind(registry: Registry, call: Call, namespace: str) -> Answer:
    """POST to the collection `bindings`: the Pod's name is in the body."""
    if call.method != "POST":
        raise status.method_not_allowed()
    body = bodies.decode_object(call, "Binding")
    wanted = options.write_options(call, "CreateOptions")
    return Made(201, await binding.create(registry, PODS, namespace, objects.name(body), body, wanted))


async def _scale(registry: Registry, call: Call, route: Route) -> Answer:
    resource, namespace, name = route.resource, route.namespace, route.name
    if call.method == "GET":
        return Made(200, await scale.get(registry, resource, namespace, name))
    if call.method == "PUT":
        body, wanted = bodies.decode_object(call, "Scale"), options.write_options(call, "UpdateOptions")
        return Made(200, await scale.update(registry, resource, namespace, name, body, wanted))
    if call.method == "PATCH":
        patch_type, patch = bodies.decode_patch(call)
        wanted = options.write_options(call, "PatchOptions", patch_type)
        return Made(200, await scale.patch(registry, resource, namespace, name, patch, patch_type, wanted))
    raise status.method_not_allowed()


async def _of_node(server: Server, call: Call, route: Route) -> Answer:
    if call.method != "GET" and (route.subresource == "log" or call.method != "POST"):
        raise status.method_not_allowed()
    record = await server.registry.get(route.resource, route.namespace, route.name)
    if route.subresource == "log":
        return await pod_log.read(server.find_node, server.env, call, record.object)
    return await pod_exec.prepare(server.find_node, call, record.object, route.subresource)
