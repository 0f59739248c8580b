"""From a request's body to an object of the kind that the URL names.

Unknown and duplicate fields are dropped, told in a warning, or refused, as fieldValidation says. Follows
k8s.io/apiserver/pkg/endpoints/handlers/{create,update,rest}.go (transformDecodeError).
"""

from seatrial.api.resource import Resource
from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver.options import WriteOptions
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects, status
from seatrial.machinery.schema import DecodeError


def decode(schemas: SchemaSet, resource: Resource, body: JSON, options: WriteOptions) -> JSON:
    """A private object of this kind, its fields in Kubernetes' order up to metadata; raises 400."""
    check_type(resource, body)
    return decoded(schemas, resource, body if options.owned else objects.copy(body), options)


def decoded(schemas: SchemaSet, resource: Resource, obj: JSON, options: WriteOptions) -> JSON:
    """The same for an object that is private already."""
    try:
        result = schemas.validator(resource.group, resource.version, resource.kind).decode(obj)
    except DecodeError as error:
        raise cannot_be_handled(resource, resource.kind, resource.version, str(error)) from None
    strict = [f'unknown field "{path}"' for path in result.unknown]
    strict += [f'duplicate field "{path}"' for path in options.duplicate_fields]
    if strict:
        tell(resource, strict, options)
    return in_order(resource, result.object)


def in_order(resource: Resource, obj: JSON) -> JSON:
    """The same object with kind, apiVersion and metadata in front, where every encoding has them."""
    rest = {field: value for field, value in obj.items() if field not in ("kind", "apiVersion", "metadata")}
    metadata = obj.get("metadata") or {}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata, **rest}


def check_type(resource: Resource, body: JSON) -> None:
    """Raise 400 if the body says that it is something else; what it leaves out is taken from the URL."""
    version, kind = body.get("apiVersion") or resource.api_version, body.get("kind") or resource.kind
    if version != resource.api_version:
        raise status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    if kind != resource.kind:
        internal = f"{resource.group.partition('.')[0] or 'core'}.{resource.kind}"
        why = f"converting ({resource.version}.{kind}) to ({internal}): unknown conversion"
        raise cannot_be_handled(resource, str(kind), resource.version, why)


def cannot_be_handled(resource: Resource, kind: str, version: str, why: str) -> StatusError:
    return status.bad_request(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}')


def tell(resource: Resource, strict: list[str], options: WriteOptions) -> None:
    """Refuse, warn of, or ignore what strict decoding found."""
    if options.field_validation == "Strict":
        why = f"strict decoding error: {', '.join(strict)}"
        raise cannot_be_handled(resource, resource.kind, resource.version, why)
    if options.field_validation == "Warn":
        for text in strict:
            options.warn(text)
