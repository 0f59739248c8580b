"""The API's answers that are not objects: meta/v1 Status, as errors to raise and as the body of a success.

Follows k8s.io/apimachinery/pkg/api/errors/errors.go. Fields stand in the order in which Kubernetes writes them.
"""

from collections.abc import Sequence
from typing import Any

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.validation import FieldError, go_quote

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
GENERIC_INVALID = "the server rejected our request due to an error in our request"


def failure(code: int, reason: str, message: str, details: JSON | None = None) -> JSON:
    """A Status with status Failure. Empty reason and absent details are left out."""
    status: JSON = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = details
    status["code"] = code
    return status


def details(
    name: str = "",
    group: str = "",
    kind: str = "",
    uid: str = "",
    causes: Sequence[JSON] = (),
    retry_after_seconds: int = 0,
) -> JSON:
    """StatusDetails without its empty fields."""
    fields: dict[str, Any] = {
        "name": name,
        "group": group,
        "kind": kind,
        "uid": uid,
        "causes": list(causes),
        "retryAfterSeconds": retry_after_seconds,
    }
    return {field: value for field, value in fields.items() if value}


def cause(cause_type: str, message: str, field: str = "") -> JSON:
    """One of details.causes; the JSON key of the type is `reason`."""
    fields = {"reason": cause_type, "message": message, "field": field}
    return {key: value for key, value in fields.items() if value}


def success(resource: ResourceRef | None = None, name: str = "", uid: str = "", code: int = 0, kind: str = "") -> JSON:
    """A Status with status Success. `kind` replaces the resource's plural in the details."""
    status: JSON = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if resource is not None:
        status["details"] = details(name, resource.group, kind or resource.plural, uid)
    if code:
        status["code"] = code
    return status


def bad_request(text: str) -> StatusError:
    """400: the request itself makes no sense."""
    return StatusError(failure(400, "BadRequest", text))


def unauthorized(text: str = "Unauthorized") -> StatusError:
    """401: we don't know who asks."""
    return StatusError(failure(401, "Unauthorized", text))


def forbidden(resource: ResourceRef, name: str, why: str, causes: Sequence[JSON] = ()) -> StatusError:
    """403: `pods "x" is forbidden: why`; without a name `pods is forbidden: why`."""
    subject = f"{resource.qualified} {go_quote(name)}" if name else resource.qualified
    told = details(name, resource.group, resource.plural, causes=causes)
    return StatusError(failure(403, "Forbidden", f"{subject} is forbidden: {why}", told))


def not_found(resource: ResourceRef, name: str) -> StatusError:
    """404: no such object."""
    told = details(name, resource.group, resource.plural)
    return StatusError(failure(404, "NotFound", f"{resource.qualified} {go_quote(name)} not found", told))


def resource_not_found() -> StatusError:
    """404: the path names nothing that the server serves (as client-go words it)."""
    return StatusError(failure(404, "NotFound", "the server could not find the requested resource", {}))


def method_not_allowed() -> StatusError:
    """405: the path exists, but not with this HTTP method."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(failure(405, "MethodNotAllowed", text, {}))


def method_not_supported(resource: ResourceRef, verb: str) -> StatusError:
    """405: the resource doesn't have this verb."""
    text = f"{verb} is not supported on resources of kind {go_quote(resource.qualified)}"
    told = details(group=resource.group, kind=resource.plural)
    return StatusError(failure(405, "MethodNotAllowed", text, told))


def not_acceptable(text: str) -> StatusError:
    """406: none of the media types asked for can be made."""
    return StatusError(failure(406, "NotAcceptable", text))


def already_exists(resource: ResourceRef, name: str, *, terminating: bool = False) -> StatusError:
    """409: create found the name taken; `terminating`: by an object that is on its way out."""
    text = f"{resource.qualified} {go_quote(name)} already exists"
    told = details(name, resource.group, resource.plural)
    return StatusError(failure(409, "AlreadyExists", f"object is being deleted: {text}" if terminating else text, told))


def generate_name_conflict(resource: ResourceRef, name: str) -> StatusError:
    """409: every generated name that was tried is taken."""
    text = (
        f"{resource.qualified} {go_quote(name)} already exists, "
        "the server was not able to generate a unique name for the object"
    )
    told = details(name, resource.group, resource.plural, retry_after_seconds=1)
    return StatusError(failure(409, "AlreadyExists", text, told))


