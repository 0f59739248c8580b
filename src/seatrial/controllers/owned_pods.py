"""Which owners a change of a Pod wakes: its owner, its former one, and for an orphan everybody who might take it.

Follows addPod, updatePod and deletePod of the StatefulSet, DaemonSet and Job controllers (1.32). Also how Pods are
claimed, which all of them do alike.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from seatrial.api.registry import PODS
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Watch
from seatrial.reconcile.decision import Action, Patch
from seatrial.workloads import ownership, pods

_METADATA = ("uid", "labels", "ownerReferences", "deletionTimestamp", "finalizers")
TOGETHER_SECONDS = 0.005
"""So long changes of Pods are gathered: a look costs as much as there are Pods, and they often change many at once."""


@dataclass(frozen=True)
class Owners:
    """The kind that owns, and how its selector is read (None: it can't be)."""

    resource: ResourceRef
    selector_of: Callable[[JSON], Selector | None]


def watches(owners: Owners, pods_after_seconds: float = TOGETHER_SECONDS) -> tuple[Watch, ...]:
    """The owners themselves, and their Pods; changes of Pods are looked at so much later."""

    def keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
        return owners_to_wake(owners, old, new, cache)

    return (Watch(owners.resource, itself), Watch(PODS, keys, matters, pods_after_seconds))


def itself(old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new or old or {}),)


def matters(old: JSON | None, new: JSON | None) -> bool:
    """Whether anything changed that an owner looks at."""
    if old is None or new is None:
        return True
    before, after = old["metadata"], new["metadata"]
    if any(before.get(name) != after.get(name) for name in _METADATA):
        return True
    if old["spec"].get("nodeName") != new["spec"].get("nodeName"):
        return True
    return old.get("status") != new.get("status") and _state(old) != _state(new)


def _state(pod: JSON) -> tuple[Any, ...]:
    """What of a Pod's status an owner looks at."""
    status = pod.get("status") or {}
    listed = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [((each.get("state") or {}).get("waiting") or {}).get("reason") for each in listed]
    restarts = [each.get("restartCount") for each in listed]
    return status.get("phase"), pods.ready_condition(pod), waiting, restarts


def owners_to_wake(owners: Owners, old: JSON | None, new: JSON | None, cache: CacheReader) -> list[Key]:
    keys: dict[Key, None] = {}
    for pod in (old, new):
        key = _owner(owners, pod)
        if key is not None:
            keys[key] = None
    if new is not None and objects.controller_of(new) is None and not objects.is_terminating(new):
        labels = objects.labels(new)
        if old is None or objects.labels(old) != labels or objects.controller_of(old) is not None:
            keys.update(dict.fromkeys(_possible_owners(owners, new, labels, cache)))
    return list(keys)


def _owner(owners: Owners, pod: JSON | None) -> Key | None:
    reference = objects.controller_of(pod) if pod is not None else None
    if pod is None or reference is None or reference["kind"] != owners.resource.kind:
        return None
    return objects.namespace(pod), reference["name"]


def _possible_owners(owners: Owners, pod: JSON, labels: JSON, cache: CacheReader) -> Iterable[Key]:
    if not labels:
        return
    for owner in cache.list(owners.resource, objects.namespace(pod)):
        selector = owners.selector_of(owner)
        if selector is not None and not selector.empty and selector.matches(labels):
            yield objects.key(owner)


async def claim(
    owners: Owners, owner: JSON, selector: Selector, cache: CacheReader, is_member: Callable[[JSON], bool] | None = None
) -> ownership.Claims | None:
    """The Pods of an owner; None when the owner that would adopt is not there any more.

    Pods that `is_member` says no to are let go, or left alone.
    """
    owned, orphans = cache.owned_by(PODS, objects.uid(owner)), cache.orphans(PODS, objects.namespace(owner))
    claims = ownership.classify(owner, selector, owned, orphans)
    if is_member is not None:
        strangers = () if objects.is_terminating(owner) else [pod for pod in claims.claimed if not is_member(pod)]
        claims = ownership.Claims(
            tuple(filter(is_member, claims.claimed)),
            tuple(filter(is_member, claims.adopt)),
            (*claims.release, *strangers),
        )
    if claims.adopt and not ownership.may_adopt(owner, await cache.live(owners.resource, objects.key(owner))):
        return None
    return claims


def claim_actions(owner: JSON, resource: ResourceRef, claims: ownership.Claims, of: ResourceRef = PODS) -> list[Action]:
    """The patches that make the claims come true."""
    release: list[Action] = [
        Patch(
            of,
            objects.key(each),
            ownership.release_patch(each, owner),
            "no longer selected",
            ignore=("NotFound", "Invalid"),
        )
        for each in claims.release
    ]
    adopt: list[Action] = [
        Patch(
            of,
            objects.key(each),
            ownership.adoption_patch(each, owner, resource),
            "selected, without a controller",
            ignore=("NotFound",),
        )
        for each in claims.adopt
    ]
    return [*release, *adopt]


def look_again_after(current: Iterable[JSON], min_ready_seconds: int, now: float) -> float | None:
    """When a Pod that is ready may have become available.

    minReadySeconds after this look. Ready times are whole seconds, and a Pod is available only after its time: where
    this look falls on a whole second itself, the next has to be a little later than that.
    """
    waiting = [
        since
        for pod in current
        if (since := pods.ready_since(pod)) is not None and not pods.is_available(pod, min_ready_seconds, now)
    ]
    if not min_ready_seconds or not waiting:
        return None
    return max(float(min_ready_seconds), min(waiting) + min_ready_seconds - now + 0.001)
