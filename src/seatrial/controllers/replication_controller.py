"""ReplicationControllers: as many Pods as `spec.replicas` says; the selector is a plain map.

Mirrors pkg/controller/replication (1.32), which converts to ReplicaSets; all rules stand in controllers/replicas.py.
"""

from seatrial.api.registry import REPLICATION_CONTROLLERS
from seatrial.base.types import JSON, Key
from seatrial.controllers import replicas
from seatrial.controllers.replicas import View
from seatrial.machinery import selectors
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Controller
from seatrial.reconcile.decision import Decision


def _selector_of(owner: JSON) -> Selector | None:
    return selectors.from_map(owner["spec"].get("selector"))


ADAPTER = replicas.Adapter(REPLICATION_CONTROLLERS, _selector_of)


async def gather(key: Key, cache: CacheReader) -> View | None:
    return await replicas.gather(ADAPTER, key, cache)


def decide(view: View, now: float) -> Decision:
    return replicas.decide(view, now)


CONTROLLER = Controller(
    name="replication",
    primary=REPLICATION_CONTROLLERS,
    watches=replicas.watches(ADAPTER),
    gather=gather,
    decide=decide,
    event_source="replication-controller",
)
