"""Keeps as many Pods as the metrics of each HorizontalPodAutoscaler ask for.

Mirrors pkg/controller/podautoscaler/horizontal.go of release 1.32.

- Every autoscaler is looked at 15 seconds after it came, and every 15 seconds from then on; changes wait for that.
- What was recommended and scaled in the last minutes is remembered here, as upstream, not in the object.
- The load is the cluster's, or what the annotation `seatrial.dev/load` of the autoscaler says: `0s=500m 60s=4`, from
  its creation on.
- differs: utilisation is the load's even share per ready Pod, where upstream asks a metrics server.
"""

from collections.abc import Callable, Iterable

from seatrial.api.registry import HORIZONTAL_POD_AUTOSCALERS, PODS
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.controllers.horizontal_pod_autoscaler import measuring
from seatrial.controllers.horizontal_pod_autoscaler.measuring import Measured
from seatrial.controllers.horizontal_pod_autoscaler.view import SCALED, Gatherer, Scaled, View, is_off
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Event, Patch
from seatrial.workloads import scaling_rules
from seatrial.workloads.load import Load
from seatrial.workloads.scaling_rules import Told

SYNC_SECONDS = 15.0
_FOUND = Told("SucceededGetScale", "the HPA controller was able to get the target's current scale")
_OFF = Told("ScalingDisabled", "scaling is disabled since the replica count of the target is zero")


def decide(view: View, now: float) -> Decision:
    """The size that limits and metrics ask for; the status says why."""
    turn = _Turn(view.autoscaler, now)
    scaled = view.scaled
    if isinstance(scaled, str):
        text = f"the HPA controller was unable to get the target's current scale: {scaled}"
        turn.note("AbleToScale", False, Told("FailedGetScale", text))
        turn.warn("FailedGetScale", scaled)
        return turn.end()
    turn.note("AbleToScale", True, _FOUND)
    spec, current = view.autoscaler["spec"], scaled.target.wanted
    if is_off(spec, current):
        turn.note("ScalingActive", False, _OFF)
        return turn.stay(scaled, current)
    if current > spec["maxReplicas"]:
        return turn.rescale(scaled, spec["maxReplicas"], "Current number of replicas above Spec.MaxReplicas")
    if current < spec["minReplicas"]:
        return turn.rescale(scaled, spec["minReplicas"], "Current number of replicas below Spec.MinReplicas")
    assert scaled.measured is not None, "metrics are measured where the size goes by them"
    return _by_metrics(turn, scaled, scaled.measured)


def _by_metrics(turn: "_Turn", scaled: Scaled, measured: Measured) -> Decision:
    for each in measured.troubles:
        turn.warn(each.reason, each.message)
    if measured.replicas is None:
        first = measured.troubles[0]
        text = f"the HPA was unable to compute the replica count: {first.message}"
        why = Told(first.reason, first.message if first.reason == measuring.AMBIGUOUS else text)
        turn.note("ScalingActive", False, why)
        turn.warn("FailedComputeMetricsReplicas", measured.summary)
        return turn.stay(scaled, turn.status.get("desiredReplicas") or 0)
    text = f"the HPA was able to successfully calculate a replica count from {measured.name}"
    turn.note("ScalingActive", True, Told("ValidMetricFound", text))
    wanted, current = measured.replicas, scaled.target.wanted
    allowed = scaling_rules.allowed(
        turn.autoscaler["spec"], current, wanted, scaled.recommended, scaled.scaled, turn.now
    )
    turn.note("AbleToScale", True, allowed.able)
    turn.note("ScalingLimited", allowed.limited, allowed.told)
    if allowed.replicas == current:
        return turn.stay(scaled, current)
    reason = f"{measured.name} above target" if wanted > current else "All metrics below target"
    return turn.rescale(scaled, allowed.replicas, reason if wanted != current else "")


