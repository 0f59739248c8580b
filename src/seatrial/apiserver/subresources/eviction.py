"""The subresource eviction of Pods: a DELETE that asks the Pod's disruption budget first.

Follows pkg/registry/core/pod/storage/eviction.go (1.32).
"""

import dataclasses
from collections.abc import Callable

from seatrial.api.policy_v1 import pod_disruption_budget
from seatrial.api.registry import POD_DISRUPTION_BUDGETS
from seatrial.api.resource import Resource
from seatrial.apiserver import deletion
from seatrial.apiserver.options import WRITE, DeleteOptions, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects, selectors, status, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.store.base import Record
from seatrial.workloads import disruption, pods

MAX_DISRUPTED = 2000
RETRY_AFTER_SECONDS = 10
_SINGULAR = ResourceRef("policy", "v1", "PodDisruptionBudget", "poddisruptionbudget")
"""How refusals name budgets (policy.Resource("poddisruptionbudget"))."""
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


async def create(
    registry: Registry, resource: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> JSON:
    """POST pods/NAME/eviction."""
    if objects.name(body) != name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    wanted = _delete_options(body.get("deleteOptions") or {}, options)
    pod = await _unguarded(registry, resource, namespace, name, wanted)
    if pod is None:
        return status.success(code=201)
    budget = await _budget_of(registry, pod)
    pinned = budget is not None and not pods.is_ready(pod) and _gives_up_unready(budget)
    if budget is not None and not pinned:
        await _take_from(registry, budget, objects.name(pod), wanted.dry_run)
    exact = _version(pod) if pinned and not wanted.resource_version else ""
    try:
        await _delete(registry, resource, namespace, name, wanted, exact)
    except StatusError as error:
        if pinned and budget is not None and error.reason == "Conflict" and exact:
            raise _in_process(objects.name(budget)) from None
        raise
    return status.success(code=201)


async def _unguarded(
    registry: Registry, resource: Resource, namespace: str, name: str, wanted: DeleteOptions
) -> JSON | None:
    """Delete the Pod if no budget counts it (then None is returned); otherwise return it."""
    while True:
        pod = (await registry.get(resource, namespace, name)).object
        phase = objects.get(pod, "status", "phase", default="")
        if phase not in ("Succeeded", "Failed", "Pending") and not objects.is_terminating(pod):
            return pod
        # A Pod that is pending may begin to run, and then a budget counts it.
        pending = phase == "Pending" and not objects.is_terminating(pod)
        exact = _version(pod) if pending and not wanted.resource_version else ""
        try:
            await _delete(registry, resource, namespace, name, wanted, exact)
        except StatusError as error:
            if error.reason != "Conflict" or not exact or wanted.uid:
                raise
            continue
        return None


async def _budget_of(registry: Registry, pod: JSON) -> JSON | None:
    listing = await registry.list(POD_DISRUPTION_BUDGETS, objects.namespace(pod))
    found = [record.object for record in listing.records if _guards(record.object, pod)]
    if len(found) > 1:
        raise status.plain_error(_MANY, 500)
    return found[0] if found else None


def _guards(budget: JSON, pod: JSON) -> bool:
    return selectors.from_label_selector(budget["spec"].get("selector")).matches(objects.labels(pod))


def _gives_up_unready(budget: JSON) -> bool:
    """Whether a Pod that is not ready may go without being counted."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == pod_disruption_budget.ALWAYS_ALLOW:
        return True
    counts = budget.get("status") or {}
    desired = counts.get("desiredHealthy") or 0
    return (counts.get("currentHealthy") or 0) >= desired > 0


async def _take_from(registry: Registry, budget: JSON, pod_name: str, dry_run: bool) -> None:
    """checkAndDecrement: one disruption less is allowed, and the budget notes for whom."""
    now = registry.env.now()

    def change(record: Record) -> JSON:
        current = record.object
        _check(current)
        counts = dict(current["status"])
        counts["disruptionsAllowed"] -= 1
        if not counts["disruptionsAllowed"]:
            counts = disruption.with_condition(counts, now)
        counts["disruptedPods"] = {**(counts.get("disruptedPods") or {}), pod_name: times.format_time(now)}
        return {**current, "metadata": dict(current["metadata"]), "status": counts}

    namespace, name = objects.key(budget)
    await registry.rewrite(POD_DISRUPTION_BUDGETS, namespace, name, change, dry_run=dry_run)


def _check(budget: JSON) -> None:
    """Raise what keeps the budget from allowing an eviction."""
    name, counts = objects.name(budget), budget.get("status") or {}
    allowed = counts.get("disruptionsAllowed") or 0
    if (counts.get("observedGeneration") or 0) < objects.generation(budget):
        raise _in_process(name)
    if allowed < 0:
        raise status.forbidden(_SINGULAR, name, "pdb disruptions allowed is negative")
    if len(counts.get("disruptedPods") or ()) > MAX_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise status.forbidden(_SINGULAR, name, why)
    if allowed == 0:
        raise status.too_many_requests(_VIOLATED, causes=[status.cause("DisruptionBudget", _why_none(name, counts))])


def _why_none(name: str, counts: JSON) -> str:
    condition = conditions.find(counts, disruption.DISRUPTION_ALLOWED) or {}
    if condition.get("status") == "False" and condition.get("reason") == disruption.SYNC_FAILED:
        why = condition.get("message")
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {why}"
    desired, current = counts.get("desiredHealthy") or 0, counts.get("currentHealthy") or 0
    return f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"


def _in_process(name: str) -> StatusError:
    why = f"The disruption budget {name} is still being processed by the server."
    return status.too_many_requests(_VIOLATED, RETRY_AFTER_SECONDS, [status.cause("DisruptionBudget", why)])


async def _delete(
    registry: Registry, resource: Resource, namespace: str, name: str, wanted: DeleteOptions, exact: str
) -> None:
    """addConditionAndDeletePod: say why, then delete; `exact` is the resourceVersion it must have, "" for any."""
    if exact:
        wanted = dataclasses.replace(wanted, resource_version=exact)
    if not wanted.dry_run:
        marked = await registry.rewrite(resource, namespace, name, _marking(resource, registry.env.now(), wanted))
        if wanted.resource_version:
            wanted = dataclasses.replace(wanted, resource_version=_version(marked.object))
    await registry.delete(resource, namespace, name, wanted)


def _marking(resource: Resource, now: float, wanted: DeleteOptions) -> Callable[[Record], JSON]:
    condition: JSON = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastTransitionTime": times.format_time(now),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }

    def change(record: Record) -> JSON:
        pod = record.object
        deletion.check_preconditions(resource, pod, wanted)
        before = pod.get("status") or {}
        state = {**before, "conditions": conditions.put(before.get("conditions") or (), condition)}
        return {**pod, "metadata": dict(pod["metadata"]), "status": state}

    return change


def _delete_options(body: JSON, options: WriteOptions) -> DeleteOptions:
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        propagation_policy=body.get("propagationPolicy") or "",
        orphan_dependents=body.get("orphanDependents"),
        grace_period_seconds=body.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=options.dry_run or bool(body.get("dryRun")),
        user=options.user,
    )


def _version(pod: JSON) -> str:
    return str(pod["metadata"]["resourceVersion"])
