"""The subresource scale: how many, and how many there are, the same for every kind that has replicas.

Follows pkg/registry/apps/deployment/storage/storage.go (ScaleREST) and autoscaling/v1 Scale.
"""

from collections.abc import Callable
from typing import Any

import orjson

from seatrial.api.resource import Resource
from seatrial.apiserver import decoding, patching, store_errors, strategy
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors, status, validation
from seatrial.store.base import Record

SCALE = Resource("autoscaling", "v1", "Scale", "scales")
METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: JSON) -> JSON:
    """The Scale of an object."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    replicas = spec.get("replicas") or 0
    counted: JSON = {"replicas": (obj.get("status") or {}).get("replicas") or 0}
    selector = _selector(spec.get("selector") or {})
    if selector:
        counted["selector"] = selector
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {field: metadata[field] for field in METADATA if field in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": counted,
    }


async def get(registry: Registry, resource: Resource, namespace: str, name: str) -> JSON:
    return scale_of((await registry.get(resource, namespace, name)).object)


async def update(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> JSON:
    scale = decoding.decode(registry.schemas, SCALE, body, options)
    strategy.check_addressed(scale, namespace, name)
    return await _write(registry, resource, namespace, name, options, lambda current: scale)


async def patch(
    registry: Registry,
    resource: Resource,
    namespace: str,
    name: str,
    body: Any,
    patch_type: str,
    options: WriteOptions = WRITE,
) -> JSON:
    asked = patching.Patch(registry.schemas, SCALE, namespace, name, body, patch_type, options, "scale", registry.env)

    def change(current: Record) -> JSON:
        scale = scale_of(current.object)
        return asked.apply(Record(current.key, current.revision, scale, orjson.dumps(scale)))

    return await _write(registry, resource, namespace, name, options, change)


async def _write(
    registry: Registry,
    resource: Resource,
    namespace: str,
    name: str,
    options: WriteOptions,
    wanted: Callable[[Record], JSON],
) -> JSON:
    """`wanted` gives the new Scale for the current object."""

    def change(current: Record | None) -> JSON:
        assert current is not None
        scale = wanted(current)
        replicas = (scale.get("spec") or {}).get("replicas") or 0
        errors = validation.non_negative("spec.replicas", replicas)
        if errors:
            raise status.invalid(SCALE, name, errors)
        version = store_errors.revision_of(objects.get(scale, "metadata", "resourceVersion", default=""))
        strategy.check_replaceable(resource, scale, current, version or current.revision)
        new: JSON = orjson.loads(current.data)
        new.setdefault("spec", {})["replicas"] = replicas
        return new

    record, _ = await registry.modify(resource, namespace, name, change, options, subresource="scale", creates=False)
    return scale_of(record.object)


def _selector(selector: JSON) -> str:
    if "matchLabels" in selector or "matchExpressions" in selector:
        return str(selectors.from_label_selector(selector))
    return str(selectors.from_map(selector)) if selector else ""
