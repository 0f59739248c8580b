"""core/v1 Secret (ValidateSecret in pkg/apis/core/validation, printSecret in pkg/printers)."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import orjson

from seatrial.api.core_v1 import config_map
from seatrial.api.meta_v1 import ObjectMeta
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import names, objects, table, validation
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

OPAQUE = "Opaque"
SERVICE_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_DOCKER_FILES = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}
_REQUIRED_KEYS = {
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


class Secret(TypedDict, total=False):
    """Named pieces of data, in base64."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    data: dict[str, str]
    stringData: dict[str, str]
    type: str
    immutable: bool


def default(obj: JSON) -> None:
    """The type is Opaque; stringData, which is never read back, becomes data."""
    if not obj.get("type"):
        obj["type"] = OPAQUE
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode((value or "").encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def validate(obj: JSON) -> Sequence[FieldError]:
    """Keys can be file names, all of it stays under a mebibyte, and each type has what it needs."""
    data: Mapping[str, str] = obj.get("data") or {}
    errors: list[FieldError] = []
    for key in sorted(data):
        errors += validation.each(f"data[{key}]", key, names.config_map_key(key))
    if config_map.decoded_size(data) > config_map.MAX_SIZE:
        errors.append(validation.too_long("data", config_map.MAX_SIZE))
    return errors + _type_errors(obj, obj.get("type") or "", data)


def _type_errors(obj: JSON, secret_type: str, data: Mapping[str, str]) -> list[FieldError]:
    if secret_type == SERVICE_ACCOUNT_TOKEN and not objects.annotations(obj).get(SERVICE_ACCOUNT_NAME):
        return [validation.required(f"metadata.annotations[{SERVICE_ACCOUNT_NAME}]")]
    if secret_type in _DOCKER_FILES:
        return _docker_errors(_DOCKER_FILES[secret_type], data)
    if secret_type == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        return [validation.required("data[username]"), validation.required("data[password]")]
    return [validation.required(f"data[{key}]") for key in _REQUIRED_KEYS.get(secret_type, ()) if key not in data]


def _docker_errors(key: str, data: Mapping[str, str]) -> list[FieldError]:
    if key not in data:
        return [validation.required(f"data[{key}]")]
    try:
        orjson.loads(base64.b64decode(data[key] or ""))
    except ValueError as error:
        return [validation.invalid(f"data[{key}]", "<secret contents redacted>", str(error))]
    return []


def validate_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    """The type stays; immutable Secrets stay as they are."""
    errors: list[FieldError] = []
    if new.get("type") != old.get("type"):
        errors.append(validation.immutable("type", new.get("type") or ""))
    return errors + config_map.immutability_errors(new, old, ("data",))


def selectable_fields(obj: JSON) -> Mapping[str, str]:
    """What field selectors can ask for."""
    return {"type": obj.get("type") or ""}


COLUMNS = (
    table.NAME,
    Column(
        "Type",
        description=(
            "Used to facilitate programmatic handling of secret data. More info: "
            "https://kubernetes.io/docs/concepts/configuration/secret/#secret-types"
        ),
    ),
    Column(
        "Data",
        description=(
            "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The "
            "serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly "
            "non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4"
        ),
    ),
    table.AGE,
)


def row(obj: JSON, now: float) -> Sequence[Any]:
    """The cells of `kubectl get secrets`."""
    return objects.name(obj), obj.get("type") or "", len(obj.get("data") or ()), table.created_age(obj, now)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    default=default,
    validate=validate,
    validate_update=validate_update,
    selectable_fields=selectable_fields,
    columns=COLUMNS,
    row=row,
)
