"""What the Deployment controller looks at, and how it is gathered.

Follows getReplicaSetsForDeployment and getPodMapForDeployment of pkg/controller/deployment (1.32).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import replica_set
from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader
from seatrial.workloads import ownership, revisions, template_hash

_MAX_NAME = 253


@dataclass(frozen=True, slots=True)
class View:
    """A Deployment and its ReplicaSets, oldest first.

    `namesake`: whatever already has the name that a new ReplicaSet would get. `pods`: by uid of their ReplicaSet, only
    for the strategy Recreate, which waits for the old ones to be gone.
    """

    deployment: JSON
    claims: ownership.Claims
    namesake: JSON | None = None
    pods: Mapping[str, Sequence[JSON]] = field(default_factory=dict)

    @property
    def selects_everything(self) -> bool:
        return label_selectors.is_empty(self.deployment["spec"].get("selector"))


async def gather(key: Key, cache: CacheReader) -> View | None:
    deployment = cache.get(DEPLOYMENTS, key)
    if deployment is None:
        return None
    spec = deployment["spec"]
    if label_selectors.is_empty(spec.get("selector")):
        return View(deployment, ownership.Claims())
    selector = replica_set.selector_of(spec)
    if selector is None:
        return None
    owned = cache.owned_by(REPLICA_SETS, objects.uid(deployment))
    claims = ownership.classify(deployment, selector, owned, cache.orphans(REPLICA_SETS, key[0]))
    if claims.adopt and not ownership.may_adopt(deployment, await cache.live(DEPLOYMENTS, key)):
        return None
    namesake = None
    if revisions.find_new(spec["template"], claims.claimed) is None:
        namesake = cache.get(REPLICA_SETS, (key[0], new_name(deployment)))
    return View(deployment, claims, namesake, _pods(deployment, claims.claimed, cache))


def new_hash(deployment: JSON) -> str:
    """The hash of the Deployment's template, moved on by every collision so far."""
    collisions = (deployment.get("status") or {}).get("collisionCount")
    return template_hash.compute(deployment["spec"]["template"], collisions)


def new_name(deployment: JSON) -> str:
    """The name of the ReplicaSet for the Deployment's template."""
    suffix = f"-{new_hash(deployment)}"
    return objects.name(deployment)[: _MAX_NAME - len(suffix)] + suffix


def _pods(deployment: JSON, replica_sets: Sequence[JSON], cache: CacheReader) -> Mapping[str, Sequence[JSON]]:
    if (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
        return {}
    return {objects.uid(each): cache.owned_by(PODS, objects.uid(each)) for each in replica_sets}
