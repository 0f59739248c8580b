"""Keeps as many Pods as the metrics of each HorizontalPodAutoscaler ask for.

Mirrors pkg/controller/podautoscaler/horizontal.go of release 1.32.

- Every autoscaler is looked at 15 seconds after it came, and every 15 seconds from then on; changes wait for that.
- What was recommended and scaled in the last minutes is remembered here, as upstream, not in the object.
- The load is the cluster's, or what the annotation `seatrial.dev/load` of the autoscaler says: `0s=500m 60s=4`, from
  its creation on.
- differs: utilisation is the load's even share per ready Pod, where upstream asks a metrics server.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from seatrial.api import old_versions
from seatrial.api.registry import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from seatrial.api.resource import Resource
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.controllers.horizontal_pod_autoscaler import measuring
from seatrial.controllers.horizontal_pod_autoscaler.measuring import Measured, Target
from seatrial.machinery import conditions, objects, selectors, times
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Event, Patch
from seatrial.workloads import load as loads
from seatrial.workloads import scaling_rules
from seatrial.workloads.load import Load
from seatrial.workloads.scaling_rules import Moment, Told

SYNC_SECONDS = 15.0
LOAD = "seatrial.dev/load"
_SCALED = (DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS)


@dataclass(frozen=True)
class View:
    """An autoscaler, what it scales (or why that can't be found), what was measured, and what is remembered."""

    autoscaler: JSON
    resource: Resource | None
    target: Target | None
    problem: str = ""
    measured: Measured | None = None
    recommended: tuple[Moment, ...] = ()
    scaled: tuple[Moment, ...] = ()


class Memory:
    """What was recommended, and by how much was scaled, per autoscaler (by uid)."""

    def __init__(self) -> None:
        self._recommended: dict[str, list[Moment]] = {}
        self._scaled: dict[str, list[Moment]] = {}

    def recall(self, autoscaler: JSON, current: int, now: float) -> tuple[tuple[Moment, ...], tuple[Moment, ...]]:
        """(recommendations, scalings) that still matter. The first look takes the present size as recommended."""
        uid, since = objects.uid(autoscaler), now - scaling_rules.memory_seconds(autoscaler["spec"])
        recommended = self._recommended.setdefault(uid, [Moment(now, current)])
        scaled = self._scaled.setdefault(uid, [])
        last = _last_scaling(autoscaler)
        if last is not None and last not in scaled:
            scaled.append(last)
        recommended[:] = [each for each in recommended if each.at >= since]
        scaled[:] = [each for each in scaled if each.at >= since or each == last]
        return tuple(recommended), tuple(scaled)

    def note(self, autoscaler: JSON, wanted: int, now: float) -> None:
        """So many replicas were recommended now."""
        self._recommended[objects.uid(autoscaler)].append(Moment(now, wanted))


def _last_scaling(autoscaler: JSON) -> Moment | None:
    """What the status tells of the last change of size."""
    status = autoscaler.get("status") or {}
    change = (status.get("desiredReplicas") or 0) - (status.get("currentReplicas") or 0)
    if not status.get("lastScaleTime") or not change:
        return None
    return Moment(times.parse_time(status["lastScaleTime"]), change)


def decide(view: View, now: float) -> Decision:
    autoscaler, target = view.autoscaler, view.target
    if target is None:
        told = Told(
            "FailedGetScale", f"the HPA controller was unable to get the target's current scale: {view.problem}"
        )
        status = _with(autoscaler, autoscaler.get("status") or {}, "AbleToScale", False, told, now)
        event = Event(autoscaler, "Warning", "FailedGetScale", view.problem)
        return Decision((event,), _changed(autoscaler, status), SYNC_SECONDS)
    got = Told("SucceededGetScale", "the HPA controller was able to get the target's current scale")
    status = _with(autoscaler, autoscaler.get("status") or {}, "AbleToScale", True, got, now)
    spec, current = autoscaler["spec"], target.wanted
    if _is_off(spec, current):
        off = Told("ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
        status = _with(autoscaler, status, "ScalingActive", False, off, now)
        return _stay(view, status, [])
    if current > spec["maxReplicas"]:
        return _rescale(view, status, [], spec["maxReplicas"], "Current number of replicas above Spec.MaxReplicas", now)
    if current < spec["minReplicas"]:
        return _rescale(view, status, [], spec["minReplicas"], "Current number of replicas below Spec.MinReplicas", now)
    return _by_metrics(view, status, now)


def _by_metrics(view: View, status: JSON, now: float) -> Decision:
    autoscaler, measured, target = view.autoscaler, view.measured, view.target
    assert measured is not None
    assert target is not None
    told = [Event(autoscaler, "Warning", each.reason, each.message) for each in measured.troubles]
    if measured.replicas is None:
        first = measured.troubles[0]
        text = f"the HPA was unable to compute the replica count: {first.message}"
        why = Told(first.reason, first.message if first.reason == measuring.AMBIGUOUS else text)
        status = _with(autoscaler, status, "ScalingActive", False, why, now)
        told.append(Event(autoscaler, "Warning", "FailedComputeMetricsReplicas", measured.summary))
        return _stay(view, status, told, wanted=status.get("desiredReplicas") or 0)
    found = Told(
        "ValidMetricFound",
        f"the HPA was able to successfully calculate a replica count from {measured.name}",
    )
    status = _with(autoscaler, status, "ScalingActive", True, found, now)
    wanted = measured.replicas
    allowed = scaling_rules.allowed(autoscaler["spec"], target.wanted, wanted, view.recommended, view.scaled, now)
    status = _with(autoscaler, status, "AbleToScale", True, allowed.able, now)
    status = _with(autoscaler, status, "ScalingLimited", allowed.limited, allowed.told, now)
    if allowed.replicas == target.wanted:
        return _stay(view, status, told)
    reason = f"{measured.name} above target" if wanted > target.wanted else "All metrics below target"
    return _rescale(view, status, told, allowed.replicas, reason if wanted != target.wanted else "", now)


def _stay(view: View, status: JSON, told: Iterable[Event], wanted: int | None = None) -> Decision:
    assert view.target is not None
    current = view.target.wanted
    status = _counted(view, status, current, current if wanted is None else wanted)
    return Decision(tuple(told), _changed(view.autoscaler, status), SYNC_SECONDS)


def _rescale(view: View, status: JSON, told: Iterable[Event], replicas: int, reason: str, now: float) -> Decision:
    autoscaler, target = view.autoscaler, view.target
    assert target is not None
    assert view.resource is not None
    key = objects.namespace(autoscaler), target.name
    body = {"spec": {"replicas": replicas}}
    scale = Patch(view.resource, key, body, because=reason, patch_type=MERGE_PATCH, subresource="scale")
    said = Event(autoscaler, "Normal", "SuccessfulRescale", f"New size: {replicas}; reason: {reason}")
    done = Told("SucceededRescale", f"the HPA controller was able to update the target scale to {replicas}")
    after = _counted(view, _with(autoscaler, status, "AbleToScale", True, done, now), target.wanted, replicas)
    after["lastScaleTime"] = times.format_time(now)
    actions: tuple[Action, ...] = (*told, scale, said)
    return Decision(
        actions, _changed(autoscaler, after), SYNC_SECONDS, after_failure=_failure(view, status, replicas, reason, now)
    )


def _failure(view: View, status: JSON, replicas: int, reason: str, now: float) -> Callable[[Exception], Decision]:
    def failed(error: Exception) -> Decision:
        autoscaler, target = view.autoscaler, view.target
        assert target is not None
        text = f"New size: {replicas}; reason: {reason}; error: {error}"
        why = Told("FailedUpdateScale", f"the HPA controller was unable to update the target scale: {error}")
        after = _with(autoscaler, status, "AbleToScale", False, why, now)
        after = _counted(view, after, target.wanted, status.get("desiredReplicas") or 0)
        return Decision((Event(autoscaler, "Warning", "FailedRescale", text),), _changed(autoscaler, after))

    return failed


def _counted(view: View, status: JSON, current: int, desired: int) -> JSON:
    statuses = view.measured.statuses if view.measured is not None else []
    return {**status, "currentReplicas": current, "desiredReplicas": desired, "currentMetrics": statuses or None}


def _with(autoscaler: JSON, status: JSON, kind: str, holds: bool, told: Told, now: float) -> JSON:
    condition = {
        "type": kind,
        "status": "True" if holds else "False",
        "lastTransitionTime": times.format_time(now),
        "reason": told.reason,
        "message": told.message,
    }
    return {**status, "conditions": conditions.put(status.get("conditions") or (), condition)}


def _changed(autoscaler: JSON, status: JSON) -> JSON | None:
    return None if (autoscaler.get("status") or {}) == status else objects.with_status(autoscaler, status)


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _is_new(old: JSON | None, new: JSON | None) -> bool:
    """All else waits for its next turn."""
    return old is None


def _is_off(spec: JSON, current: int) -> bool:
    return bool(current == 0 and spec["minReplicas"] != 0)


def _counts(spec: JSON, current: int) -> bool:
    """Whether metrics are looked at: not while it is off, nor while limits say the size."""
    return not _is_off(spec, current) and bool(spec["minReplicas"] <= current <= spec["maxReplicas"])


def _load_of(autoscaler: JSON, given: Load) -> Load:
    """The annotation's load for CPU, if there is one that can be read; else the cluster's."""
    text = objects.annotations(autoscaler).get(LOAD)
    try:
        curve = loads.parse_curve(text) if text else None
    except ValueError:
        return loads.no_load
    if curve is None:
        return given
    began = times.parse_time(objects.creation_timestamp(autoscaler))
    return lambda namespace, name, metric, moment: curve.at(moment - began) if metric == "cpu" else None


def controller(load: Load, now: Callable[[], float]) -> Controller[View]:
    """The control loop under this load. `now`: seconds since 1970."""
    memory = Memory()

    async def gather(key: Key, cache: CacheReader) -> View | None:
        autoscaler = cache.get(HORIZONTAL_POD_AUTOSCALERS, key)
        if autoscaler is None:
            return None
        reference = autoscaler["spec"]["scaleTargetRef"]
        resource = old_versions.stored_as(reference)
        if resource is None:
            group = (reference.get("apiVersion") or "").rpartition("/")[0]
            problem = f'no matches for kind "{reference["kind"]}" in group "{group}"'
            return View(autoscaler, None, None, problem)
        found = cache.get(resource, (key[0], reference["name"])) if resource in _SCALED else None
        if found is None:
            return View(autoscaler, resource, None, f'{resource.qualified} "{reference["name"]}" not found')
        target = _target(found, resource, cache)
        recommended, scaled = memory.recall(autoscaler, target.wanted, now())
        if not _counts(autoscaler["spec"], target.wanted):
            return View(autoscaler, resource, target)
        rivals = _selecting(target.pods, key[0], cache)
        if len(rivals) > 1:
            measured = measuring.ambiguous(key[0], str(_selector(found, resource)), rivals)
        else:
            measured = measuring.measure(autoscaler["spec"]["metrics"], target, _load_of(autoscaler, load), now())
        if measured.replicas is not None:
            memory.note(autoscaler, measured.replicas, now())
        return View(autoscaler, resource, target, "", measured, recommended, scaled)

    return Controller(
        name="horizontalpodautoscaler",
        primary=HORIZONTAL_POD_AUTOSCALERS,
        watches=(Watch(HORIZONTAL_POD_AUTOSCALERS, _own_key, _is_new, SYNC_SECONDS),),
        gather=gather,
        decide=decide,
        event_source="horizontal-pod-autoscaler",
        reads=(PODS, *_SCALED),
    )


def _selecting(pods: tuple[JSON, ...], namespace: str, cache: CacheReader) -> list[str]:
    """The autoscalers whose workloads select any of these Pods (hpasControllingPodsUnderSelector)."""
    found = []
    for scaler in cache.list(HORIZONTAL_POD_AUTOSCALERS, namespace):
        reference = scaler["spec"]["scaleTargetRef"]
        resource = old_versions.stored_as(reference)
        scaled = cache.get(resource, (namespace, reference["name"])) if resource in _SCALED else None
        if scaled is not None and resource is not None:
            selector = _selector(scaled, resource)
            if any(selector.matches(objects.labels(pod)) for pod in pods):
                found.append(objects.name(scaler))
    return sorted(found)


def _selector(scaled: JSON, resource: Resource) -> Selector:
    given = scaled["spec"].get("selector")
    return selectors.from_map(given) if resource is REPLICATION_CONTROLLERS else selectors.from_label_selector(given)


def _target(found: JSON, resource: Resource, cache: CacheReader) -> Target:
    selector = _selector(found, resource)
    namespace, name = objects.key(found)
    pods = tuple(pod for pod in cache.list(PODS, namespace) if selector.matches(objects.labels(pod)))
    counted = (found.get("status") or {}).get("replicas") or 0
    return Target(namespace, name, found["spec"].get("replicas", 1), counted, pods)
