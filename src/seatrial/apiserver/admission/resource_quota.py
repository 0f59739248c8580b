"""ResourceQuota: what a new object uses is counted against the quotas of its namespace, or the object is refused.

Follows k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go. Usage is charged before the object is
stored; what is charged for an object that is then not stored comes back when the quota controller counts anew. No
resource is limited without a quota (upstream's default configuration).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.api.registry import RESOURCE_QUOTAS
from seatrial.apiserver.admission.base import Attributes
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.store.base import Record
from seatrial.workloads import quota
from seatrial.workloads.quota import Evaluator


@dataclass(frozen=True)
class _Charge:
    """What one object adds to one quota."""

    quota: JSON
    more: Mapping[str, str]


@dataclass
class QuotaEnforcer:
    """Charges what new objects use, those of one namespace one after the other."""

    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def __call__(self, attributes: Attributes) -> None:
        measure = _evaluator(attributes)
        if measure is None or not await attributes.cluster.select(RESOURCE_QUOTAS, attributes.namespace):
            return
        async with self._locks.setdefault(attributes.namespace, asyncio.Lock()):
            quotas = await attributes.cluster.select(RESOURCE_QUOTAS, attributes.namespace)
            charges = [charge for each in quotas if (charge := _charge(attributes, measure, each)) is not None]
            for charge in charges:
                _require_room(attributes, charge.quota, charge.more)
            if not attributes.dry_run:
                for charge in charges:
                    await _write(attributes, charge)


def _evaluator(attributes: Attributes) -> Evaluator | None:
    if attributes.subresource or attributes.operation == "DELETE":
        return None
    measure = quota.evaluator(attributes.resource)
    if measure is None or (attributes.operation == "UPDATE" and not measure.on_update):
        return None
    return measure


def _charge(attributes: Attributes, measure: Evaluator, found: JSON) -> _Charge | None:
    names = quota.concerns(measure, found, attributes.obj)
    if not names:
        return None
    problem = quota.unspecified(names, attributes.obj) if attributes.concerns_pods else ""
    if problem:
        raise attributes.forbidden(f"failed quota: {objects.name(found)}: {problem}")
    used = (found.get("status") or {}).get("used") or {}
    if any(name not in used for name in names):
        unknown = ",".join(sorted(names))
        raise attributes.forbidden(f"status unknown for quota: {objects.name(found)}, resources: {unknown}")
    now = attributes.cluster.now()
    before = measure.usage(attributes.old, now) if attributes.old is not None else {}
    grown = quota.increase(measure.usage(attributes.obj, now), before)
    more = {name: amount for name, amount in grown.items() if name in names}
    return _Charge(found, more) if more else None


def _require_room(attributes: Attributes, found: JSON, more: Mapping[str, str]) -> dict[str, str]:
    """The new usage; raises 403 if it is above a limit."""
    counted: dict[str, Any] = found.get("status") or {}
    hard, used = counted.get("hard") or {}, counted.get("used") or {}
    total = quota.added(used, more)
    over = quota.exceeded({name: total[name] for name in more}, hard)
    if over:
        raise attributes.forbidden(
            f"exceeded quota: {objects.name(found)}, requested: {quota.listed(more, over)}, "
            f"used: {quota.listed(used, over)}, limited: {quota.listed(hard, over)}"
        )
    return total


async def _write(attributes: Attributes, charge: _Charge) -> None:
    def change(current: Record) -> JSON:
        newest = current.object
        used = _require_room(attributes, newest, charge.more)
        return {**newest, "metadata": dict(newest["metadata"]), "status": {**newest["status"], "used": used}}

    await attributes.cluster.rewrite(RESOURCE_QUOTAS, attributes.namespace, objects.name(charge.quota), change)
