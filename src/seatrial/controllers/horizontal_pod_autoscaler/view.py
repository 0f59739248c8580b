"""What the autoscalers' controller looks at, and how it is gathered.

Follows reconcileAutoscaler of pkg/controller/podautoscaler/horizontal.go (1.32). Metrics are measured only where the
size goes by them.
"""

from collections.abc import Callable
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
from seatrial.controllers.horizontal_pod_autoscaler import measuring
from seatrial.controllers.horizontal_pod_autoscaler.measuring import Measured, Target
from seatrial.controllers.horizontal_pod_autoscaler.memory import Memory
from seatrial.machinery import objects, selectors, times
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader
from seatrial.workloads import load as loads
from seatrial.workloads.load import Load
from seatrial.workloads.scaling_rules import Moment

LOAD = "seatrial.dev/load"
SCALED = (DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS)
"""Kinds that can be scaled."""


@dataclass(frozen=True)
class Scaled:
    """What an autoscaler scales. `recommended` and `scaled`: what is remembered of the last minutes.

    `measured`: what the metrics say; None where the size does not go by them.
    """

    resource: Resource
    target: Target
    recommended: tuple[Moment, ...] = ()
    scaled: tuple[Moment, ...] = ()
    measured: Measured | None = None


@dataclass(frozen=True)
class View:
    """An autoscaler, and what it scales, or why that can't be found."""

    autoscaler: JSON
    scaled: Scaled | str


def is_off(spec: JSON, current: int) -> bool:
    """Whoever scales the workload to 0 switches its autoscaler off."""
    return bool(current == 0 and spec["minReplicas"] != 0)


def goes_by_metrics(spec: JSON, current: int) -> bool:
    """Not while it is off, nor while the size is out of the limits."""
    return not is_off(spec, current) and bool(spec["minReplicas"] <= current <= spec["maxReplicas"])


class Gatherer:
    """Gathers views under this load. `now`: seconds since 1970."""

    def __init__(self, load: Load, now: Callable[[], float]) -> None:
        self._load, self._now = load, now
        self._memory = Memory()

    async def gather(self, key: Key, cache: CacheReader) -> View | None:
        """None: there is no such autoscaler any more."""
        autoscaler = cache.get(HORIZONTAL_POD_AUTOSCALERS, key)
        if autoscaler is None:
            return None
        reference = autoscaler["spec"]["scaleTargetRef"]
        resource = old_versions.stored_as(reference)
        if resource is None:
            group = (reference.get("apiVersion") or "").rpartition("/")[0]
            return View(autoscaler, f'no matches for kind "{reference["kind"]}" in group "{group}"')
        found = cache.get(resource, (key[0], reference["name"])) if resource in SCALED else None
        if found is None:
            return View(autoscaler, f'{resource.qualified} "{reference["name"]}" not found')
        return View(autoscaler, self._scaled(autoscaler, resource, found, cache))

    def _scaled(self, autoscaler: JSON, resource: Resource, found: JSON, cache: CacheReader) -> Scaled:
        selector, now = _selector(found, resource), self._now()
        target = _target(found, selector, cache)
        recommended, scaled = self._memory.recall(autoscaler, target.wanted, now)
        if not goes_by_metrics(autoscaler["spec"], target.wanted):
            return Scaled(resource, target)
        rivals = _selecting(target.pods, target.namespace, cache)
        if len(rivals) > 1:
            measured = measuring.ambiguous(target.namespace, str(selector), rivals)
        else:
            measured = measuring.measure(autoscaler["spec"]["metrics"], target, _load_of(autoscaler, self._load), now)
        if measured.replicas is not None:
            self._memory.note(autoscaler, measured.replicas, now)
        return Scaled(resource, target, recommended, scaled, measured)


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


def _selecting(pods: tuple[JSON, ...], namespace: str, cache: CacheReader) -> list[str]:
    """The autoscalers whose workloads select any of these Pods (hpasControllingPodsUnderSelector)."""
    found = []
    for scaler in cache.list(HORIZONTAL_POD_AUTOSCALERS, namespace):
        reference = scaler["spec"]["scaleTargetRef"]
        resource = old_versions.stored_as(reference)
        scaled = cache.get(resource, (namespace, reference["name"])) if resource in SCALED else None
        if scaled is not None and resource is not None:
            selector = _selector(scaled, resource)
            if any(selector.matches(objects.labels(pod)) for pod in pods):
                found.append(objects.name(scaler))
    return sorted(found)


def _selector(scaled: JSON, resource: Resource) -> Selector:
    given = scaled["spec"].get("selector")
    return selectors.from_map(given) if resource is REPLICATION_CONTROLLERS else selectors.from_label_selector(given)


def _target(found: JSON, selector: Selector, cache: CacheReader) -> Target:
    namespace, name = objects.key(found)
    pods = tuple(pod for pod in cache.list(PODS, namespace) if selector.matches(objects.labels(pod)))
    counted = (found.get("status") or {}).get("replicas") or 0
    return Target(namespace, name, found["spec"].get("replicas", 1), counted, pods)
