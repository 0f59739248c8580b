"""What the metrics of an autoscaler say: one proposal from all of them, or why there is none.

Follows computeReplicasForMetrics of pkg/controller/podautoscaler/horizontal.go (1.32). What Pods use is their even
share of the load that is given for the workload (`workloads.load`); there is no metrics server.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import go_format, objects, quantity
from seatrial.workloads import autoscaling, pods
from seatrial.workloads.autoscaling import CannotTell, Proposal, Sample
from seatrial.workloads.load import Load

AMBIGUOUS = "AmbiguousSelector"
WINDOW_SECONDS = 15.0
"""Over which a metrics server measures."""
_NO_METRICS = "unable to fetch metrics from resource metrics API: the server could not find the requested resource"
_NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
_NO_EXTERNAL = "unable to fetch metrics from external metrics API: the server could not find the requested resource"
_INVALID: JSON = {"type": ""}
"""The status of a metric that says nothing."""


class Trouble(NamedTuple):
    """A metric that says nothing: the event's reason, what failed, and that with the metric's name before it."""

    reason: str
    message: str
    full: str


@dataclass
class Measured:
    """`replicas`: the most that any metric asks for, which `name` is of; None: nothing can be told (`summary`)."""

    replicas: int | None = None
    name: str = ""
    statuses: list[JSON] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    summary: str = ""


def ambiguous(namespace: str, selector: str, autoscalers: Sequence[str]) -> Measured:
    """Several autoscalers have Pods in common: none of them scales (validateAndParseSelector)."""
    keys = " ".join(f"{{{name} {namespace}}}" for name in autoscalers)
    message = f"pods by selector {selector} are controlled by multiple HPAs: [{keys}]"
    return Measured(troubles=[Trouble(AMBIGUOUS, message, message)], summary=message)


class Target(NamedTuple):
    """What is scaled: `wanted` replicas, `counted` ones, and its Pods."""

    namespace: str
    name: str
    wanted: int
    counted: int
    pods: tuple[JSON, ...]


def measure(metrics: Sequence[JSON], target: Target, load: Load, now: float) -> Measured:
    """All metrics; one that fails matters when the others would scale down."""
    measured = Measured()
    for metric in metrics:
        kind = metric["type"]
        try:
            proposal, name, status = _OF_TYPE[kind](metric, target, load, now)
        except CannotTell as error:
            measured.troubles.append(_trouble(kind, metric, str(error)))
            measured.statuses.append(_INVALID)
            continue
        measured.statuses.append(status)
        if measured.replicas is None or proposal.replicas > measured.replicas:
            measured.replicas, measured.name = proposal.replicas, name
    if measured.troubles:
        invalid, first = len(measured.troubles), measured.troubles[0].full
        measured.summary = f"invalid metrics ({invalid} invalid out of {len(metrics)}), first error is: {first}"
        if measured.replicas is not None and measured.replicas < target.wanted:
            measured.replicas = None
    return measured


def _trouble(kind: str, metric: JSON, message: str) -> Trouble:
    reason = f"FailedGet{kind}Metric"
    if kind == "Resource":
        what = f"{metric['resource']['name']} resource"
    elif kind == "ContainerResource":
        what = f"{metric['containerResource']['container']} container"
    elif kind == "External":
        name = metric["external"]["metric"]["name"]
        averaged = metric["external"]["target"].get("averageValue") is not None
        value = f"failed to get {f'{name} external metric' if averaged else f'external metric {name}'}: {message}"
        return Trouble(reason, message, f"failed to get {name} external metric value: {value}")
    else:
        what = kind.lower()
    return Trouble(reason, message, f"failed to get {what} metric value: {message}")


def _of_resource(metric: JSON, target: Target, load: Load, now: float) -> tuple[Proposal, str, JSON]:
    kind = metric["type"]
    field_name = "resource" if kind == "Resource" else "containerResource"
    source, wanted = metric[field_name], metric[field_name]["target"]
    resource: str = source["name"]
    try:
        samples = _samples(target, resource, load, now)
        if wanted.get("averageValue") is not None:
            milli = quantity.milli(wanted["averageValue"])
            found = autoscaling.by_average(target.wanted, milli, resource, target.pods, samples, now)
            name = f"{resource} resource"
        else:
            percent = wanted["averageUtilization"]
            container = source.get("container") or ""
            found = autoscaling.by_utilization(target.wanted, percent, resource, target.pods, samples, now, container)
            name = f"{resource}{' container' * bool(container)} resource utilization (percentage of request)"
    except CannotTell as error:
        what = "usage" if wanted.get("averageValue") is not None else "utilization"
        raise CannotTell(f"failed to get {resource} {what}: {error}") from None
    current: JSON = {"averageValue": quantity.canonical(f"{found.average}m")}
    if found.utilization is not None:
        current["averageUtilization"] = found.utilization
    named = {key: source[key] for key in ("name", "container") if key in source}
    return found, name, {"type": kind, field_name: {**named, "current": current}}


def _samples(target: Target, metric: str, load: Load, now: float) -> dict[str, Sample]:
    """Ready Pods share the load; others that run do nothing; those that don't run have no sample."""
    amount = load(target.namespace, target.name, metric, now)
    if amount is None:
        raise CannotTell(f"unable to get metrics for resource {metric}: {_NO_METRICS} (get pods.metrics.k8s.io)")
    running = [pod for pod in target.pods if (pod.get("status") or {}).get("phase") == "Running"]
    at_work = {objects.name(pod) for pod in running if pods.is_ready(pod) and not objects.is_terminating(pod)}
    share = round(amount * 1000 / len(at_work)) if at_work else 0
    return {
        objects.name(pod): Sample(share if objects.name(pod) in at_work else 0, now, WINDOW_SECONDS) for pod in running
    }


