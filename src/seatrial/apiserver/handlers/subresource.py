"""Requests below an object: status, scale, log, exec, binding, eviction, … (spec: api.md §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.apiserver.handlers import read, write
from seatrial.apiserver.handlers.call import Answer, Call
from seatrial.apiserver.routes import Route
from seatrial.apiserver.subresources import exec as exec_session
from seatrial.apiserver.subresources import log
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
