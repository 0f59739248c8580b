"""VolumeAttachment: that a volume is to be attached to a node, and whether it is.

Follows pkg/apis/storage/validation and pkg/registry/storage/volumeattachment (1.32).
"""

from collections.abc import Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError


class VolumeAttachmentSpec(TypedDict, total=False):
    """`source`: {"persistentVolumeName": …}."""

    attacher: str
    source: JSON
    nodeName: str


class VolumeAttachmentStatus(TypedDict, total=False):
    attached: bool
    attachmentMetadata: dict[str, str]
    attachError: JSON
    detachError: JSON


class VolumeAttachment(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: VolumeAttachmentSpec
    status: VolumeAttachmentStatus


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"attached": False}


def validate(obj: JSON) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = [validation.required(f"spec.{name}") for name in ("attacher", "nodeName") if not spec.get(name)]
    if not objects.get(spec, "source", "persistentVolumeName") and not objects.get(spec, "source", "inlineVolumeSpec"):
        errors.append(
            validation.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        )
    return errors


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    if new.get("spec") != old.get("spec"):
        return [validation.invalid("spec", new.get("spec"), "field is immutable")]
    return []


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get volumeattachments`."""
    spec = obj.get("spec") or {}
    return (
        obj["metadata"]["name"],
        spec.get("attacher", ""),
        objects.get(spec, "source", "persistentVolumeName", default=""),
        spec.get("nodeName", ""),
        bool((obj.get("status") or {}).get("attached")),
        table.created_age(obj, now),
    )


COLUMNS = (
    table.NAME,
    Column("Attacher", format="name", description="The volume driver that handles the attachment."),
    Column("PV", description="The persistent volume."),
    Column("Node", description="The node that the volume is attached to."),
    Column("Attached", "boolean", description="Whether the volume is attached."),
    table.AGE,
)

RESOURCE = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="VolumeAttachment",
    plural="volumeattachments",
    namespaced=False,
    singular="volumeattachment",
    subresources=("status",),
    validate=validate,
    validate_update=validate_update,
    prepare_for_create=prepare_for_create,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
