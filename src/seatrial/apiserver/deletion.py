"""What a DELETE does to an object: grace periods, finalizers, propagation.

Follows k8s.io/apiserver/pkg/registry/rest/delete.go (BeforeDelete), pkg/registry/generic/registry/store.go
(updateForGracefulDeletionAndFinalizers), the Pods' strategy (CheckGracefulDelete) and the Namespaces' storage. Pure:
the registry carries out what is planned here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.api.resource import Resource
from seatrial.apiserver.options import DeleteOptions
from seatrial.apiserver.strategy import ordered
from seatrial.base.types import JSON
from seatrial.machinery import objects, status, times

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
FINISHED_PHASES = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Deletion:
    """`keep`: leave it as it is; `mark`: write `object` back; `remove`: take it out, after writing `object` if any."""

    step: Literal["keep", "mark", "remove"]
    object: JSON | None = None


def plan(resource: Resource, obj: JSON, options: DeleteOptions, now: float) -> Deletion:
    """What to do with `obj`, which is not changed."""
    check_preconditions(resource, obj, options)
    if "finalize" in resource.subresources:
        held = _held_by_spec(obj, options, now)
        if held is not None:
            return held
    if resource.graceful:
        return _graceful(obj, options, now, resource)
    finalizers = _finalizers(resource, obj, options)
    if not finalizers:
        return Deletion("remove")
    return Deletion("mark", _marked(obj, now, finalizers))


def check_preconditions(resource: Resource, obj: JSON, options: DeleteOptions) -> None:
    """Raise 409 if the object isn't the one that the caller means."""
    metadata = obj["metadata"]
    if options.uid and options.uid != metadata.get("uid"):
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata.get('uid')}). "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(resource, metadata["name"], why, by_kind=True)
    if options.resource_version and options.resource_version != metadata.get("resourceVersion"):
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata.get('resourceVersion')}). The object might have been modified"
        )
        raise status.conflict(resource, metadata["name"], why, by_kind=True)


def _finalizers(resource: Resource, obj: JSON, options: DeleteOptions) -> Sequence[str]:
    """The object's finalizers with those of the garbage collector as the propagation policy asks."""
    present = objects.finalizers(obj)
    policy = _policy(resource, present, options)
    kept = [one for one in present if one not in (ORPHAN, FOREGROUND)]
    if policy == "Orphan":
        kept.append(ORPHAN)
    elif policy == "Foreground":
        kept.append(FOREGROUND)
    return present if set(kept) == set(present) else kept


def _policy(resource: Resource, present: Sequence[str], options: DeleteOptions) -> str:
    if options.orphan_dependents is not None:
        return "Orphan" if options.orphan_dependents else "Background"
    if options.propagation_policy:
        return options.propagation_policy
    for finalizer in present:
        if finalizer == ORPHAN:
            return "Orphan"
        if finalizer == FOREGROUND:
            return "Foreground"
    return resource.default_propagation


def _marked(obj: JSON, now: float, finalizers: Sequence[str]) -> JSON:
    """markAsDeleting: gone at once as far as its owner is concerned, kept by its finalizers."""
    metadata = dict(obj["metadata"])
    if not metadata.get("deletionTimestamp"):
        if metadata.get("generation"):
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = times.format_time(now)
    metadata["deletionGracePeriodSeconds"] = 0
    metadata["finalizers"] = list(finalizers)
    return {**obj, "metadata": ordered(metadata)}


def _graceful(obj: JSON, options: DeleteOptions, now: float, resource: Resource) -> Deletion:
    metadata = dict(obj["metadata"])
    asked = _asked_period(options)
    pending = metadata.get("deletionGracePeriodSeconds") or 0
    if metadata.get("deletionTimestamp") and not pending:
        finalizers = _finalizers(resource, obj, options)
        if not finalizers:
            return Deletion("remove")
        return Deletion("mark", _marked(obj, now, finalizers))
    if metadata.get("deletionTimestamp"):
        if asked is None or asked >= pending:
            return Deletion("keep")
        period = asked
        until = times.parse_time(metadata["deletionTimestamp"]) - pending + period
    else:
        period = _grace_period(obj, asked)
        until = now + period
        if metadata.get("generation"):
            metadata["generation"] += 1
    metadata["deletionTimestamp"] = times.format_time(until)
    metadata["deletionGracePeriodSeconds"] = period
    finalizers = _finalizers(resource, obj, options)
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    marked = {**obj, "metadata": ordered(metadata)}
    return Deletion("mark" if period > 0 or finalizers else "remove", marked)


def _asked_period(options: DeleteOptions) -> int | None:
    """Negative periods count as one second."""
    asked = options.grace_period_seconds
    return 1 if asked is not None and asked < 0 else asked


def _grace_period(obj: JSON, asked: int | None) -> int:
    """How long the containers get; nothing runs before the object is assigned, or after it has ended."""
    spec = obj.get("spec") or {}
    if not spec.get("nodeName") or objects.get(obj, "status", "phase") in FINISHED_PHASES:
        return 0
    period = asked if asked is not None else int(spec.get("terminationGracePeriodSeconds") or 0)
    return 1 if period < 0 else period


def _held_by_spec(obj: JSON, options: DeleteOptions, now: float) -> Deletion | None:
    """Namespaces: the first DELETE starts their termination, which ends when spec.finalizers is empty."""
    metadata = obj["metadata"]
    if metadata.get("deletionTimestamp"):
        return Deletion("keep") if (obj.get("spec") or {}).get("finalizers") else None
    present = objects.finalizers(obj)
    wanted = [one for one in present if one not in (ORPHAN, FOREGROUND)]
    if options.orphan_dependents or options.propagation_policy == "Orphan":
        wanted.append(ORPHAN)
    elif options.propagation_policy == "Foreground":
        wanted.append(FOREGROUND)
    elif not options.propagation_policy and options.orphan_dependents is None:
        wanted = present
    marked = dict(metadata)
    if wanted:
        marked["finalizers"] = list(wanted)
    else:
        marked.pop("finalizers", None)
    marked["deletionTimestamp"] = times.format_time(now)
    state = {**(obj.get("status") or {}), "phase": "Terminating"}
    return Deletion("mark", {**obj, "metadata": ordered(marked), "status": state})
