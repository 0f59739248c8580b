"""StorageClass: how volumes are made for claims.

Follows pkg/apis/storage/validation, pkg/apis/storage/v1/defaults.go and pkg/registry/storage/storageclass (1.32).
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
IMMEDIATE, WAIT_FOR_FIRST_CONSUMER = "Immediate", "WaitForFirstConsumer"
_FIXED = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


class StorageClass(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    provisioner: str
    parameters: dict[str, str]
    reclaimPolicy: str
    mountOptions: list[str]
    allowVolumeExpansion: bool
    volumeBindingMode: str
    allowedTopologies: list[JSON]


def default(obj: JSON) -> None:
    """Delete, Immediate."""
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", IMMEDIATE)


def validate(obj: JSON) -> list[FieldError]:
    errors = []
    if not obj.get("provisioner"):
        errors.append(validation.required("provisioner", obj.get("provisioner") or ""))
    if obj.get("reclaimPolicy") not in ("Delete", "Retain"):
        errors.append(validation.unsupported("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain")))
    modes = (IMMEDIATE, WAIT_FOR_FIRST_CONSUMER)
    if obj.get("volumeBindingMode") not in modes:
        errors.append(validation.unsupported("volumeBindingMode", obj.get("volumeBindingMode"), modes))
    return errors


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    errors = []
    for name in _FIXED:
        if new.get(name) == old.get(name):
            continue
        if name in ("volumeBindingMode",):
            errors.append(validation.immutable(name, new.get(name)))
        else:
            errors.append(validation.forbidden(name, f"updates to {name} are forbidden."))
    return errors


def is_default(obj: JSON) -> bool:
    """Whether claims without a class get this one."""
    return any(objects.annotations(obj).get(name) == "true" for name in DEFAULT_ANNOTATIONS)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get sc`."""
    name = obj["metadata"]["name"]
    return (
        f"{name} (default)" if is_default(obj) else name,
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", IMMEDIATE),
        bool(obj.get("allowVolumeExpansion")),
        table.created_age(obj, now),
    )


COLUMNS = (
    table.NAME,
    Column("Provisioner", description="Provisioner indicates the type of the provisioner."),
    Column("ReclaimPolicy", description="What happens to volumes of this class that are released."),
    Column("VolumeBindingMode", description="When volumes are bound and provisioned."),
    Column("AllowVolumeExpansion", "boolean", description="Whether volumes of this class may grow."),
    table.AGE,
)

RESOURCE = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    namespaced=False,
    singular="storageclass",
    short_names=("sc",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
