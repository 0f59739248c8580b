"""What a Pod is spread with where it says nothing of it: what its Services and its controller select, together.

Follows DefaultSelector of pkg/scheduler/framework/plugins/helper/spread.go (1.32).
"""

from collections.abc import Callable

from seatrial.api.registry import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects, selectors
from seatrial.machinery.selectors import Requirement, Selector
from seatrial.scheduler.snapshot import Others
from seatrial.workloads import service_endpoints

READS = (REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS)
_CONTROLLERS: dict[str, tuple[Resource, Callable[[JSON], Selector]]] = {
    "ReplicaSet": (REPLICA_SETS, selectors.from_label_selector),
    "ReplicationController": (REPLICATION_CONTROLLERS, selectors.from_map),
    "StatefulSet": (STATEFUL_SETS, selectors.from_label_selector),
}


def of(pod: JSON, others: Others) -> Selector | None:
    """None: nothing selects the Pod."""
    pairs: dict[str, str] = {}
    for service in others.list(SERVICES, objects.namespace(pod)):
        if service_endpoints.selects(service, objects.labels(pod)):
            pairs.update(service["spec"]["selector"])
    requirements = (*selectors.from_map(pairs).requirements, *_of_controller(pod, others))
    return Selector(requirements) if requirements else None


def _of_controller(pod: JSON, others: Others) -> tuple[Requirement, ...]:
    owner = objects.controller_of(pod)
    known = _CONTROLLERS.get(owner["kind"]) if owner is not None else None
    if owner is None or known is None:
        return ()
    resource, read = known
    found = others.get(resource, (objects.namespace(pod), owner["name"]))
    return read(found["spec"].get("selector")).requirements if found is not None else ()
