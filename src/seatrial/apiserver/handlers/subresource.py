"""Requests below an object: status, scale, log, exec, binding, eviction, … (spec: api.md §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.apiserver.handlers import bodies, options, read, write
from seatrial.apiserver.handlers.call import Answer, Call, Made, Stored
from seatrial.apiserver.routes import Route
from seatrial.apiserver.subresources import exec as exec_session
from seatrial.apiserver.subresources import binding, eviction, finalize, log, scale
from seatrial.machinery import status

if TYPE_CHECKING:
    from seatrial.apiserver.handlers.dispatch import Handlers


async def answer(handlers: Handlers, call: Call, route: Route) -> Answer:
    """Raises MethodNotAllowed for a verb that the subresource lacks."""
    name, method, registry = route.subresource, call.method, handlers.registry
    if name in ("log", "exec", "attach"):
        return await _of_node(handlers, call, route)
    if name == "status":
        if method == "GET":
            return await read.get(registry, call, route)
        if method in ("PUT", "PATCH"):
            return await (write.update if method == "PUT" else write.patch)(registry, call, route)
    if name == "scale":
        return await _scale(handlers, call, route)
    if name in _POSTED and method == "POST":
        body = bodies.decode_object(call, name.capitalize())
        wanted = options.write_options(call, "CreateOptions")
        return Made(201, await _POSTED[name](registry, route.resource, route.namespace, route.name, body, wanted))
    if name == "finalize" and method == "PUT":
        body, wanted = bodies.decode_object(call, route.resource.kind), options.write_options(call, "UpdateOptions")
        record = await finalize.update(registry, route.resource, route.namespace, route.name, body, wanted)
        return Stored(200, record, route.resource)
    raise status.method_not_allowed()


_POSTED = {"binding": binding.create, "eviction": eviction.create}


async def _scale(handlers: Handlers, call: Call, route: Route) -> Answer:
    registry, where = handlers.registry, (route.resource, route.namespace, route.name)
    if call.method == "GET":
        return Made(200, await scale.get(registry, *where))
    if call.method == "PUT":
        body = bodies.decode_object(call, "Scale")
        return Made(200, await scale.update(registry, *where, body, options.write_options(call, "UpdateOptions")))
    if call.method == "PATCH":
        patch_type, body = bodies.decode_patch(call)
        wanted = options.write_options(call, "PatchOptions", patch_type)
        return Made(200, await scale.patch(registry, *where, body, patch_type, wanted))
    raise status.method_not_allowed()


async def _of_node(handlers: Handlers, call: Call, route: Route) -> Answer:
    record = await handlers.registry.get(route.resource, route.namespace, route.name)
    if route.subresource == "log":
        if call.method != "GET":
            raise status.method_not_allowed()
        return await log.read(handlers.find_node, handlers.env, call, record.object)
    if call.method not in ("GET", "POST"):
        raise status.method_not_allowed()
    return await exec_session.prepare(handlers.find_node, call, record.object, route.subresource)
