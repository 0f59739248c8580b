"""Request bodies in protobuf, which kubectl's generators (`kubectl create deployment …`) and typed Go clients send."""

from seatrial.api import field_numbers, schema_set
from seatrial.base.types import JSON
from seatrial.machinery import protobuf, status
from seatrial.machinery.protobuf import ProtobufError

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"


def decode(data: bytes, kind: str) -> JSON:
    """The object, as a JSON body would have said it. Raises BadRequest. `kind` is what it should be."""
    try:
        api_version, found, raw = protobuf.envelope(data)
        group, _, version = api_version.rpartition("/")
        struct = schema_set.load().field_schema(group, version, found or kind).struct
        assert struct is not None
        content = protobuf.decode(raw, struct, field_numbers.load())
    except ProtobufError as error:
        raise status.bad_request(f"the object provided is unrecognized (must be of type {kind}): {error}") from None
    except KeyError:
        raise status.bad_request(
            f'no kind "{found}" is registered for version "{api_version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
        ) from None
    return {"kind": found or kind, "apiVersion": api_version, **content}
