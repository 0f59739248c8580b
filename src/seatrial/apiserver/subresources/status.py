"""The subresource status: reads the object; writes its status, and of metadata labels, annotations, finalizers."""

from typing import Any

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.types import JSON
from seatrial.store.base import Record


async def get(registry: Registry, resource: Resource, namespace: str, name: str) -> Record:
    return await registry.get(resource, namespace, name)


async def update(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> Record:
    record, _ = await registry.update(resource, namespace, name, body, options, subresource="status")
    return record


async def patch(
    registry: Registry,
    resource: Resource,
    namespace: str,
    name: str,
    body: Any,
    patch_type: str,
    options: WriteOptions = WRITE,
) -> Record:
    record, _ = await registry.patch(resource, namespace, name, body, patch_type, options, subresource="status")
    return record