def conflict(
    resource: ResourceRef, name: str, why: str = MODIFIED, causes: Sequence[JSON] = (), *, by_kind: bool = False
) -> StatusError:
    """409: the object isn't in the state that the request expects; `by_kind` names the kind instead of the resource."""
    subject = resource.qualified_kind if by_kind else resource.qualified
    told = details(name, resource.group, resource.kind if by_kind else resource.plural, causes=causes)
    text = f"Operation cannot be fulfilled on {subject} {go_quote(name)}: {why}"
    return StatusError(failure(409, "Conflict", text, told))


def apply_conflict(message: str, causes: Sequence[JSON]) -> StatusError:
    """409: server-side apply would change fields that others own."""
    return StatusError(failure(409, "Conflict", message, details(causes=causes)))


def expired(text: str) -> StatusError:
    """410: the resourceVersion or continue token is older than what is kept."""
    return StatusError(failure(410, "Expired", text))


def gone(text: str) -> StatusError:
    """410: what was asked for will never come back."""
    return StatusError(failure(410, "Gone", text))


def too_large(text: str) -> StatusError:
    """413: the body is longer than the server reads."""
    return StatusError(failure(413, "RequestEntityTooLarge", f"Request entity too large: {text}"))


def unsupported_media_type(text: str, *, routed: bool = False) -> StatusError:
    """415; `routed`: refused before any handler saw it, which adds empty details."""
    return StatusError(failure(415, "UnsupportedMediaType", text, {} if routed else None))


def invalid(resource: ResourceRef, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422: the object breaks rules; one cause per error, equal messages told once."""
    return invalid_kind(resource.group, resource.kind, name, errors)


def invalid_kind(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """`invalid` for things that are no resource, such as DeleteOptions and PatchOptions (group meta.k8s.io)."""
    causes = [cause(error.type, error.body, error.field) for error in errors]
    texts = list(dict.fromkeys(str(error) for error in errors))
    subject = f"{kind}.{group}" if group else kind
    text = f"{subject} {go_quote(name)} is invalid"
    if texts:
        text += f": {texts[0]}" if len(texts) == 1 else f": [{', '.join(texts)}]"
    return StatusError(failure(422, "Invalid", text, details(name, group, kind, causes=causes)))


def generic_invalid() -> StatusError:
    """422 without a cause: a patch that can't be carried out."""
    return StatusError(failure(422, "Invalid", GENERIC_INVALID, {}))


def too_many_requests(text: str, retry_after: int = 0, causes: Sequence[JSON] = ()) -> StatusError:
    """429: not now."""
    told = details(causes=causes, retry_after_seconds=retry_after)
    headers = {"Retry-After": str(retry_after)} if retry_after else None
    return StatusError(failure(429, "TooManyRequests", text, told), headers)


def internal_error(text: str) -> StatusError:
    """500: our own fault."""
    told = details(causes=[cause("", text)])
    return StatusError(failure(500, "InternalError", f"Internal error occurred: {text}", told))


def plain_error(text: str, code: int = 500) -> StatusError:
    """An error that upstream does not make a Status of: no reason, no details."""
    return StatusError(failure(code, "", text))


def server_timeout(resource: ResourceRef, operation: str, retry_after: int = 0) -> StatusError:
    """500 ServerTimeout: try again."""
    text = (
        f"The {operation} operation against {resource.qualified} could not be completed at this time, please try again."
    )
    told = details(operation, resource.group, resource.plural, retry_after_seconds=retry_after)
    return StatusError(failure(500, "ServerTimeout", text, told))


def service_unavailable(text: str) -> StatusError:
    """503: something that the request needs is not there at the moment."""
    return StatusError(failure(503, "ServiceUnavailable", text))


def timeout(text: str, retry_after: int = 0, causes: Sequence[JSON] = ()) -> StatusError:
    """504: it took too long."""
    told = details(causes=causes, retry_after_seconds=retry_after)
    return StatusError(failure(504, "Timeout", f"Timeout: {text}", told))


def too_large_resource_version(asked: int, current: int) -> StatusError:
    """504: the caller has seen a resourceVersion that this server has not reached yet."""
    why = "Too large resource version"
    causes = [cause("ResourceVersionTooLarge", why)]
    return timeout(f"{why}: {asked}, current: {current}", retry_after=1, causes=causes)
