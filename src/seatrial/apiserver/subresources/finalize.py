"""The subresource finalize of Namespaces: writes spec.finalizers; without any, a terminating namespace goes away.

Follows pkg/registry/core/namespace/storage/storage.go (FinalizeREST).
"""

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.types import JSON
from seatrial.store.base import Record


async def update(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> Record:
    record, _ = await registry.update(resource, namespace, name, body, options, subresource="finalize")
    return record
