"""What the StatefulSet controller looks at, and how it is gathered.

Follows pkg/controller/statefulset/stateful_set.go (1.32).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.api.apps_v1 import replica_set
from seatrial.api.registry import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, STATEFUL_SETS
from seatrial.base.types import JSON, Key
from seatrial.controllers import owned_pods
from seatrial.controllers.stateful_set import identity
from seatrial.machinery import objects
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader
from seatrial.workloads import controller_revisions, ownership


@dataclass(frozen=True, slots=True)
class View:
    """A StatefulSet, its Pods and its revisions.

    `taken`: names that ControllerRevisions have, where a new one is to be made. `volume_claims`: by name, those that
    its Pods need and that are there. `mends`: whether a stuck update goes on when the template is mended;
    `counts_unavailable`: whether maxUnavailable is followed (Kubernetes' feature gate MaxUnavailableStatefulSet).
    """

    stateful_set: JSON
    claims: ownership.Claims
    revisions: ownership.Claims = field(default_factory=ownership.Claims)
    taken: frozenset[str] = frozenset()
    volume_claims: Mapping[str, JSON] = field(default_factory=dict)
    mends: bool = True
    counts_unavailable: bool = True

    @property
    def pods(self) -> tuple[JSON, ...]:
        return (*self.claims.claimed, *self.claims.adopt)


def selector_of(stateful_set: JSON) -> Selector | None:
    return replica_set.selector_of(stateful_set["spec"])


OWNERS = owned_pods.Owners(STATEFUL_SETS, selector_of)


async def gather(key: Key, cache: CacheReader) -> View | None:
    stateful_set = cache.get(STATEFUL_SETS, key)
    selector = selector_of(stateful_set) if stateful_set is not None else None
    if stateful_set is None or selector is None or selector.empty:
        return None
    claims = await owned_pods.claim(
        OWNERS, stateful_set, selector, cache, lambda pod: identity.is_member(stateful_set, pod)
    )
    if claims is None:
        return None
    owned = cache.owned_by(CONTROLLER_REVISIONS, objects.uid(stateful_set))
    revisions = ownership.classify(stateful_set, selector, owned, cache.orphans(CONTROLLER_REVISIONS, key[0]))
    if revisions.adopt and not ownership.may_adopt(stateful_set, await cache.live(STATEFUL_SETS, key)):
        return None
    ours = controller_revisions.in_order((*revisions.claimed, *revisions.adopt))
    taken: frozenset[str] = frozenset()
    if controller_revisions.newest_with(ours, stateful_set["spec"]["template"]) is None:
        taken = frozenset(map(objects.name, cache.list(CONTROLLER_REVISIONS, key[0])))
    revisions = ownership.Claims(revisions.claimed, revisions.adopt)
    return View(stateful_set, claims, revisions, taken, _volume_claims(stateful_set, cache))


def _volume_claims(stateful_set: JSON, cache: CacheReader) -> Mapping[str, JSON]:
    if not stateful_set["spec"].get("volumeClaimTemplates"):
        return {}
    start = (stateful_set["spec"].get("ordinals") or {}).get("start") or 0
    found = {}
    for ordinal in range(start, start + (stateful_set["spec"].get("replicas") or 0)):
        for name in identity.claim_names(stateful_set, ordinal).values():
            claim = cache.get(PERSISTENT_VOLUME_CLAIMS, (objects.namespace(stateful_set), name))
            if claim is not None:
                found[name] = claim
    return found
