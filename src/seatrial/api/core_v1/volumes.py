"""Volumes of a Pod: defaults and validation.

Follows SetDefaults_Volume and its siblings, and validateVolumes of pkg/apis/core (1.32). Sources of cloud providers
and of storage systems are checked for their required fields by the schema only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from seatrial.api.core_v1 import persistent_volume_claim, resources
from seatrial.base.types import JSON
from seatrial.machinery import names, validation
from seatrial.machinery.validation import FieldError

_FILE_MODE = 0o644
_MODE_RANGE = "must be a number between 0 and 0777 (octal), both inclusive"
_RBD_DEFAULTS = {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}
_FIELD_PATHS = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip


def default_volume(volume: JSON) -> None:
    """A volume without a source is an emptyDir; files have mode 0644 unless told otherwise."""
    if not any(value is not None for name, value in volume.items() if name != "name"):
        volume["emptyDir"] = {}
    for name, default in _SOURCE_DEFAULTS.items():
        source = volume.get(name)
        if source is not None:
            default(source)


def _default_mode(source: JSON) -> None:
    if source.get("defaultMode") is None:
        source["defaultMode"] = _FILE_MODE


def _default_downward_api(source: JSON) -> None:
    _default_mode(source)
    _default_downward_items(source)


def _default_downward_items(source: JSON) -> None:
    for item in source.get("items") or ():
        default_field_selectors(item)


def default_field_selectors(source: JSON) -> None:
    """fieldRef and resourceFieldRef, as volumes and environment variables have them."""
    field = source.get("fieldRef")
    if field is not None and not field.get("apiVersion"):
        field["apiVersion"] = "v1"
    resource = source.get("resourceFieldRef")
    if resource is not None:
        resource["divisor"] = resources.canonical_quantity(resource.get("divisor") or "0") or resource["divisor"]


def _default_projected(source: JSON) -> None:
    _default_mode(source)
    for projection in source.get("sources") or ():
        token = projection.get("serviceAccountToken")
        if token is not None and not token.get("expirationSeconds"):
            token["expirationSeconds"] = 3600
        if projection.get("downwardAPI") is not None:
            _default_downward_items(projection["downwardAPI"])


def _default_host_path(source: JSON) -> None:
    if source.get("type") is None:
        source["type"] = ""


def _default_empty_dir(source: JSON) -> None:
    if source.get("sizeLimit") is not None:
        source["sizeLimit"] = resources.canonical_quantity(source["sizeLimit"]) or source["sizeLimit"]


def _default_rbd(source: JSON) -> None:
    for name, value in _RBD_DEFAULTS.items():
        if not source.get(name):
            source[name] = value


def _default_iscsi(source: JSON) -> None:
    if not source.get("iscsiInterface"):
        source["iscsiInterface"] = "default"


def _default_ephemeral(source: JSON) -> None:
    spec = (source.get("volumeClaimTemplate") or {}).get("spec")
    if spec is not None and spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    for quantities in ((spec or {}).get("resources") or {}).values():
        resources.default_quantities(quantities)


_SOURCE_DEFAULTS: Mapping[str, Callable[[JSON], None]] = {
    "secret": _default_mode,
    "configMap": _default_mode,
    "downwardAPI": _default_downward_api,
    "projected": _default_projected,
    "hostPath": _default_host_path,
    "emptyDir": _default_empty_dir,
    "rbd": _default_rbd,
    "iscsi": _default_iscsi,
    "ephemeral": _default_ephemeral,
}


def validate_volumes(volumes: Sequence[JSON], path: str) -> Iterator[FieldError]:
    """Names are DNS labels and unique, each volume has exactly one source, and the source is whole."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{path}[{index}]"
        name = volume.get("name") or ""
        if not name:
            yield validation.required(f"{here}.name")
        for message in names.dns1123_label(name) if name else ():
            yield validation.invalid(f"{here}.name", name, message)
        if name and name in seen:
            yield validation.duplicate(f"{here}.name", name)
        seen.add(name)
        yield from validate_source(volume, here)


