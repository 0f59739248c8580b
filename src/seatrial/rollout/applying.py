"""Applying manifests to any cluster: server-side apply, so that what others own stays as it is."""

from collections.abc import Sequence

from seatrial.api import old_versions
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import APPLY_PATCH, Client
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef

FIELD_MANAGER = "seatrial"


def resource_of(obj: JSON) -> ResourceRef:
    """Which resource an object belongs to. Raises ToolError for a kind that is not known."""
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    resource = old_versions.for_kind(group, version, str(obj["kind"]))
    if resource is None:
        raise ToolError(f'there is no kind {obj["kind"]} in {obj["apiVersion"]}: "{objects.name(obj)}" was not applied')
    return resource


async def apply(
    client: Client, manifests: Sequence[JSON], namespace: str = "default", *, dry_run: bool = False
) -> list[JSON]:
    """Apply the objects in order; those that name no namespace go into `namespace`. Returns them as stored.

    A dry run returns what would be stored.
    """
    applied = []
    for obj in manifests:
        resource = resource_of(obj)
        target = objects.namespace(obj) or (namespace if resource.namespaced else "")
        applied.append(
            await client.patch(
                resource,
                objects.name(obj),
                target,
                obj,
                patch_type=APPLY_PATCH,
                dry_run=dry_run,
                field_manager=FIELD_MANAGER,
                force=True,
            )
        )
    return applied
