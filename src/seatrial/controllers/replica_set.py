"""ReplicaSets: as many Pods as `spec.replicas` says, made from the template, chosen by the selector.

Mirrors pkg/controller/replicaset (1.32); all rules stand in controllers/replicas.py.
"""

from seatrial.api.apps_v1 import replica_set
from seatrial.api.registry import REPLICA_SETS
from seatrial.base.types import JSON, Key
from seatrial.controllers import replicas
from seatrial.controllers.replicas import View
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Controller
from seatrial.reconcile.decision import Decision


def _selector_of(owner: JSON) -> Selector | None:
    return replica_set.selector_of(owner["spec"])


ADAPTER = replicas.Adapter(REPLICA_SETS, _selector_of)


async def gather(key: Key, cache: CacheReader) -> View | None:
    return await replicas.gather(ADAPTER, key, cache)


def decide(view: View, now: float) -> Decision:
    return replicas.decide(view, now)


CONTROLLER = Controller(
    name="replicaset",
    primary=REPLICA_SETS,
    watches=replicas.watches(ADAPTER),
    gather=gather,
    decide=decide,
    event_source="replicaset-controller",
)
