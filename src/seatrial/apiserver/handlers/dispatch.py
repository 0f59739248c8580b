"""From a request to the function that serves it: the one door through which HTTP and in-process callers go.

A write's way: `Handlers.handle` → `write.create` → `Registry.create` → store.
"""

from collections.abc import Awaitable, Callable

from seatrial.api.registry import NODES
from seatrial.apiserver import routes
from seatrial.apiserver.handlers import node_faults, nonresource, old_versions, read, reviews, subresource, write
from seatrial.apiserver.handlers.call import Answer, Call
from seatrial.apiserver.node_access import FindNode, InflictFault
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.routes import Route
from seatrial.apiserver.version import VersionInfo
from seatrial.base.env import Env
from seatrial.machinery import status

Verb = Callable[[Registry, Call, Route], Awaitable[Answer]]

ON_OBJECT: dict[str, tuple[str, Verb]] = {
    "GET": ("get", read.get),
    "PUT": ("update", write.update),
    "PATCH": ("patch", write.patch),
    "DELETE": ("delete", write.delete),
}
ON_COLLECTION: dict[str, tuple[str, Verb]] = {
    "GET": ("list", read.list_),
    "POST": ("create", write.create),
    "DELETE": ("deletecollection", write.delete_collection),
}


async def _no_faults(name: str, fault: str) -> str:
    raise status.not_found(NODES, name)


class Handlers:
    """All that the API server answers. `ready` says why it isn't ready, "" when it is."""

    def __init__(
        self,
        registry: Registry,
        env: Env,
        *,
        find_node: FindNode = lambda name: None,
        inflict: InflictFault = _no_faults,
        release: str = "1.32",
        ready: Callable[[], str] = lambda: "",
    ) -> None:
        self.registry, self.env, self.find_node, self.ready = registry, env, find_node, ready
        self._inflict = inflict
        self.is_reachable = True
        """False: as if nobody listened (a fault, on demand)."""
        self.version = VersionInfo(release)
        self.documents = nonresource.Documents(self.version, registry.schemas)

    async def handle(self, call: Call) -> Answer:
        """The answer. Refusals are raised as StatusErrors."""
        route = routes.resolve(call.path)
        if route is None:
            return await self._without_route(call)
        if route.is_old:
            return await old_versions.answer(self.registry, self.env, call, route)
        if route.subresource:
            return await subresource.answer(self, call, route)
        if call.method == "GET" and (route.watch or (call.query and call.flag("watch"))):
            if "watch" not in route.resource.verbs:
                raise status.method_not_allowed()
            return await read.watch(self.registry, self.env, call, route)
        method = "GET" if call.method == "HEAD" else call.method
        verb, function = (ON_OBJECT if route.name else ON_COLLECTION).get(method, ("", None))
        if function is None or verb not in route.resource.verbs:
            raise status.method_not_allowed()
        return await function(self.registry, call, route)

    async def _without_route(self, call: Call) -> Answer:
        namespace = routes.bindings_namespace(call.path)
        if namespace:
            return await subresource.bind(self.registry, call, namespace)
        fault = await node_faults.answer(self._inflict, call)
        if fault is not None:
            return fault
        return reviews.answer(call) or nonresource.answer(self.documents, self.ready, call)


def verb_of(method: str, route: Route | None, watching: bool) -> str:
    """The verb of a request, as metrics and authorization name it."""
    if route is None:
        return method.lower()
    if watching or route.watch:
        return "watch"
    verb, _ = (ON_OBJECT if route.name else ON_COLLECTION).get(method, (method.lower(), None))
    return verb
