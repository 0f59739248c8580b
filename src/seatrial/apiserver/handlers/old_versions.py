"""Requests in old group versions: converted at the door to the stored form, and their answers back.

Bodies are decoded and defaulted as their own version says; patches are applied to the object in the form its client
knows. Errors name the group on the URL. Follows k8s.io/apiserver/pkg/endpoints/handlers as far as versions go.
"""

import contextlib
import dataclasses
from collections.abc import Iterator

from seatrial.api.old_version import OldVersion
from seatrial.apiserver import decoding, patching
from seatrial.apiserver.conversion import records, scales
from seatrial.apiserver.handlers import bodies, options, read, write
from seatrial.apiserver.handlers.call import Answer, Call, Listed, Made, Stored, Watching
from seatrial.apiserver.options import WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.registry_watch import RegistryWatch
from seatrial.apiserver.routes import Route
from seatrial.apiserver.subresources import rollback, scale
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import status
from seatrial.store.base import Record


async def answer(registry: Registry, env: Env, call: Call, route: Route) -> Answer:
    """The answer in the version of the route."""
    version = route.resource
    assert isinstance(version, OldVersion)
    stored = route._replace(resource=version.stored, is_old=False)
    with _naming(version):
        return await _answer(registry, env, call, version, stored)


async def _answer(registry: Registry, env: Env, call: Call, version: OldVersion, route: Route) -> Answer:
    method = "GET" if call.method == "HEAD" else call.method
    if route.subresource == "scale":
        return await _scale(registry, call, version, route)
    if route.subresource == "rollback":
        return await _rollback(registry, call, version, route)
    if route.subresource:
        if method not in ("GET", "PUT", "PATCH"):
            raise status.method_not_allowed()
    elif method == "GET" and (route.watch or call.flag("watch")):
        return _shown(version, await read.watch(registry, env, call, route))
    if route.name:
        return await _on_object(registry, call, method, version, route)
    if method == "GET":
        return _shown(version, await read.list_(registry, call, route))
    if method == "POST":
        return await _create(registry, call, version, route)
    if method == "DELETE":
        return _shown(version, await write.delete_collection(registry, call, route))
    raise status.method_not_allowed()


async def _on_object(registry: Registry, call: Call, method: str, version: OldVersion, route: Route) -> Answer:
    if method == "GET":
        return _shown(version, await read.get(registry, call, route))
    if method == "PUT":
        return await _update(registry, call, version, route)
    if method == "PATCH":
        return await _patch(registry, call, version, route)
    if method == "DELETE":
        return _shown(version, await write.delete(registry, call, route))
    raise status.method_not_allowed()


def _shown(version: OldVersion, found: Answer) -> Answer:
    """What was found, in the old form."""
    if isinstance(found, Stored):
        return Stored(found.code, records.record(version, found.record), version)
    if isinstance(found, Listed):
        return Listed(version, records.listing(version, found.listing))
    if isinstance(found, Watching):
        initial = records.listing(version, found.initial) if found.initial is not None else None
        events = found.events
        if isinstance(events, RegistryWatch):
            return dataclasses.replace(
                found, resource=version, events=records.ConvertedWatch(version, events), initial=initial
            )
        return dataclasses.replace(found, resource=version, initial=initial)
    if isinstance(found, Made) and "items" in found.object:
        kind = {"kind": f"{version.kind}List", "apiVersion": version.api_version}
        return Made(
            found.code, {**found.object, **kind, "items": [_item(version, one) for one in found.object["items"]]}
        )
    return found


def _item(version: OldVersion, item: JSON) -> JSON:
    obj = version.from_stored(item)
    return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}


async def _create(registry: Registry, call: Call, version: OldVersion, route: Route) -> Answer:
    wanted = options.write_options(call, "CreateOptions")
    obj = _decoded(registry, call, version, wanted)
    version.default(obj)
    record = await registry.create(
        route.resource, route.namespace, version.to_stored(obj), _decoded_options(version, wanted)
    )
    return _shown(version, Stored(201, record, route.resource))


