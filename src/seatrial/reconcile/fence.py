"""Read your own writes: a key is not looked at again before the caches have seen what was written for it.

This stands in for the expectations of pkg/controller/controller_utils.go. The server names the resourceVersion of
every write, so there is no need to guess from counts: a create or update is seen when the informer has reached its
resourceVersion, a deletion when the object is gone from the cache, replaced, or marked as terminating. As there,
whoever waits in vain goes on after five minutes.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.informer import Informer, Informers

TIMEOUT_SECONDS = 300.0


class Write(NamedTuple):
    """A write that the server accepted. `revision` 0: a deletion of the object with this uid."""

    resource: ResourceRef
    key: Key
    uid: str
    revision: int


class Fence:
    """Calls `on_open`, once, when all writes have been seen or the time is up. `open` may be so from the start."""

    def __init__(self, informers: Informers, writes: Sequence[Write], on_open: Callable[[], None]) -> None:
        self.open = False
        self._on_open = on_open
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._await_revisions(informers, writes)
        for write in writes:
            if write.revision == 0 and (informer := informers.known(write.resource)):
                self._await_deletion(informer, write)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(TIMEOUT_SECONDS, self._open)
        else:
            self.open = True

    def drop(self) -> None:
        """Nobody waits any more."""
        self.open = True
        if self._timer:
            self._timer.cancel()

    def _await_revisions(self, informers: Informers, writes: Sequence[Write]) -> None:
        newest: dict[str, int] = {}
        resources = {write.resource.qualified: write.resource for write in writes}
        for write in writes:
            name = write.resource.qualified
            newest[name] = max(newest.get(name, 0), write.revision)
        for name, revision in newest.items():
            informer = informers.known(resources[name])
            if informer and informer.revision < revision:
                self._waiting += 1
                informer.when_revision(revision, self._seen)

    def _await_deletion(self, informer: Informer, write: Write) -> None:
        if not _still_there(informer.cache.get(write.key), write.uid):
            return
        self._waiting += 1

        def look_again() -> None:
            if _still_there(informer.cache.get(write.key), write.uid):
                informer.when_key_changes(write.key, look_again)
            else:
                self._seen()

        informer.when_key_changes(write.key, look_again)

    def _seen(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._open()

    def _open(self) -> None:
        if self.open:
            return
        self.drop()
        self._on_open()


def _still_there(cached: JSON | None, uid: str) -> bool:
    return cached is not None and objects.uid(cached) == uid and not objects.is_terminating(cached)
