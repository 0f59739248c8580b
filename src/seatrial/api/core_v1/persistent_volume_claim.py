"""PersistentVolumeClaim: what a Pod asks of storage, and the volume that it got.

Follows ValidatePersistentVolumeClaimSpec and …Update of pkg/apis/core/validation and
pkg/registry/core/persistentvolumeclaim (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api import label_selectors
from seatrial.api.core_v1 import resources
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, quantity, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

ACCESS_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
"""With the short form of `kubectl get`."""
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


class PersistentVolumeClaimSpec(TypedDict, total=False):
    accessModes: list[str]
    selector: JSON
    resources: JSON
    volumeName: str
    storageClassName: str
    volumeMode: str
    dataSource: JSON
    dataSourceRef: JSON
    volumeAttributesClassName: str


class PersistentVolumeClaimStatus(TypedDict, total=False):
    phase: str
    accessModes: list[str]
    capacity: dict[str, str]
    conditions: list[JSON]
    allocatedResources: dict[str, str]
    allocatedResourceStatuses: dict[str, str]


class PersistentVolumeClaim(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: PersistentVolumeClaimSpec
    status: PersistentVolumeClaimStatus


def default(obj: JSON) -> None:
    """Filesystem, and Pending."""
    spec = obj.setdefault("spec", {})
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    for amounts in (spec.get("resources") or {}).values():
        resources.default_quantities(amounts)
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}


def validate(obj: JSON) -> list[FieldError]:
    return list(validate_spec(obj.get("spec") or {}, "spec"))


def validate_spec(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Also of volumeClaimTemplates."""
    if spec.get("selector") is not None:
        yield from label_selectors.validate_selector(spec["selector"], f"{path}.selector")
    if not spec.get("accessModes"):
        yield validation.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from validate_access_modes(spec.get("accessModes") or (), path)
    asked = objects.get(spec, "resources", "requests", "storage")
    if asked is None:
        yield validation.required(f"{path}.resources[storage]")
    else:
        errors = list(resources.validate_quantity(asked, f"{path}.resources[storage]"))
        yield from errors
        if not errors and quantity.parse(asked) == 0:
            yield validation.invalid(f"{path}.resources[storage]", asked, "must be greater than zero")
    yield from validate_class_and_mode(spec, path)


def validate_access_modes(modes: Sequence[str], path: str = "spec") -> Iterator[FieldError]:
    """Known ones, and ReadWriteOncePod alone."""
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield validation.unsupported(f"{path}.accessModes", mode, sorted(ACCESS_MODES))
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield validation.forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")


def validate_class_and_mode(spec: Mapping[str, Any], path: str = "spec") -> Iterator[FieldError]:
    """storageClassName and volumeMode, of claims and volumes."""
    name = spec.get("storageClassName")
    for message in names.dns1123_subdomain(name) if name else ():
        yield validation.invalid(f"{path}.storageClassName", name, message)
    mode = spec.get("volumeMode")
    if mode is not None and mode not in ("Block", "Filesystem"):
        yield validation.unsupported(f"{path}.volumeMode", mode, ("Block", "Filesystem"))


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    """What is asked for may grow once the claim is bound; volumeName and the class may be filled in before."""
    errors = []
    before, after = _without_requests(old), _without_requests(new)
    if not before.get("volumeName"):
        after["volumeName"] = before["volumeName"] = after.get("volumeName") or ""
        if before.get("storageClassName") is None and after.get("storageClassName"):
            before["storageClassName"] = after["storageClassName"]
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if before != after or (not bound and _asked(new) != _asked(old)):
        errors.append(validation.forbidden("spec", _IMMUTABLE))
    elif quantity.parse(_asked(new)) < quantity.parse(_granted(old)) and _asked(new) != _asked(old):
        errors.append(
            validation.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
        )
    return errors


def _without_requests(claim: JSON) -> JSON:
    spec = {**claim["spec"], "resources": {**(claim["spec"].get("resources") or {}), "requests": {}}}
    spec.pop("volumeAttributesClassName", None)
    return spec


def _asked(claim: JSON) -> str:
    return str(objects.get(claim, "spec", "resources", "requests", "storage", default="0"))


def _granted(claim: JSON) -> str:
    return str(objects.get(claim, "status", "capacity", "storage", default="0"))


def class_of(obj: JSON) -> str:
    """The class of a claim or a volume, by the old annotation too; "" for none."""
    annotation = objects.annotations(obj).get(CLASS_ANNOTATION)
    return str(annotation if annotation is not None else (obj.get("spec") or {}).get("storageClassName") or "")


def short_modes(modes: Sequence[str]) -> str:
    """`RWO,ROX`."""
    return ",".join(short for mode, short in ACCESS_MODES.items() if mode in modes)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get pvc`."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return (
        obj["metadata"]["name"],
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName") or "",
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        short_modes(status.get("accessModes") or ()) if bound else "",
        class_of(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        table.created_age(obj, now),
        spec.get("volumeMode", "<unset>"),
    )


COLUMNS = (
    table.NAME,
    Column("Status", description="The phase of the claim."),
    Column("Volume", description="The volume that the claim is bound to."),
    Column("Capacity", description="The actual resources of the volume."),
    Column("Access Modes", description="The actual access modes of the volume."),
    Column("StorageClass", description="The class that the claim asks for."),
    Column("VolumeAttributesClass", description="The attributes class that the claim asks for."),
    table.AGE,
    Column("VolumeMode", description="Whether the volume is a file system or a block device.", priority=1),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    singular="persistentvolumeclaim",
    short_names=("pvc",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_for_create=prepare_for_create,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