def _of_pods(metric: JSON, target: Target, load: Load, now: float) -> tuple[Proposal, str, JSON]:
    identity = metric["pods"]["metric"]
    name: str = identity["name"]
    if load(target.namespace, target.name, name, now) is None:
        raise CannotTell(f"unable to get metric {name}: {_NO_CUSTOM}")
    samples = _samples(target, name, load, now)
    milli = quantity.milli(metric["pods"]["target"]["averageValue"])
    found = autoscaling.by_average(target.wanted, milli, "", target.pods, samples, now)
    current = {"averageValue": quantity.canonical(f"{found.average}m")}
    return found, f"pods metric {name}", {"type": "Pods", "pods": {"metric": identity, "current": current}}


def _of_one_value(metric: JSON, target: Target, load: Load, now: float) -> tuple[Proposal, str, JSON]:
    """Object and External: one value for all."""
    kind: str = metric["type"]
    source = metric[kind.lower()]
    wanted, name, selector = source["target"], source["metric"]["name"], source["metric"].get("selector")
    amount = load(target.namespace, target.name, name, now)
    if amount is None:
        raise CannotTell(_no_value(kind, source, target.namespace))
    milli = round(amount * 1000)
    said = f"external metric {name}({go_format.label_selector(selector)})"
    told = {key: source[key] for key in ("describedObject", "metric") if key in source}
    if wanted.get("averageValue") is not None:
        found = autoscaling.by_share_of_value(target.counted, milli, quantity.milli(wanted["averageValue"]))
        current = {"averageValue": quantity.canonical(f"{found.average}m")}
        if kind == "Object":
            # Upstream forgets the object here, and calls the metric external.
            told["describedObject"] = {"kind": "", "name": ""}
    else:
        ready = autoscaling.count_ready(target.pods) if target.wanted else 0
        found = autoscaling.by_value(target.wanted, ready, milli, quantity.milli(wanted["value"]))
        current = {"value": quantity.canonical(f"{found.average}m")}
        if kind == "Object":
            said = f"{source['describedObject']['kind']} metric {name}"
    return found, said, {"type": kind, kind.lower(): {**told, "current": current}}


def _no_value(kind: str, source: JSON, namespace: str) -> str:
    name = source["metric"]["name"]
    if kind == "External":
        selector = go_format.label_selector(source["metric"].get("selector"))
        why = f"{_NO_EXTERNAL} (get {name}.external.metrics.k8s.io)"
        return f"unable to get external metric {namespace}/{name}/{selector}: {why}"
    described = source["describedObject"]
    # Upstream's arguments are in this order.
    text = f"unable to get metric {name}: {described['kind']} on {namespace} {described['name']}/{_NO_CUSTOM}"
    averaged = source["target"].get("averageValue") is not None
    return f"failed to get {name} object metric: {text}" if averaged else text


_OF_TYPE = {
    "Resource": _of_resource,
    "ContainerResource": _of_resource,
    "Pods": _of_pods,
    "Object": _of_one_value,
    "External": _of_one_value,
}