async def _update(registry: Registry, call: Call, version: OldVersion, route: Route) -> Answer:
    wanted = options.write_options(call, "UpdateOptions")
    obj = _decoded(registry, call, version, wanted)
    if not route.subresource:
        version.default(obj)
    record, created = await registry.update(
        route.resource,
        route.namespace,
        route.name,
        version.to_stored(obj),
        _decoded_options(version, wanted),
        subresource=route.subresource,
    )
    return _shown(version, Stored(201 if created else 200, record, route.resource))


def _decoded(registry: Registry, call: Call, version: OldVersion, wanted: WriteOptions) -> JSON:
    body = bodies.decode_object(call, version.kind)
    return decoding.decode(registry.schemas, version, body, wanted)


def _decoded_options(version: OldVersion, wanted: WriteOptions) -> WriteOptions:
    """For the registry: the body has been checked, and is ours."""
    return dataclasses.replace(
        wanted, field_validation="Ignore", duplicate_fields=(), owned=True, api_version=version.api_version
    )


async def _patch(registry: Registry, call: Call, version: OldVersion, route: Route) -> Answer:
    patch_type, body = bodies.decode_patch(call)
    wanted = options.write_options(call, "PatchOptions", patch_type)
    namespace, name, part = route.namespace, route.name, route.subresource
    patch = patching.Patch(registry.schemas, version, namespace, name, body, patch_type, wanted, part, registry.env)

    def change(current: Record | None) -> JSON:
        new = patch.apply(records.record(version, current) if current is not None else None)
        if current is None:
            version.default(new)
        return version.to_stored(new)

    written = dataclasses.replace(patch.write_options, api_version=version.api_version)
    record, created = await registry.modify(
        route.resource, namespace, name, change, written, subresource=part, creates=patch.creates
    )
    return _shown(version, Stored(201 if created else 200, record, route.resource))


async def _scale(registry: Registry, call: Call, version: OldVersion, route: Route) -> Answer:
    resource, namespace, name = route.resource, route.namespace, route.name
    if call.method == "GET":
        found = await scale.get(registry, resource, namespace, name)
    elif call.method == "PUT":
        wanted = options.write_options(call, "UpdateOptions")
        kind = scales.kind_of(version)
        body = scales.to_current(decoding.decode(registry.schemas, kind, bodies.decode_object(call, "Scale"), wanted))
        found = await scale.update(registry, resource, namespace, name, body, _decoded_options(version, wanted))
    elif call.method == "PATCH":
        patch_type, patch = bodies.decode_patch(call)
        wanted = options.write_options(call, "PatchOptions", patch_type)
        if isinstance(patch, dict):
            patch = {field: value for field, value in patch.items() if field not in ("kind", "apiVersion", "status")}
        found = await scale.patch(registry, resource, namespace, name, patch, patch_type, wanted)
    else:
        raise status.method_not_allowed()
    return Made(200, scales.from_current(version, found))


async def _rollback(registry: Registry, call: Call, version: OldVersion, route: Route) -> Answer:
    if call.method != "POST":
        raise status.method_not_allowed()
    wanted = options.write_options(call, "CreateOptions")
    kind = rollback.kind_of(version)
    body = decoding.decode(registry.schemas, kind, bodies.decode_object(call, kind.kind), wanted)
    return Made(200, await rollback.create(registry, kind, route.namespace, route.name, body, wanted))


@contextlib.contextmanager
def _naming(version: OldVersion) -> Iterator[None]:
    """Refusals speak of the group that the client asked."""
    try:
        yield
    except StatusError as error:
        if version.group == version.stored.group:
            raise
        raise _renamed(error, version) from None


def _renamed(error: StatusError, version: OldVersion) -> StatusError:
    message = str(error.status.get("message") or "")
    for old, new in (
        (version.stored.qualified, version.qualified),
        (version.stored.qualified_kind, version.qualified_kind),
    ):
        message = message.replace(old, new)
    told = {**error.status, "message": message}
    details = told.get("details") or {}
    if details.get("group") == version.stored.group:
        told["details"] = {**details, "group": version.group}
    return StatusError(told, headers=error.headers)
