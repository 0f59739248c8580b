"""Who owns which field: keeps metadata.managedFields true in every write that names a manager.

Follows k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager. Writes without a manager (callers inside the process)
leave managedFields as they are.
# differs: what such writes change stays with whoever owned it before.
"""

from collections.abc import Sequence

from seatrial.api.resource import Resource
from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver.options import WriteOptions
from seatrial.base.types import JSON
from seatrial.machinery import apply


def track(
    schemas: SchemaSet,
    resource: Resource,
    new: JSON,
    old: JSON | None,
    options: WriteOptions,
    subresource: str,
    now: float,
) -> None:
    """Set managedFields of `new`, whose metadata is private."""
    metadata = new["metadata"]
    if options.field_manager:
        schema = schemas.field_schema(resource.group, resource.version, resource.kind)
        ignored = reset_fields(resource, subresource)
        written = {**new, "apiVersion": options.api_version} if options.api_version else new
        entries = apply.update_managers(old, written, options.field_manager, schema, now, subresource, ignored)
    elif "managedFields" in metadata or old is None:
        entries = metadata.get("managedFields") or []
    else:
        entries = old["metadata"].get("managedFields") or []
    if entries:
        metadata["managedFields"] = entries
    else:
        metadata.pop("managedFields", None)


def reset_fields(resource: Resource, subresource: str) -> Sequence[str]:
    """What this endpoint does not write, so that nobody comes to own it there."""
    if subresource == "status":
        return ("spec",)
    return ("status",) if "status" in resource.subresources else ()
