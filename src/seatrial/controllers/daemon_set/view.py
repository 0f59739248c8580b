"""What the DaemonSet controller looks at, and how it is gathered (pkg/controller/daemon, 1.32)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seatrial.api import label_selectors
from seatrial.api.apps_v1 import replica_set
from seatrial.api.registry import CONTROLLER_REVISIONS, DAEMON_SETS, NODES
from seatrial.base.types import JSON, Key
from seatrial.controllers import owned_pods
from seatrial.machinery import objects
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader
from seatrial.workloads import controller_revisions, ownership


@dataclass(frozen=True, slots=True)
class View:
    """A DaemonSet, its Pods, its revisions, and all nodes.

    `taken`: names that ControllerRevisions have, where a new one is to be made.
    """

    daemon_set: JSON
    claims: ownership.Claims = field(default_factory=ownership.Claims)
    revisions: ownership.Claims = field(default_factory=ownership.Claims)
    nodes: Sequence[JSON] = ()
    taken: frozenset[str] = frozenset()

    @property
    def selects_everything(self) -> bool:
        return label_selectors.is_empty(self.daemon_set["spec"].get("selector"))

    @property
    def pods(self) -> tuple[JSON, ...]:
        return (*self.claims.claimed, *self.claims.adopt)


def selector_of(daemon_set: JSON) -> Selector | None:
    return replica_set.selector_of(daemon_set["spec"])


OWNERS = owned_pods.Owners(DAEMON_SETS, selector_of)


async def gather(key: Key, cache: CacheReader) -> View | None:
    daemon_set = cache.get(DAEMON_SETS, key)
    if daemon_set is None or objects.is_terminating(daemon_set):
        # Its revisions may be gone or orphaned already, so that its status can't be told any more.
        return None
    selector = selector_of(daemon_set)
    if selector is None:
        return None
    if selector.empty:
        return View(daemon_set)
    claims = await owned_pods.claim(OWNERS, daemon_set, selector, cache)
    if claims is None:
        return None
    owned = cache.owned_by(CONTROLLER_REVISIONS, objects.uid(daemon_set))
    revisions = ownership.classify(daemon_set, selector, owned, cache.orphans(CONTROLLER_REVISIONS, key[0]))
    if revisions.adopt and not ownership.may_adopt(daemon_set, await cache.live(DAEMON_SETS, key)):
        return None
    ours = controller_revisions.in_order((*revisions.claimed, *revisions.adopt))
    taken: frozenset[str] = frozenset()
    if controller_revisions.newest_with(ours, daemon_set["spec"]["template"]) is None:
        taken = frozenset(map(objects.name, cache.list(CONTROLLER_REVISIONS, key[0])))
    return View(daemon_set, claims, revisions, cache.list(NODES), taken)
