"""Rules about workloads that an autoscaler sizes."""

import orjson

from seatrial.api.registry import HORIZONTAL_POD_AUTOSCALERS
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse.rules.base import Case, Found
from seatrial.workloads.revisions import LAST_APPLIED

UNKNOWN_LOAD = "the server could not find the requested resource"
"""What an autoscaler says of a load that nobody has told the rehearsal."""


def replicas_beside_autoscaler(case: Case) -> Found:
    """A manifest that sets the size, and an autoscaler that sets it, too."""
    replicas = _applied(case.obj)
    for scaler in _scalers(case):
        if replicas is not None:
            name = f"horizontalpodautoscaler/{objects.name(scaler)}"
            yield (
                f"the manifest has replicas: {replicas}: every apply sets that size, whatever {name} has made of it",
                (case.name, name),
                "leave spec.replicas out of the manifest",
            )


def autoscaler_can_not_scale(case: Case) -> Found:
    """An autoscaler that finds no metric to go by."""
    for scaler in _scalers(case):
        active = conditions.find(scaler, "ScalingActive") or {}
        if active.get("status") == "False" and UNKNOWN_LOAD not in str(active.get("message")):
            name = f"horizontalpodautoscaler/{objects.name(scaler)}"
            yield (
                f"{name} does not scale {case.name}: {active.get('message', '')}",
                (name, case.name),
                "give its Pods the requests that it goes by, and each autoscaler Pods of its own",
            )


def _scalers(case: Case) -> list[JSON]:
    wanted = case.target.resource.kind, case.target.name
    return [
        scaler
        for scaler in case.there(HORIZONTAL_POD_AUTOSCALERS)
        if (scaler["spec"]["scaleTargetRef"].get("kind"), scaler["spec"]["scaleTargetRef"].get("name")) == wanted
    ]


def _applied(obj: JSON) -> int | None:
    """The size that the manifest had which was applied last, if it had one."""
    try:
        applied = orjson.loads(objects.annotations(obj).get(LAST_APPLIED) or "{}")
    except ValueError:
        return None
    replicas = objects.get(applied, "spec", "replicas") if isinstance(applied, dict) else None
    return replicas if isinstance(replicas, int) else None