def validate_source(volume: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Exactly one source, and a whole one; also of PersistentVolumes."""
    sources = sorted(name for name, value in volume.items() if name != "name" and value is not None)
    if not sources:
        yield validation.required(path, "must specify a volume type")
    for extra in sources[1:]:
        yield validation.forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
    for name in sources[:1]:
        if name in _SOURCE_VALIDATIONS:
            yield from _SOURCE_VALIDATIONS[name](volume[name], f"{path}.{name}")


def _validate_secret(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not source.get("secretName"):
        yield validation.required(f"{path}.secretName")
    yield from _validate_files(source, path)


def _validate_config_map(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not source.get("name"):
        yield validation.required(f"{path}.name")
    yield from _validate_files(source, path)


def _validate_files(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, item in enumerate(source.get("items") or ()):
        here = f"{path}.items[{index}]"
        if not item.get("key"):
            yield validation.required(f"{here}.key")
        yield from _validate_file_path(item.get("path") or "", f"{here}.path")
        yield from _validate_mode(item.get("mode"), f"{here}.mode")


def _validate_mode(mode: int | None, path: str) -> Iterator[FieldError]:
    if mode is not None and not 0 <= mode <= 0o777:
        yield validation.invalid(path, mode, _MODE_RANGE)


def _validate_file_path(text: str, path: str) -> Iterator[FieldError]:
    if not text:
        yield validation.required(path)
        return
    yield from validate_local_path(text, path)
    if text.startswith("..") and not text.startswith("../"):
        yield validation.invalid(path, text, "must not start with '..'")


def validate_local_path(text: str, path: str) -> Iterator[FieldError]:
    """A path inside something else: relative, and never upwards."""
    if text.startswith("/"):
        yield validation.invalid(path, text, "must be a relative path")
    yield from validate_no_backsteps(text, path)


def validate_no_backsteps(text: str, path: str) -> Iterator[FieldError]:
    if ".." in text.split("/"):
        yield validation.invalid(path, text, "must not contain '..'")


def _validate_host_path(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not source.get("path"):
        yield validation.required(f"{path}.path")
        return
    yield from validate_no_backsteps(source["path"], f"{path}.path")
    kinds = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
    if (source.get("type") or "") not in kinds:
        yield validation.unsupported(f"{path}.type", source["type"], kinds)


def _validate_empty_dir(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if source.get("sizeLimit") is not None:
        for error in resources.validate_quantity(source["sizeLimit"], f"{path}.sizeLimit"):
            yield (
                validation.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")
                if (error.body.endswith("equal to 0"))
                else error
            )


def _validate_claim(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not source.get("claimName"):
        yield validation.required(f"{path}.claimName")


def _validate_ephemeral(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    template = source.get("volumeClaimTemplate")
    if template is None:
        yield validation.required(f"{path}.volumeClaimTemplate")
    else:
        yield from persistent_volume_claim.validate_spec(template.get("spec") or {}, f"{path}.volumeClaimTemplate.spec")


def _validate_nfs(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    if not source.get("server"):
        yield validation.required(f"{path}.server")
    if not source.get("path"):
        yield validation.required(f"{path}.path")
    elif not source["path"].startswith("/"):
        yield validation.invalid(f"{path}.path", source["path"], "must be an absolute path")


def _validate_rbd(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("monitors", "image"):
        if not source.get(name):
            yield validation.required(f"{path}.{name}")


def _validate_downward_api(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, item in enumerate(source.get("items") or ()):
        here = f"{path}.items[{index}]"
        yield from _validate_file_path(item.get("path") or "", f"{here}.path")
        yield from _validate_mode(item.get("mode"), f"{here}.mode")
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            yield from validate_field_path(field.get("fieldPath") or "", f"{here}.fieldRef", _FIELD_PATHS)
            if resource is not None:
                yield validation.invalid(
                    here, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"
                )
        elif resource is None:
            yield validation.required(here, "one of fieldRef and resourceFieldRef is required")


def validate_field_path(text: str, path: str, supported: Sequence[str]) -> Iterator[FieldError]:
    """`fieldPath` names a field that exists; labels and annotations may be subscripted."""
    if not text:
        yield validation.required(f"{path}.fieldPath")
        return
    base, bracket, _ = text.partition("['")
    if bracket and text.endswith("']"):
        if base not in ("metadata.labels", "metadata.annotations"):
            yield validation.invalid(
                f"{path}.fieldPath", text, "error converting fieldPath: field label does not support subscript"
            )
    elif text not in supported:
        yield validation.unsupported(f"{path}.fieldPath", text, sorted(supported))


def _validate_projected(source: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    yield from _validate_mode(source.get("defaultMode"), f"{path}.defaultMode")
    for index, projection in enumerate(source.get("sources") or ()):
        here = f"{path}.sources[{index}]"
        kinds = sorted(name for name, value in projection.items() if value is not None)
        for extra in kinds[1:]:
            yield validation.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type")
        for kind in ("secret", "configMap"):
            if kind in kinds and not projection[kind].get("name"):
                yield validation.required(f"{here}.{kind}.name")
        token = projection.get("serviceAccountToken")
        if token is not None:
            yield from _validate_token(token, f"{here}.serviceAccountToken")


def _validate_token(token: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    seconds = token.get("expirationSeconds") or 0
    if seconds < 600:
        yield validation.invalid(
            f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
        )
    elif seconds > 1 << 32:
        yield validation.invalid(
            f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"
        )
    yield from _validate_file_path(token.get("path") or "", f"{path}.path")


_SOURCE_VALIDATIONS: Mapping[str, Callable[[Mapping[str, Any], str], Iterator[FieldError]]] = {
    "secret": _validate_secret,
    "configMap": _validate_config_map,
    "hostPath": _validate_host_path,
    "emptyDir": _validate_empty_dir,
    "ephemeral": _validate_ephemeral,
    "persistentVolumeClaim": _validate_claim,
    "nfs": _validate_nfs,
    "rbd": _validate_rbd,
    "downwardAPI": _validate_downward_api,
    "projected": _validate_projected,
}
