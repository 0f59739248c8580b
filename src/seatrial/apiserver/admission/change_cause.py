"""The annotation kubernetes.io/change-cause made true: each new template has the cause of its own change.

What the client gave in this very request stands. Otherwise the cause is computed from what the request tells of its
sender (Kubectl-Command, fieldManager, User-Agent, user) and from the difference of the templates. It is written when
the owners of fields have been settled, so that nobody comes to own a text he did not write, and not in a dry run, so
that `kubectl diff` shows what its user changes.
# differs: Kubernetes leaves the cause of an earlier change on the new revision, and none on one made without --record.
"""

from typing import Any

import orjson

from seatrial.api.resource import Resource
from seatrial.apiserver.options import Origin, WriteOptions
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.workloads import change_cause, revisions
from seatrial.workloads.change_cause import Author

KINDS = frozenset({"deployments", "statefulsets", "daemonsets"})
NAMED = (b"kubernetes.io/change-cause", b"kubernetes.io~1change-cause")
"""The annotation in the body of a patch; the second as a JSON pointer."""


def stamp(resource: Resource, new: JSON, old: JSON | None, options: WriteOptions) -> None:
    """Set the cause of `new`, whose metadata is private, if its template is not that of `old`."""
    if resource.group != "apps" or resource.plural not in KINDS:
        return
    template = (new.get("spec") or {}).get("template") or {}
    before = ((old.get("spec") or {}).get("template") or {}) if old is not None else None
    if template == before or options.dry_run or _is_given(new, old, options.origin):
        return
    cause = change_cause.text(_author(new, old, options), template, before)
    annotations = new["metadata"].get("annotations") or {}
    new["metadata"]["annotations"] = {**annotations, revisions.CHANGE_CAUSE: cause}


def _is_given(new: JSON, old: JSON | None, origin: Origin | None) -> bool:
    """Whether the client says the cause in this request: it is another one than before, or named in the patch."""
    cause = objects.annotations(new).get(revisions.CHANGE_CAUSE)
    if not cause or change_cause.is_computed(cause):
        return False
    if old is None or cause != objects.annotations(old).get(revisions.CHANGE_CAUSE):
        return True
    return origin is not None and origin.method == "PATCH" and _names_cause(origin.body)


def _names_cause(body: Any) -> bool:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return any(name in data for name in NAMED)


def _author(new: JSON, old: JSON | None, options: WriteOptions) -> Author:
    origin = options.origin
    if origin is None:
        return Author("CREATE" if old is None else "UPDATE", options.user.name)
    return Author(
        origin.method,
        options.user.name,
        origin.command,
        origin.query.get("fieldManager", ""),
        origin.user_agent.partition("/")[0],
        _rolled_back_to(new, old),
    )


def _rolled_back_to(new: JSON, old: JSON | None) -> int | None:
    """The request to roll back that this write fulfils."""
    if old is None or revisions.ROLLBACK_TO in objects.annotations(new):
        return None
    return revisions.number(objects.annotations(old).get(revisions.ROLLBACK_TO))
