"""The OpenAPI v2 document in protobuf, the only form that kubectl asks for.

kubectl looks into it for kinds that it can't find in v3: whether there are any, and whether their PATCH takes
`fieldValidation`. So there are the paths with their PATCH operations, and no definitions. Follows the messages of
github.com/google/gnostic-models/openapiv2 (OpenAPIv2.proto).
"""

from seatrial.base.types import JSON

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
OLD_MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients ask for; it is no valid media type (the `@`), so that nobody is answered with it."""
GVK = "x-kubernetes-group-version-kind"


def wanted(accept: str) -> bool:
    """Whether an Accept header asks for this form."""
    return OLD_MEDIA_TYPE in accept or MEDIA_TYPE in accept


def encode(document: JSON) -> bytes:
    """Document: swagger = 1, info = 2, paths = 8."""
    info = document["info"]
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, _text(1, info["title"]), _text(2, info["version"])),
            _message(8, *(_path(path, item["patch"]) for path, item in document["paths"].items() if "patch" in item)),
        )
    )


def _path(path: str, patch: JSON) -> bytes:
    """Paths.path = 2, NamedPathItem: name = 1, value = 2, PathItem.patch = 8."""
    return _message(2, _text(1, path), _message(2, _message(8, _operation(patch))))


def _operation(operation: JSON) -> bytes:
    """Operation: operation_id = 5, parameters = 8, vendor_extension = 13."""
    named = [one for one in operation.get("parameters") or () if one.get("in") == "query"]
    kind = operation.get(GVK)
    extension = _message(13, _text(1, GVK), _message(2, _text(2, _yaml(kind)))) if kind else b""
    return _text(5, operation.get("operationId", "")) + b"".join(_parameter(one) for one in named) + extension


def _parameter(parameter: JSON) -> bytes:
    """ParametersItem.parameter = 1, Parameter.non_body = 2, NonBodyParameter.query = 3: in = 2, name = 4, type = 6."""
    fields = _text(2, "query") + _text(4, parameter["name"]) + _text(6, parameter.get("type", "string"))
    return _message(8, _message(1, _message(2, _message(3, fields))))


def _yaml(kind: JSON) -> str:
    """Any.yaml = 2: a vendor extension's value is text."""
    return "".join(f"{name}: {kind[name] or chr(34) * 2}\n" for name in ("group", "kind", "version"))


def _message(number: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
