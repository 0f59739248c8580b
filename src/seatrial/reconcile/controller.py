"""The shape of every controller, and how the things it watches lead to keys.

After controller-runtime's Source and EventHandler.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from seatrial.base.types import JSON, Key
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.decision import Decision

V = TypeVar("V")


class CacheReader(Protocol):
    """What `gather` may read: the informers' caches, and, where a rule demands it, the API itself.

    Caches hold at least everything that this controller itself wrote for the key (read your own writes).
    Objects must not be changed.
    """

    def get(self, resource: ResourceRef, key: Key) -> JSON | None: ...

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        """In key order; namespace "" means all."""
        ...

    def owned_by(self, resource: ResourceRef, uid: str) -> Sequence[JSON]:
        """Objects whose controllerRef (ownerReference with controller: true) has this uid, in key order."""
        ...

    def orphans(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        """Objects of the namespace without a controllerRef, in key order."""
        ...

    async def live(self, resource: ResourceRef, key: Key) -> JSON | None:
        """A fresh read through the API; None when there is none."""
        ...

    async def live_list(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        """A fresh list through the API, for kinds that are not worth a cache; in key order."""
        ...

    @property
    def started_at(self) -> float:
        """When this control loop began to look, by Env.now()."""
        ...


@dataclass(frozen=True)
class Watch:
    """Changes of `resource` wake the keys that `keys(old, new, cache)` names (old None: added; new None: deleted).

    `interesting(old, new)` can drop changes that matter to nobody, before anything is looked up. With `delay_seconds`
    the keys are looked at so much later.
    """

    resource: ResourceRef
    keys: Callable[[JSON | None, JSON | None, CacheReader], Iterable[Key]]
    interesting: Callable[[JSON | None, JSON | None], bool] | None = None
    delay_seconds: float = 0.0


@dataclass(frozen=True)
class Controller(Generic[V]):
    """A control loop: `gather` reads, `decide` thinks, the runner does the rest.

    `reads`: resources that `gather` looks at without being woken by them. `resync_seconds`: look at every key this
    often even when nothing changed. `workers`: how many keys at once. `event_source`: component named in events.
    """

    name: str
    primary: ResourceRef
    watches: tuple[Watch, ...]
    gather: Callable[[Key, CacheReader], Awaitable[V | None]]
    decide: Callable[[V, float], Decision]
    event_source: str = ""
    reads: tuple[ResourceRef, ...] = ()
    resync_seconds: float | None = None
    workers: int = 5


AnyController = Controller[Any]
