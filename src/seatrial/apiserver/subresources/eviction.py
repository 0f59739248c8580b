"""The subresource eviction of Pods: a DELETE that asks first.

Follows pkg/registry/core/pod/storage/eviction.go. There are no PodDisruptionBudgets yet, so nobody objects.
"""

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WRITE, DeleteOptions, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.types import JSON
from seatrial.machinery import objects, status


async def create(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> JSON:
    """POST pods/NAME/eviction."""
    if objects.name(body) != name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    await registry.delete(resource, namespace, name, _delete_options(body.get("deleteOptions") or {}, options))
    return status.success(code=201)


def _delete_options(body: JSON, options: WriteOptions) -> DeleteOptions:
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        propagation_policy=body.get("propagationPolicy") or "",
        orphan_dependents=body.get("orphanDependents"),
        grace_period_seconds=body.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=options.dry_run or bool(body.get("dryRun")),
        user=options.user,
    )
