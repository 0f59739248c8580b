"""From a URL path to the resource it names (k8s.io/apiserver/pkg/endpoints/request/requestinfo.go).

    /api/v1/[watch/][namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE[/REST]]]        and /apis/GROUP/VERSION/… likewise

Answers are kept, since most requests ask for paths that were asked for before.
"""

from typing import NamedTuple

from seatrial.api import old_versions
from seatrial.api.old_version import OldVersion
from seatrial.api.registry import NAMESPACES
from seatrial.api.resource import Resource

CACHED_PATHS = 16_384


class Route(NamedTuple):
    """What a path names. `watch`: a legacy `/watch/` path. `rest`: what follows the subresource (of `proxy`).

    `is_old`: the resource is an OldVersion, whose objects are stored in another form.
    """

    resource: Resource
    namespace: str
    name: str
    subresource: str
    rest: str = ""
    watch: bool = False
    is_old: bool = False


_cache: dict[str, Route | None] = {}


def resolve(path: str) -> Route | None:
    """The route of a path under /api/v1 or /apis/GROUP/VERSION; None if it names no resource that is served."""
    try:
        return _cache[path]
    except KeyError:
        pass
    if len(_cache) >= CACHED_PATHS:
        _cache.clear()
    route = _cache[path] = _parse(path)
    return route


def _parse(path: str) -> Route | None:
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, rest = "", parts[1:]
    elif parts[0] == "apis" and len(parts) > 1:
        group, rest = parts[1], parts[2:]
    else:
        return None
    if len(rest) < 2 or "" in rest:
        return None
    version, rest = rest[0], rest[1:]
    watch = rest[0] == "watch" and len(rest) > 1
    return _route(group, version, rest[1:] if watch else rest, watch)


def _route(group: str, version: str, parts: list[str], watch: bool) -> Route | None:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2 and not _is_namespace_subresource(group, version, parts):
        namespace, parts = parts[1], parts[2:]
    resource = old_versions.find(group, version, parts[0])
    if resource is None or (namespace and not resource.namespaced):
        return None
    name = parts[1] if len(parts) > 1 else ""
    if name and resource.namespaced and not namespace:
        return None
    subresource = parts[2] if len(parts) > 2 else ""
    rest = "/".join(parts[3:])
    if subresource and (subresource not in resource.subresources or (rest and subresource != "proxy")):
        return None
    return Route(resource, namespace, name, subresource, rest, watch, isinstance(resource, OldVersion))


def _is_namespace_subresource(group: str, version: str, parts: list[str]) -> bool:
    """`namespaces/NAME/finalize` is part of the Namespace itself, `namespaces/NAME/pods` is not."""
    return (group, version) == ("", "v1") and len(parts) == 3 and parts[2] in NAMESPACES.subresources


def bindings_namespace(path: str) -> str:
    """The namespace of the collection `bindings`, which holds nothing and can only be posted to; else ""."""
    parts = path.split("/")
    if len(parts) == 6 and parts[:4] == ["", "api", "v1", "namespaces"] and parts[5] == "bindings":
        return parts[4]
    return ""