class _Turn:
    """One look at an autoscaler: its status as it becomes, and what is told meanwhile."""

    def __init__(self, autoscaler: JSON, now: float) -> None:
        self.autoscaler, self.now = autoscaler, now
        self.status: JSON = autoscaler.get("status") or {}
        self._events: list[Event] = []

    def note(self, kind: str, holds: bool, told: Told) -> None:
        """A condition of the status."""
        condition = {
            "type": kind,
            "status": "True" if holds else "False",
            "lastTransitionTime": times.format_time(self.now),
            "reason": told.reason,
            "message": told.message,
        }
        self.status = {**self.status, "conditions": conditions.put(self.status.get("conditions") or (), condition)}

    def warn(self, reason: str, message: str) -> None:
        self._events.append(Event(self.autoscaler, "Warning", reason, message))

    def end(self) -> Decision:
        """With what was noted and told."""
        return Decision(tuple(self._events), self._changed(), SYNC_SECONDS)

    def stay(self, scaled: Scaled, desired: int) -> Decision:
        """Nothing is scaled; the status says that so many replicas are desired."""
        self._count(scaled, desired)
        return self.end()

    def rescale(self, scaled: Scaled, replicas: int, reason: str) -> Decision:
        before = self.status
        key = scaled.target.namespace, scaled.target.name
        body = {"spec": {"replicas": replicas}}
        patch = Patch(scaled.resource, key, body, because=reason, patch_type=MERGE_PATCH, subresource="scale")
        said = Event(self.autoscaler, "Normal", "SuccessfulRescale", f"New size: {replicas}; reason: {reason}")
        text = f"the HPA controller was able to update the target scale to {replicas}"
        self.note("AbleToScale", True, Told("SucceededRescale", text))
        self._count(scaled, replicas)
        self.status["lastScaleTime"] = times.format_time(self.now)
        actions: tuple[Action, ...] = (*self._events, patch, said)
        failed = self._if_it_fails(scaled, before, replicas, reason)
        return Decision(actions, self._changed(), SYNC_SECONDS, after_failure=failed)

    def _if_it_fails(self, scaled: Scaled, before: JSON, replicas: int, reason: str) -> Callable[[Exception], Decision]:
        def failed(error: Exception) -> Decision:
            turn = _Turn(self.autoscaler, self.now)
            turn.status = before
            text = f"the HPA controller was unable to update the target scale: {error}"
            turn.note("AbleToScale", False, Told("FailedUpdateScale", text))
            turn.warn("FailedRescale", f"New size: {replicas}; reason: {reason}; error: {error}")
            turn._count(scaled, before.get("desiredReplicas") or 0)
            return Decision(tuple(turn._events), turn._changed())

        return failed

    def _count(self, scaled: Scaled, desired: int) -> None:
        statuses = scaled.measured.statuses if scaled.measured is not None else []
        current = scaled.target.wanted
        counts = {"currentReplicas": current, "desiredReplicas": desired, "currentMetrics": statuses or None}
        self.status = {**self.status, **counts}

    def _changed(self) -> JSON | None:
        same = (self.autoscaler.get("status") or {}) == self.status
        return None if same else objects.with_status(self.autoscaler, self.status)


def _own_key(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return () if new is None else (objects.key(new),)


def _is_new(old: JSON | None, new: JSON | None) -> bool:
    """All else waits for its next turn."""
    return old is None


def controller(load: Load, now: Callable[[], float]) -> Controller[View]:
    """The control loop under this load. `now`: seconds since 1970."""
    return Controller(
        name="horizontalpodautoscaler",
        primary=HORIZONTAL_POD_AUTOSCALERS,
        watches=(Watch(HORIZONTAL_POD_AUTOSCALERS, _own_key, _is_new, SYNC_SECONDS),),
        gather=Gatherer(load, now).gather,
        decide=decide,
        event_source="horizontal-pod-autoscaler",
        reads=(PODS, *SCALED),
    )
