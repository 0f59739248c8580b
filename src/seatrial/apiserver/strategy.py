"""Rules for metadata, status and generation that hold for every kind.

Follows k8s.io/apiserver/pkg/registry/rest/{create,update,meta}.go and
apimachinery/pkg/api/validation/objectmeta.go. Functions change the object they are given: a private copy, not stored.
"""

from seatrial.api import meta_v1
from seatrial.api.resource import Resource
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.machinery import objects, status, times
from seatrial.store.base import Record

METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
"""As the fields stand in Kubernetes' own answers."""
WITH_STATUS = ("labels", "annotations", "finalizers", "managedFields")
"""Metadata that a write to a subresource may change, too."""


def is_part(subresource: str) -> bool:
    """Whether a write to the subresource changes a part of the object only (scale goes through the whole)."""
    return subresource in ("status", "finalize")


def begin_create(resource: Resource, namespace: str, obj: JSON) -> None:
    """Put the namespace in and refuse what a new object must not carry."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise status.plain_error("resourceVersion should not be set on objects to be created")
    if not resource.namespaced:
        metadata.pop("namespace", None)
    elif not namespace:
        raise status.bad_request("an empty namespace may not be set during creation")
    elif metadata.setdefault("namespace", namespace) != namespace:
        if metadata["namespace"]:
            raise status.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace


def fill_create(resource: Resource, obj: JSON, env: Env) -> None:
    """System fields of a new object (FillObjectMetaSystemFields), the first generation, no status."""
    metadata = obj["metadata"]
    for gone in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation", "resourceVersion"):
        metadata.pop(gone, None)
    metadata["uid"] = env.new_uid()
    metadata["creationTimestamp"] = times.format_time(env.now())
    if resource.has_generation:
        metadata["generation"] = 1
    if resource.wipe_status_on_create:
        obj["status"] = {}
    obj["metadata"] = ordered(metadata)


def fill_loaded(resource: Resource, obj: JSON, env: Env) -> None:
    """What an object lacks that comes from elsewhere, perhaps written by hand; what it has, it keeps."""
    metadata = obj["metadata"]
    metadata.setdefault("uid", env.new_uid())
    metadata.setdefault("creationTimestamp", times.format_time(env.now()))
    if resource.namespaced:
        metadata.setdefault("namespace", "default")
    if resource.has_generation:
        metadata.setdefault("generation", 1)
    obj["metadata"] = ordered(metadata)


def ordered(metadata: JSON) -> JSON:
    """The same fields in Kubernetes' order."""
    return {field: metadata[field] for field in METADATA_ORDER if field in metadata}


def begin_update(resource: Resource, new: JSON, old: JSON, subresource: str) -> JSON:
    """What the update is about: `new`, with everything that it can't write taken from `old`."""
    if is_part(subresource):
        return _subresource_update(new, old, subresource)
    meta_v1.fill_from_old(new, old)
    metadata, before = new["metadata"], old["metadata"]
    if not resource.namespaced:
        metadata.pop("namespace", None)
    if "generation" not in before:
        metadata.pop("generation", None)
    metadata["resourceVersion"] = before["resourceVersion"]
    if "status" in resource.subresources:
        _take(new, old, "status")
    if "finalize" in resource.subresources and "finalizers" in (old.get("spec") or {}):
        new["spec"] = {**(new.get("spec") or {}), "finalizers": old["spec"]["finalizers"]}
    new["metadata"] = ordered(metadata)
    return new


def _subresource_update(new: JSON, old: JSON, subresource: str) -> JSON:
    metadata = dict(old["metadata"])
    for field in WITH_STATUS:
        _take(metadata, new["metadata"], field)
    result = {**old, "metadata": ordered(metadata)}
    if subresource == "status":
        _take(result, new, "status")
    elif subresource == "finalize":
        result["spec"] = {**(old.get("spec") or {}), "finalizers": (new.get("spec") or {}).get("finalizers") or []}
    return result


def _take(into: JSON, source: JSON, field: str) -> None:
    if field in source:
        into[field] = source[field]
    else:
        into.pop(field, None)


def bump_generation(resource: Resource, new: JSON, old: JSON) -> None:
    """A change of the desired state makes a new generation."""
    if resource.has_generation and resource.generation_fields(new) != resource.generation_fields(old):
        new["metadata"]["generation"] = objects.generation(old) + 1


def is_finished(resource: Resource, obj: JSON) -> bool:
    """Whether nothing keeps an object that is being deleted: it goes with the update that brought it there."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if metadata.get("deletionGracePeriodSeconds"):
        return False
    return not ("finalize" in resource.subresources and (obj.get("spec") or {}).get("finalizers"))


def check_addressed(obj: JSON, namespace: str, name: str) -> None:
    """Raise 400 unless the object is the one on the URL; a namespace that is left out is filled in."""
    metadata = obj["metadata"]
    if not metadata.get("name"):
        raise status.bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if metadata["name"] != name:
        raise status.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )
    if namespace and metadata.get("namespace", namespace) not in ("", namespace):
        raise status.bad_request(
            f"the namespace of the object ({metadata['namespace']}) does not match the namespace on the request "
            f"({namespace})"
        )
    if namespace:
        metadata["namespace"] = namespace


def check_replaceable(resource: Resource, new: JSON, current: Record, version: int) -> None:
    """Raise if a PUT means another object (uid) or another state (resourceVersion) than the current one."""
    name, wanted, actual = objects.name(new), objects.uid(new), objects.uid(current.object)
    if wanted and wanted != actual:
        why = (
            f"StorageError: invalid object, Code: 4, Key: {current.key}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
        )
        raise status.conflict(resource, name, why)
    if not version and not resource.unconditional_update:
        raise status.invalid(resource, name, [meta_v1.unconditional_update_error()])
    if version and version != current.revision:
        raise status.conflict(resource, name)
