"""Whether manifests have the shape of their kinds: what kubectl would not send, and no API server could read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from seatrial.api import old_versions
from seatrial.api.old_version import OldVersion
from seatrial.apiserver import decoding
from seatrial.apiserver.options import WriteOptions
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.cluster import control_plane
from seatrial.machinery import objects

STRICT = WriteOptions(field_validation="Strict")


def check(manifests: Sequence[JSON], release: str) -> None:
    """Raises ToolError that names the first object with a wrong type, or a field that its kind does not have."""
    schemas = control_plane.schemas_of(control_plane.spoken(release))
    for obj in manifests:
        resource = old_versions.stored_as(obj)
        if resource is None:
            continue
        found = old_versions.for_kind(*str(obj["apiVersion"]).rpartition("/")[::2], str(obj["kind"]))
        options = replace(STRICT, field_validation="Ignore") if isinstance(found, OldVersion) else STRICT
        try:
            decoding.decode(schemas, resource, _in_stored_version(obj, found), options)
        except StatusError as error:
            raise ToolError(f"{obj['kind']} {objects.name(obj)}: {_why(error.message, schemas.release)}") from None
        for path in _empty_items(obj, ""):
            raise ToolError(f"{obj['kind']} {objects.name(obj)}: {path} is empty")


def _why(message: str, release: str) -> str:
    """What is behind `Deployment in version "v1" cannot be handled as a Deployment: `."""
    why = message.partition(" cannot be handled as a ")[2].partition(": ")[2] or message
    strict = "strict decoding error: "
    if why.startswith(strict):
        return f"{why.removeprefix(strict)} in Kubernetes {release} (another with --kubernetes-version)"
    return why.removeprefix("json: ")


def _empty_items(value: Any, path: str) -> Iterator[str]:
    """Where there is nothing behind a dash: Go reads it as an item with no fields."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _empty_items(each, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, each in enumerate(value):
            yield from [f"{path}[{i}]"] if each is None else _empty_items(each, f"{path}[{i}]")


def _in_stored_version(obj: JSON, found: object) -> JSON:
    return found.to_stored(obj) if isinstance(found, OldVersion) else obj
