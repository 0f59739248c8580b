"""Query parameters and option bodies, checked and made into what the registry takes.

Follows k8s.io/apimachinery/pkg/apis/meta/v1/validation and meta/internalversion/validation.
"""

from collections.abc import Sequence

from seatrial.apiserver import selection
from seatrial.apiserver.handlers import bodies
from seatrial.apiserver.handlers.call import Call
from seatrial.apiserver.options import DeleteOptions, WriteOptions
from seatrial.apiserver.selection import Selection
from seatrial.base.types import JSON
from seatrial.machinery import status, validation
from seatrial.machinery.validation import FieldError

META = "meta.k8s.io"
FIELD_VALIDATIONS = ("", "Ignore", "Warn", "Strict")
MANAGER_LENGTH = 128


def selected(call: Call, name: str = "") -> Selection:
    """labelSelector and fieldSelector; `name` adds metadata.name (legacy watch of one object)."""
    labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
    if name:
        fields = f"metadata.name={name},{fields}" if fields else f"metadata.name={name}"
    return selection.parse(labels, fields)


def check_list_options(call: Call, watching: bool) -> None:
    """The rules between resourceVersion, resourceVersionMatch, continue and sendInitialEvents."""
    query = call.query
    match = query.get("resourceVersionMatch", "")
    initial = query.get("sendInitialEvents")
    errors: list[FieldError] = []
    if initial is not None:
        errors += _initial_events_errors(match, watching)
    elif match:
        errors += _match_errors(match, query.get("resourceVersion", ""), query.get("continue", ""), watching)
    if errors:
        raise status.invalid_kind(META, "ListOptions", "", errors)


def _initial_events_errors(match: str, watching: bool) -> Sequence[FieldError]:
    if not watching:
        return [validation.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")]
    field = "resourceVersionMatch"
    if not match:
        return [validation.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    if match != "NotOlderThan":
        return [validation.unsupported(field, match, ["NotOlderThan"])]
    return ()


def _match_errors(match: str, version: str, token: str, watching: bool) -> Sequence[FieldError]:
    field = "resourceVersionMatch"
    if watching:
        return [validation.forbidden(field, "resourceVersionMatch is forbidden for watch")]
    errors = []
    if not version:
        errors.append(
            validation.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        )
    if token:
        errors.append(validation.forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("Exact", "NotOlderThan"):
        errors.append(validation.unsupported(field, match, ["Exact", "NotOlderThan", ""]))
    if match == "Exact" and version == "0":
        errors.append(validation.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    return errors


def write_options(call: Call, kind: str, patch_type: str = "") -> WriteOptions:
    """`kind`: CreateOptions, UpdateOptions or PatchOptions, as errors name it."""
    query, from_wire = call.query, isinstance(call.body, bytes)
    if not query:
        manager = "" if patch_type == bodies.APPLY_TYPE else _manager(call)
        warn = call.warnings.append
        return WriteOptions(field_manager=manager, user=call.user, warn=warn, owned=from_wire, origin=call)
    errors = [*_dry_run_errors(call), *_write_errors(call, patch_type)]
    if errors:
        raise status.invalid_kind(META, kind, "", errors)
    return WriteOptions(
        dry_run="dryRun" in query,
        field_manager=query.get("fieldManager") or ("" if patch_type == bodies.APPLY_TYPE else _manager(call)),
        field_validation=query.get("fieldValidation") or "Warn",  # type: ignore[arg-type]
        user=call.user,
        force=call.flag("force"),
        warn=call.warnings.append,
        owned=from_wire,
        duplicate_fields=bodies.duplicate_fields(call),
        origin=call,
    )


def _manager(call: Call) -> str:
    """Who writes, when the request doesn't say: the User-Agent up to its first slash."""
    return call.user_agent.partition("/")[0][:MANAGER_LENGTH]


def _dry_run_errors(call: Call) -> Sequence[FieldError]:
    values = call.lists.get("dryRun") or ([call.query["dryRun"]] if "dryRun" in call.query else [])
    if all(value == "All" for value in values):
        return ()
    return [validation.unsupported("dryRun", values, ["All"])]


def _write_errors(call: Call, patch_type: str) -> Sequence[FieldError]:
    query, errors = call.query, []
    manager, chosen = query.get("fieldManager", ""), query.get("fieldValidation", "")
    if len(manager) > MANAGER_LENGTH:
        errors.append(validation.too_long("fieldManager", MANAGER_LENGTH))
    if not manager.isprintable():
        errors.append(validation.invalid("fieldManager", manager, "should only contain printable characters"))
    if patch_type and patch_type != bodies.APPLY_TYPE and "force" in query:
        errors.append(validation.forbidden("force", "may not be specified for non-apply patch"))
    if chosen not in FIELD_VALIDATIONS:
        errors.append(validation.unsupported("fieldValidation", chosen, FIELD_VALIDATIONS))
    return errors


def delete_options(call: Call) -> DeleteOptions:
    """From the body, or from the query when there is none."""
    body = bodies.decode_options(call, "DeleteOptions") or _from_query(call)
    if any(value != "All" for value in body.get("dryRun") or ()):
        errors = [validation.unsupported("dryRun", body["dryRun"], ["All"])]
        raise status.invalid_kind(META, "DeleteOptions", "", errors)
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        propagation_policy=body.get("propagationPolicy") or "",
        orphan_dependents=body.get("orphanDependents"),
        grace_period_seconds=body.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=bool(body.get("dryRun")),
        user=call.user,
    )


def _from_query(call: Call) -> JSON:
    query = call.query
    body: JSON = {}
    if not query:
        return {}
    grace = call.integer("gracePeriodSeconds")
    if grace is not None:
        body["gracePeriodSeconds"] = grace
    if "orphanDependents" in query:
        body["orphanDependents"] = call.flag("orphanDependents")
    if query.get("propagationPolicy"):
        body["propagationPolicy"] = query["propagationPolicy"]
    if "dryRun" in query:
        body["dryRun"] = [query["dryRun"]]
    return body
