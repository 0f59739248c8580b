"""create, update, patch, delete (k8s.io/apiserver/pkg/endpoints/handlers/{create,update,patch,delete}.go)."""

from seatrial.apiserver import listing
from seatrial.apiserver.handlers import bodies, options
from seatrial.apiserver.handlers.call import Answer, Call, Made, Stored
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.routes import Route


async def create(registry: Registry, call: Call, route: Route) -> Answer:
    obj = bodies.decode_object(call, route.resource.kind)
    wanted = options.write_options(call, "CreateOptions")
    record = await registry.create(route.resource, route.namespace, obj, wanted)
    return Stored(201, record, route.resource)


async def update(registry: Registry, call: Call, route: Route) -> Answer:
    obj = bodies.decode_object(call, route.resource.kind)
    wanted = options.write_options(call, "UpdateOptions")
    record, created = await registry.update(
        route.resource, route.namespace, route.name, obj, wanted, subresource=route.subresource
    )
    return Stored(201 if created else 200, record, route.resource)


async def patch(registry: Registry, call: Call, route: Route) -> Answer:
    patch_type, body = bodies.decode_patch(call)
    wanted = options.write_options(call, "PatchOptions", patch_type)
    record, created = await registry.patch(
        route.resource, route.namespace, route.name, body, patch_type, wanted, subresource=route.subresource
    )
    return Stored(201 if created else 200, record, route.resource)


async def delete(registry: Registry, call: Call, route: Route) -> Answer:
    wanted = options.delete_options(call)
    deleted = await registry.delete(route.resource, route.namespace, route.name, wanted)
    code = 202 if wanted.orphan_dependents is False and not deleted.gone else 200
    if deleted.record is not None:
        return Stored(code, deleted.record, route.resource)
    return Made(code, deleted.status)


async def delete_collection(registry: Registry, call: Call, route: Route) -> Answer:
    wanted = options.delete_options(call)
    options.check_list_options(call, watching=False)
    records = await registry.delete_collection(route.resource, route.namespace, options.selected(call), wanted)
    resource = route.resource
    return Made(
        200,
        {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": {"resourceVersion": str(registry.revision)},
            "items": [listing.item(record) for record in records],
        },
    )
