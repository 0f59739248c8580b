"""The store's refusals as the API tells them (k8s.io/apiserver/pkg/storage/errors, registry/generic/registry)."""

from seatrial.base.errors import Compacted, KeyExists, RevisionMismatch, StatusError, StoreError
from seatrial.machinery import status
from seatrial.machinery.gvk import ResourceRef

LIST_TOO_OLD = "The resourceVersion for the provided list is too old."
CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
MAX_REVISION = 2**64 - 1


def watch_too_old(error: Compacted) -> StatusError:
    """410 as the one ERROR event of a watch."""
    return status.expired(f"too old resource version: {error.asked} ({error.oldest})")


def continue_too_old(token: str) -> StatusError:
    """410 with a token that goes on from the same place in what is there now."""
    error = status.expired(CONTINUE_TOO_OLD)
    error.status["metadata"] = {"continue": token}
    return error


def refused(error: StoreError, resource: ResourceRef, name: str) -> StatusError:
    """What a write's caller is told."""
    if isinstance(error, KeyExists):
        return status.already_exists(resource, name)
    if isinstance(error, RevisionMismatch):
        return status.conflict(resource, name) if error.actual else status.not_found(resource, name)
    return status.internal_error(str(error))


def parse_revision(text: str) -> int:
    """A resourceVersion from a query or an object; "" is 0. Raises ValueError with strconv's text."""
    if not text:
        return 0
    problem = ""
    if not (text.isascii() and text.isdigit()):
        problem = "invalid syntax"
    elif len(text) > 20 or int(text) > MAX_REVISION:
        problem = "value out of range"
    if problem:
        where = f'resourceVersion: Invalid value: "{text}"'
        raise ValueError(f'{where}: strconv.ParseUint: parsing "{text}": {problem}')
    return int(text)


def revision_of(text: str) -> int:
    """`parse_revision` that raises 400."""
    try:
        return parse_revision(text)
    except ValueError as error:
        raise status.bad_request(f"invalid resource version: {error}") from None
