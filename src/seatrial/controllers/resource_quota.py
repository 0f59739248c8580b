"""Keeps the status of every ResourceQuota: its limits as they are in force, and what is used of them.

Mirrors pkg/controller/resourcequota/resource_quota_controller.go of release 1.32.

- New usage is charged by the API server's admission; this loop counts anew when something is deleted, a Pod ends, or a
  Service becomes one of another type, when the limits change, and every five minutes.
- Limits whose names concern no kind that is served have no usage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.api import registry
from seatrial.api.registry import (
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    PERSISTENT_VOLUME_CLAIMS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
)
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Decision
from seatrial.workloads import pods, quota

_CACHED = (
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    PERSISTENT_VOLUME_CLAIMS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
)
"""Kinds whose objects are told of as they go; others are counted when the quota is looked at next."""
_RESYNC_SECONDS = 300.0
_SETTLE_SECONDS = 0.02
"""Many objects of a namespace go together; their quotas are looked at once."""


@dataclass(frozen=True)
class View:
    """A quota, and the objects of its namespace that it may count."""

    quota: JSON
    counted: tuple[tuple[ResourceRef, Sequence[JSON]], ...]


async def gather(key: Key, cache: CacheReader) -> View | None:
    found = cache.get(RESOURCE_QUOTAS, key)
    if found is None:
        return None
    hard = (found.get("spec") or {}).get("hard") or {}
    counted = []
    for resource in registry.ALL:
        measure = quota.evaluator(resource)
        if measure is not None and any(measure.names(name) for name in hard):
            cached = resource in _CACHED
            listed = cache.list(resource, key[0]) if cached else await cache.live_list(resource, key[0])
            counted.append((resource, listed))
    return View(found, tuple(counted))


def decide(view: View, now: float) -> Decision:
    hard = (view.quota.get("spec") or {}).get("hard") or {}
    used: dict[str, str] = {}
    for resource, found in view.counted:
        measure = quota.evaluator(resource)
        assert measure is not None
        names = [name for name in hard if measure.names(name)]
        used.update(dict.fromkeys(names, "0"))
        for obj in found:
            if quota.in_scope(measure, view.quota, obj):
                amounts = measure.usage(obj, now)
                used = quota.added(used, {name: amounts[name] for name in names if name in amounts})
    status = {"hard": dict(hard), "used": {name: used[name] for name in sorted(used)}}
    if (view.quota.get("status") or {}) == status:
        return NOTHING
    return Decision(status=objects.with_status(view.quota, status))


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _limits_changed(old: JSON | None, new: JSON | None) -> bool:
    """Not when usage is charged: only what this loop itself keeps true is looked at."""
    if old is None or new is None:
        return new is not None
    return bool((old.get("spec") or {}) != (new.get("spec") or {}))


def _of_namespace(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    gone = old if old is not None else new
    assert gone is not None
    return (objects.key(found) for found in cache.list(RESOURCE_QUOTAS, objects.namespace(gone)))


def _gives_back(old: JSON | None, new: JSON | None) -> bool:
    """It is gone, is a Pod that has ended, or a Service that may have given back its ports (DefaultUpdateFilter)."""
    if old is None or new is None:
        return new is None
    if new["kind"] == SERVICES.kind:
        return _counted_type(old) != _counted_type(new)
    return new["kind"] == PODS.kind and pods.is_finished(new) and not pods.is_finished(old)


def _counted_type(service: JSON) -> str:
    """A type that quotas count apart, or "" (GetQuotaServiceType)."""
    kind: str = service["spec"].get("type") or ""
    return kind if kind in ("NodePort", "LoadBalancer") else ""


CONTROLLER = Controller(
    name="resourcequota",
    primary=RESOURCE_QUOTAS,
    watches=(
        Watch(RESOURCE_QUOTAS, _own_key, _limits_changed),
        *(Watch(resource, _of_namespace, _gives_back, _SETTLE_SECONDS) for resource in _CACHED),
    ),
    gather=gather,
    decide=decide,
    event_source="resourcequota-controller",
    resync_seconds=_RESYNC_SECONDS,
)
