"""Remedies that change how a workload is replaced, or how many Pods of it there are."""

from collections.abc import Iterator, Sequence

from seatrial.api.registry import HORIZONTAL_POD_AUTOSCALERS
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules import autoscaling
from seatrial.rehearse.rules.base import Case, strategy
from seatrial.rehearse.rules.strategies import surges
from seatrial.rehearse.target import counts

NO_SURGE = "maxSurge 0"
NO_ROOM = frozenset({
    "no-room", "anti-affinity", "topology-spread", "host-port-taken", "quota-reached", "volume-in-use",
    "volume-locked", "multi-attach", "volume-not-mounted", "unschedulable",
})  # fmt: skip
_TOO_MANY = frozenset({"no-room", "quota-reached"})


def of(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """No surge where there is no room, no brake that somebody set, no more Pods than fit."""
    rules = {cause.rule for cause in causes}
    name, namespace = case.name, case.target.namespace
    limits: JSON = {"maxSurge": 0, "maxUnavailable": 1}
    if not case.rolls and surges(case) and rules & NO_ROOM:
        yield _spec(case, NO_SURGE, {"updateStrategy": {"rollingUpdate": limits}})
    if case.rolls and surges(case) and rules & NO_ROOM:
        yield _spec(case, NO_SURGE, {"strategy": {"type": "RollingUpdate", "rollingUpdate": limits}})
        yield _spec(case, "strategy Recreate", {"strategy": {"type": "Recreate", "rollingUpdate": None}})
    if strategy(case.spec).get("type") == "Recreate" and "init-container-waits" in rules:
        yield _spec(case, "strategy RollingUpdate", {"strategy": {"type": "RollingUpdate"}})
    if "paused" in rules:
        said = f"kubectl rollout resume {name} -n {namespace}"
        yield Remedy("it resumed", name, namespace, {"spec": {"paused": False}}, said=said)
    if "partition" in rules:
        yield _spec(case, "partition 0", {"updateStrategy": {"rollingUpdate": {"partition": 0}}})
    if "on-delete" in rules:
        yield _spec(case, "RollingUpdate", {"updateStrategy": {"type": "RollingUpdate"}})
    if rules & _TOO_MANY and (not case.has_rolled or _grows(case)):
        yield from _fewer(case)


def _grows(case: Case) -> bool:
    return case.before is not None and counts(case.before).desired < case.counts.desired


def _spec(case: Case, title: str, spec: JSON) -> Remedy:
    return Remedy(title, case.name, case.target.namespace, {"spec": spec})


def _fewer(case: Case) -> Iterator[Remedy]:
    """As many as there is room for, where more were asked for."""
    fits, namespace = case.counts.available, case.target.namespace
    if not 0 < fits < case.counts.desired:
        return
    for scaler in autoscaling.scalers(case):
        if fits >= int(scaler["spec"].get("minReplicas") or 1):
            name = f"{HORIZONTAL_POD_AUTOSCALERS.singular}/{objects.name(scaler)}"
            yield Remedy(f"maxReplicas {fits}", name, namespace, {"spec": {"maxReplicas": fits}})
        return
    if "scale" in case.target.resource.subresources:
        said = f"kubectl scale {case.name} -n {namespace} --replicas={fits}"
        yield Remedy(f"{fits} replicas", case.name, namespace, {"spec": {"replicas": fits}}, said=said)
