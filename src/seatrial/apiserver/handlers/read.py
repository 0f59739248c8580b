"""get, list and watch (k8s.io/apiserver/pkg/endpoints/handlers/get.go)."""

from seatrial.apiserver import selection
from seatrial.apiserver.handlers import options
from seatrial.apiserver.handlers.call import Answer, Call, ExpiredWatch, Listed, Stored, Watching
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.registry_watch import RegistryWatch
from seatrial.apiserver.routes import Route
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.machinery import status

MIN_WATCH_SECONDS = 1800.0
"""A watch that names no end gets one at random between this and twice this."""


async def get(registry: Registry, call: Call, route: Route) -> Answer:
    record = await registry.get(route.resource, route.namespace, route.name)
    version = call.query.get("resourceVersion", "")
    if version:
        _require_reached(registry, version)
    return Stored(200, record, route.resource)


def _require_reached(registry: Registry, version: str) -> None:
    if not version.isdigit():
        raise status.bad_request(f"invalid resource version: {version}")
    if int(version) > registry.revision:
        raise status.too_large_resource_version(int(version), registry.revision)


async def list_(registry: Registry, call: Call, route: Route) -> Answer:
    if not call.query:
        return Listed(route.resource, await registry.list(route.resource, route.namespace, selection.ALL))
    options.check_list_options(call, watching=False)
    query = call.query
    listing = await registry.list(
        route.resource,
        route.namespace,
        options.selected(call),
        limit=call.integer("limit") or 0,
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
    )
    return Listed(route.resource, listing)


async def watch(registry: Registry, env: Env, call: Call, route: Route) -> Answer:
    options.check_list_options(call, watching=True)
    query, resource = call.query, route.resource
    wanted, version = options.selected(call, route.name), query.get("resourceVersion", "")
    bookmarks, initial = call.flag("allowWatchBookmarks"), None
    if bookmarks and call.flag("sendInitialEvents"):
        initial = await registry.list(resource, route.namespace, wanted)
        version = str(initial.revision)
    seconds = call.integer("timeoutSeconds") or MIN_WATCH_SECONDS * (1 + env.random.random())
    events: RegistryWatch | ExpiredWatch
    try:
        events = registry.watch(resource, route.namespace, wanted, resource_version=version)
    except StatusError as error:
        if error.code != 410:
            raise
        events = ExpiredWatch(error)
    return Watching(resource, events, seconds, bookmarks, initial)
