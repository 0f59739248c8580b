"""What admission does for claims and volumes: a default class, protection from deletion, and no growth that can't be.

Follows plugin/pkg/admission/storage (DefaultStorageClass, StorageObjectInUseProtection, PersistentVolumeClaimResize),
1.32.
"""

from seatrial.api.core_v1 import persistent_volume_claim
from seatrial.api.storage_v1 import storage_class
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.workloads import claims

_PROTECTION = {"persistentvolumeclaims": claims.CLAIM_PROTECTION, "persistentvolumes": claims.VOLUME_PROTECTION}


async def default_storage_class(attributes: Attributes) -> None:
    """A claim that names no class gets the default one; of several the newest."""
    if attributes.resource.plural != "persistentvolumeclaims" or attributes.operation != "CREATE":
        return
    spec, annotations = attributes.obj["spec"], objects.annotations(attributes.obj)
    if spec.get("storageClassName") is not None or persistent_volume_claim.CLASS_ANNOTATION in annotations:
        return
    found = [
        each for each in await attributes.cluster.select(storage_class.RESOURCE, "") if storage_class.is_default(each)
    ]
    if found:
        newest = max(found, key=lambda each: (objects.creation_timestamp(each), _descending(objects.name(each))))
        spec["storageClassName"] = objects.name(newest)


def _descending(name: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in name)


async def in_use_protection(attributes: Attributes) -> None:
    """New claims and volumes get the finalizer that holds them while they are used."""
    finalizer = _PROTECTION.get(attributes.resource.plural, "")
    if not finalizer or attributes.resource.group or attributes.operation != "CREATE":
        return
    metadata = attributes.obj["metadata"]
    if finalizer not in objects.finalizers(attributes.obj):
        metadata["finalizers"] = [*objects.finalizers(attributes.obj), finalizer]


async def resize(attributes: Attributes) -> None:
    """Only a claim whose class allows it may ask for more."""
    old = attributes.old
    if attributes.resource.plural != "persistentvolumeclaims" or old is None or attributes.subresource:
        return
    if (
        _asked(attributes.obj) is None
        or not _grows(attributes.obj, old)
        or objects.get(old, "status", "phase") != "Bound"
    ):
        return
    name = persistent_volume_claim.class_of(old)
    found = await attributes.lookup(storage_class.RESOURCE, "", name) if name else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise attributes.forbidden(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
            "support resize"
        )


def _grows(new: JSON, old: JSON) -> bool:
    return quantity.parse(_asked(new) or "0") > quantity.parse(_asked(old) or "0")


def _asked(claim: JSON) -> str | None:
    asked: str | None = objects.get(claim, "spec", "resources", "requests", "storage")
    return asked
