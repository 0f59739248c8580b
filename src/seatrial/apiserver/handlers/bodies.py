"""Request bodies: JSON, YAML or protobuf, decoded, with Kubernetes' words for what is wrong (spec: api.md §3, §4)."""

from functools import cache
from typing import Any

import orjson

from seatrial.api import protobuf_fields
from seatrial.apiserver.handlers.call import Call
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import protobuf, status, strict_json

JSON_TYPE, YAML_TYPE = "application/json", "application/yaml"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
APPLY_TYPE = "application/apply-patch+yaml"
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_TYPE,
)

ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


def media_type(content_type: str) -> str:
    """Without parameters; nothing said means JSON."""
    return content_type.partition(";")[0].strip().lower() or JSON_TYPE


def decode_object(call: Call, kind: str) -> JSON:
    """The object in the body of a POST or PUT. `kind` is what it should be."""
    if not isinstance(call.body, bytes):
        return call.body if call.body is not None else {}
    media = media_type(call.content_type)
    if media == PROTOBUF_TYPE:
        return _from_protobuf(call.body, kind) if call.body else {}
    if media not in (JSON_TYPE, YAML_TYPE):
        raise status.unsupported_media_type(
            f"the body of the request was in an unknown format - accepted media types include: {ACCEPTED}"
        )
    if not call.body:
        raise _unrecognised(kind, "unexpected end of JSON input", call.body)
    try:
        value = _parse(call.body, media)
    except ValueError as error:
        raise _unrecognised(kind, str(error), call.body) from None
    if not isinstance(value, dict):
        problem = f"json: cannot unmarshal {_go_kind(value)} into Go value of type struct {{ APIVersion string }}"
        raise _unrecognised(kind, problem, call.body)
    return value


def _from_protobuf(data: bytes, kind: str) -> JSON:
    try:
        envelope = protobuf.open_envelope(data)
        message = protobuf_fields.message(envelope.api_version, envelope.kind)
        if message is None:
            named = f"{envelope.kind} of {envelope.api_version}"
            raise status.unsupported_media_type(f"{named} is not understood in {PROTOBUF_TYPE}; send JSON instead")
        fields = protobuf.decode(envelope.raw, message, protobuf_fields.load())
    except protobuf.ProtobufError as error:
        raise status.bad_request(f"the {kind} in the body can't be read: {error}") from None
    return {"kind": envelope.kind, "apiVersion": envelope.api_version, **fields}


def decode_options(call: Call, kind: str) -> JSON:
    """A body that may be left out, such as DeleteOptions."""
    return decode_object(call, kind) if call.body else {}


def decode_patch(call: Call) -> tuple[str, Any]:
    """(patch type, patch)."""
    media = media_type(call.content_type)
    if media not in PATCH_TYPES:
        raise status.unsupported_media_type("415: Unsupported Media Type", routed=True)
    if not isinstance(call.body, bytes):
        return media, call.body
    try:
        return media, _parse(call.body, YAML_TYPE if media == APPLY_TYPE else JSON_TYPE)
    except ValueError as error:
        text = f"error decoding YAML: {error}" if media == APPLY_TYPE else f"error decoding patch: {error}"
        raise status.bad_request(text) from None


def duplicate_fields(call: Call) -> tuple[str, ...]:
    """Paths of fields that stand twice in a JSON body, looked for only when the client says it cares."""
    wanted = call.query.get("fieldValidation", "")
    if wanted not in ("Strict", "Warn") or not isinstance(call.body, bytes) or call.body[:1] != b"{":
        return ()
    try:
        return tuple(strict_json.find_duplicates(call.body))
    except ValueError:
        return ()


def _parse(data: bytes, media: str) -> Any:
    if media == JSON_TYPE or data.lstrip()[:1] in (b"{", b"["):
        return orjson.loads(data)
    import yaml

    try:
        return _as_json(yaml.load(data, Loader=_json_loader()))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _as_json(value: Any) -> Any:
    """Keys that YAML reads as numbers or truth values become strings (sigs.k8s.io/yaml)."""
    if isinstance(value, dict):
        return {_key(name): _as_json(member) for name, member in value.items()}
    return [_as_json(member) for member in value] if isinstance(value, list) else value


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return "true" if name else "false"
    return str(name)


@cache
def _json_loader() -> Any:
    """YAML as JSON would say it: no dates, and keys are strings."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    resolvers = {
        first: [(tag, pattern) for tag, pattern in those if tag != "tag:yaml.org,2002:timestamp"]
        for first, those in base.yaml_implicit_resolvers.items()
    }
    return type("JsonLoader", (base,), {"yaml_implicit_resolvers": resolvers})


def _unrecognised(kind: str, problem: str, data: bytes) -> StatusError:
    return status.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): "
        f"couldn't get version/kind; json parse error: {problem} ({_summary(data)})"
    )


def _summary(data: bytes) -> str:
    """How upstream shows the beginning of a body it can't read (apimachinery/pkg/runtime summarizeData)."""
    if not data:
        return "<empty>"
    if data[:1] == b"{":
        shown = data.decode(errors="replace")
        return shown if len(data) <= 30 else f"{shown[:30]} ..."
    return data.hex() if len(data) <= 30 else f"{data[:30].hex()} ..."


def _go_kind(value: Any) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "null"
