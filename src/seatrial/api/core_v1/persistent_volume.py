"""PersistentVolume: a piece of storage of the cluster, and the claim that has it.

Follows ValidatePersistentVolumeSpec and ValidatePersistentVolumeUpdate of pkg/apis/core/validation, SetDefaults in
pkg/apis/core/v1 and pkg/registry/core/persistentvolume (1.32).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.core_v1 import persistent_volume_claim, resources, volumes
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

NOT_SOURCES = frozenset({
    "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy",
    "storageClassName", "volumeAttributesClassName", "volumeMode",
})  # fmt: skip
_POLICIES = ("Delete", "Recycle", "Retain")


class PersistentVolumeSpec(TypedDict, total=False):
    """Besides these one source: rbd, hostPath, csi, …"""

    capacity: dict[str, str]
    accessModes: list[str]
    claimRef: JSON
    persistentVolumeReclaimPolicy: str
    storageClassName: str
    mountOptions: list[str]
    volumeMode: str
    nodeAffinity: JSON
    volumeAttributesClassName: str


class PersistentVolumeStatus(TypedDict, total=False):
    phase: str
    message: str
    reason: str
    lastPhaseTransitionTime: str


class PersistentVolume(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: PersistentVolumeSpec
    status: PersistentVolumeStatus


def default(obj: JSON) -> None:
    """Retain, Filesystem, and what the source's own kind fills in."""
    spec = obj.setdefault("spec", {})
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    resources.default_quantities(spec.get("capacity") or {})
    source = {name: value for name, value in spec.items() if name not in NOT_SOURCES}
    if source:
        volumes.default_volume({"name": "", **source})
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"


def prepare_for_create(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}


def validate(obj: JSON) -> list[FieldError]:
    spec = obj.get("spec") or {}
    return [*_validate_modes(spec), *_validate_capacity(spec), *_validate_source(spec), *_validate_rest(spec)]


def _validate_modes(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    if not spec.get("accessModes"):
        yield validation.required("spec.accessModes")
    yield from persistent_volume_claim.validate_access_modes(spec.get("accessModes") or ())


def _validate_capacity(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    capacity = spec.get("capacity") or {}
    if not capacity:
        yield validation.required("spec.capacity")
    elif "storage" not in capacity or len(capacity) > 1:
        yield validation.unsupported("spec.capacity", validation.go_map(capacity), ["storage"])
    for name, amount in capacity.items():
        errors = list(resources.validate_quantity(amount, f"spec.capacity[{name}]"))
        yield from errors
        if not errors and quantity.parse(amount) == 0:
            yield validation.invalid(f"spec.capacity[{name}]", amount, "must be greater than zero")


def _validate_source(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    sources = {name: value for name, value in spec.items() if name not in NOT_SOURCES and value is not None}
    if not sources:
        yield validation.required("spec", "must specify a volume type")
        return
    yield from volumes.validate_source(sources, "spec")
    if "local" in sources and not objects.get(spec, "nodeAffinity", "required"):
        yield validation.required("spec.nodeAffinity", "Local volume requires node affinity")
    if objects.get(sources, "hostPath", "path") == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield validation.forbidden(
            "spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"
        )


def _validate_rest(spec: Mapping[str, Any]) -> Iterator[FieldError]:
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in _POLICIES:
        yield validation.unsupported("spec.persistentVolumeReclaimPolicy", policy, _POLICIES)
    yield from persistent_volume_claim.validate_class_and_mode(spec)


def validate_update(new: JSON, old: JSON) -> list[FieldError]:
    errors: list[FieldError] = []
    if _source(new) != _source(old):
        errors.append(
            validation.forbidden(
                "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
            )
        )
    if new["spec"].get("volumeMode") != old["spec"].get("volumeMode"):
        errors.append(validation.immutable("spec.volumeMode", new["spec"].get("volumeMode")))
    before = old["spec"].get("nodeAffinity")
    if before is not None and new["spec"].get("nodeAffinity") != before:
        errors.append(validation.immutable("spec.nodeAffinity", new["spec"].get("nodeAffinity")))
    return errors


def _source(obj: JSON) -> JSON:
    return {name: value for name, value in obj["spec"].items() if name not in NOT_SOURCES and value is not None}


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get pv`."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef") or {}
    return (
        obj["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", "0"),
        persistent_volume_claim.short_modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if obj["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim.get("name") else "",
        persistent_volume_claim.class_of(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        table.created_age(obj, now),
        spec.get("volumeMode", "<unset>"),
    )


COLUMNS = (
    table.NAME,
    Column("Capacity", description="A description of the persistent volume's resources and capacity."),
    Column("Access Modes", description="Contains all ways the volume can be mounted."),
    Column("Reclaim Policy", description="What happens to the volume when it is released from its claim."),
    Column("Status", description="The phase of the volume."),
    Column("Claim", description="The claim that the volume is bound to."),
    Column("StorageClass", description="The class that the volume belongs to."),
    Column("VolumeAttributesClass", description="The attributes class that the volume belongs to."),
    Column("Reason", description="Why the volume is in a failed state."),
    table.AGE,
    Column("VolumeMode", description="Whether the volume is a file system or a block device.", priority=1),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    namespaced=False,
    singular="persistentvolume",
    short_names=("pv",),
    subresources=("status",),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_for_create=prepare_for_create,
    returns_deleted=True,
    columns=COLUMNS,
    row=row,
)
