"""core/v1 ConfigMap (ValidateConfigMap in pkg/apis/core/validation, printConfigMap in pkg/printers)."""

import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

MAX_SIZE = 1024 * 1024
FROZEN = "field is immutable when `immutable` is set"


class ConfigMap(TypedDict, total=False):
    """Named pieces of text or binary data."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    data: dict[str, str]
    binaryData: dict[str, str]
    immutable: bool


def decoded_size(data: Mapping[str, str]) -> int:
    """The bytes that base64 values hold."""
    total = 0
    for value in data.values():
        try:
            total += len(binascii.a2b_base64(value or ""))
        except binascii.Error:
            total += len(value)
    return total


def validate(obj: JSON) -> Sequence[FieldError]:
    """Keys can be file names, occur once, and all of it stays under a mebibyte."""
    errors: list[FieldError] = []
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in sorted(data):
        errors += validation.each(f"data[{key}]", key, names.config_map_key(key))
        if key in binary:
            errors.append(validation.invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in sorted(binary):
        errors += validation.each(f"binaryData[{key}]", key, names.config_map_key(key))
    if sum(len((value or "").encode()) for value in data.values()) + decoded_size(binary) > MAX_SIZE:
        errors.append(validation.too_long("", MAX_SIZE))
    return errors


def immutability_errors(new: JSON, old: JSON, fields: Sequence[str]) -> list[FieldError]:
    """What an update of a ConfigMap or Secret with `immutable: true` may not touch."""
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [validation.forbidden("immutable", FROZEN)]
    changed = [field for field in fields if (new.get(field) or {}) != (old.get(field) or {})]
    return errors + [validation.forbidden(field, FROZEN) for field in changed]


def validate_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """Immutable ConfigMaps stay as they are."""
    return immutability_errors(new, old, ("data", "binaryData"))


COLUMNS = (
    table.NAME,
    Column(
        "Data",
        description=(
            "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. "
            "Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not "
            "overlap with the keys in the BinaryData field, this is enforced during validation process."
        ),
    ),
    table.AGE,
)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get configmaps`."""
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return objects.name(obj), count, table.created_age(obj, now)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
    validate=validate,
    validate_update=validate_update,
    columns=COLUMNS,
    row=row,
)
