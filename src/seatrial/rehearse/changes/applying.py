"""`kubectl apply` on the client's side: a three-way patch from what was applied last, what is there and the manifest.

Follows kubectl/pkg/cmd/apply (apply.go, patcher.go). The annotation with the last applied configuration is kept as
kubectl keeps it.
"""

import orjson

from seatrial.api import old_versions, schema_set
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import last_applied, merge_patch, objects, strategic_patch
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout.applying import resource_of

FIELD_MANAGER = "kubectl-client-side-apply"


def is_known(manifest: JSON) -> bool:
    """Whether its kind is known here: manifests of a whole application have others, too."""
    return old_versions.stored_as(manifest) is not None


async def apply(client: Client, manifest: JSON, namespace: str) -> JSON:
    """The object as stored, in the version of the manifest. Raises StatusError, ToolError."""
    resource = resource_of(manifest)
    wanted = _prepared(manifest, resource, namespace)
    try:
        current = await client.get(resource, objects.name(wanted), objects.namespace(wanted))
    except StatusError as error:
        if error.reason != "NotFound" or not objects.name(wanted):
            raise
        return await client.create(resource, _annotated(wanted), field_manager=FIELD_MANAGER)
    return await _patch(client, resource, current, _annotated(wanted))


async def _patch(client: Client, resource: ResourceRef, current: JSON, wanted: JSON) -> JSON:
    original = last_applied.of(current)
    schemas = schema_set.load()
    key = (resource.group, resource.version, resource.kind)
    try:
        if schemas.knows(*key):
            patch = strategic_patch.three_way(original, wanted, current, schemas.patch_meta(*key))
        else:
            patch = merge_patch.three_way(original, wanted, current)
    except strategic_patch.PreconditionFailed as error:
        raise ToolError(f"{resource.kind} {objects.name(wanted)}: {error}") from None
    if not patch:
        return current
    name, namespace = objects.name(wanted), objects.namespace(wanted)
    if schemas.knows(*key):
        return await client.patch(resource, name, namespace, patch, field_manager=FIELD_MANAGER)
    return await client.patch(resource, name, namespace, patch, patch_type=MERGE_PATCH, field_manager=FIELD_MANAGER)


def _prepared(manifest: JSON, resource: ResourceRef, namespace: str) -> JSON:
    metadata = dict(manifest.get("metadata") or {})
    if not metadata.get("name"):
        raise ToolError(f"a {resource.kind} without metadata.name can't be applied")
    if resource.namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    wanted = {**manifest, "metadata": metadata}
    wanted.pop("status", None)
    return wanted


def _annotated(wanted: JSON) -> JSON:
    """With its own text in the annotation, less that annotation (GetModifiedConfiguration)."""
    annotations = {key: value for key, value in objects.annotations(wanted).items() if key != last_applied.ANNOTATION}
    bare = objects.with_metadata(wanted, annotations=annotations)
    text = orjson.dumps(bare, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    return objects.with_metadata(wanted, annotations={**annotations, last_applied.ANNOTATION: text})
