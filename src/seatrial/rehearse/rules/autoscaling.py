"""Rules about workloads that an autoscaler sizes."""

from seatrial.api.registry import HORIZONTAL_POD_AUTOSCALERS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, last_applied, objects
from seatrial.rehearse.rules.base import Case, Found

UNKNOWN_LOAD = "the server could not find the requested resource"
"""What an autoscaler says where the rehearsal knows of no load."""


def replicas_beside_autoscaler(case: Case) -> Found:
    """A manifest that sets the size, and an autoscaler that sets it, too."""
    replicas = objects.get(last_applied.of(case.obj), "spec", "replicas")
    for scaler in scalers(case):
        if isinstance(replicas, int):
            name = f"horizontalpodautoscaler/{objects.name(scaler)}"
            yield (
                f"the manifest has replicas: {replicas}: every apply sets that size, whatever {name} has made of it",
                (case.name, name),
            )


def replicas_left_out(case: Case) -> Found:
    """A manifest that leaves out the size that the one before had: apply takes it away, and the default is 1."""
    before, now = (objects.get(last_applied.of(each or {}), "spec", default={}) for each in (case.before, case.obj))
    size = objects.get(case.before or {}, "spec", "replicas", default=1)
    if size > 1 and now and isinstance(before.get("replicas"), int) and now.get("replicas") is None:
        names = [f"horizontalpodautoscaler/{objects.name(scaler)}" for scaler in scalers(case)]
        until = f", until {names[0]} scales it up again" if names else ""
        yield (
            "the manifest leaves out spec.replicas, which the one that was applied before it had: "
            f"apply takes {case.name} from {size} to 1{until}",
            (case.name, *names),
        )


def autoscaler_can_not_scale(case: Case) -> Found:
    """An autoscaler that finds no metric to go by."""
    for scaler in scalers(case):
        active = conditions.find(scaler, "ScalingActive") or {}
        if active.get("status") == "False" and UNKNOWN_LOAD not in str(active.get("message")):
            name = f"horizontalpodautoscaler/{objects.name(scaler)}"
            yield (
                f"{name} does not scale {case.name}: {active.get('message', '')}",
                (name, case.name),
            )


def scalers(case: Case) -> list[JSON]:
    """The autoscalers that size the workload."""
    wanted = case.target.resource.kind, case.target.name
    return [
        scaler
        for scaler in case.there(HORIZONTAL_POD_AUTOSCALERS)
        if (scaler["spec"]["scaleTargetRef"].get("kind"), scaler["spec"]["scaleTargetRef"].get("name")) == wanted
    ]
