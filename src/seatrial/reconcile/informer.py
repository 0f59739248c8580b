"""Shared caches of the API's objects, and whom to tell when they change (client-go tools/cache/shared_informer.go).

One reflector per resource, however many read it. Handlers are plain functions, called in the order of the changes,
right after the cache has changed; they may not wait.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence

from seatrial.aio.sync import Pulse
from seatrial.aio.tasks import Supervisor
from seatrial.base.env import Env
from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent
from seatrial.reconcile.cache import Cache, IndexFunction
from seatrial.reconcile.reflector import LONGEST_PAUSE_SECONDS, Reflector, Source

Handler = Callable[[JSON | None, JSON | None], None]
"""(old, new): old None = added, new None = deleted."""


class Informer:
    """The cache of one resource. `revision` is the newest resourceVersion that it has caught up with."""

    def __init__(
        self, resource: ResourceRef, reader: Source, env: Env, longest_pause: float = LONGEST_PAUSE_SECONDS
    ) -> None:
        self.resource = resource
        self.cache = Cache()
        self.revision = 0
        self.synced = False
        self.reflector = Reflector(resource, reader, env, self, longest_pause)
        self.pulse = Pulse()
        """Beats when the first list is in."""
        self._handlers: list[Handler] = []
        self._revision_waiters: list[tuple[int, int, Callable[[], None]]] = []
        self._key_waiters: dict[Key, list[Callable[[], None]]] = {}
        self._tickets = itertools.count()

    def add_handler(self, on_change: Handler) -> None:
        """Tell `on_change` of every change, and of all that is there already."""
        self._handlers.append(on_change)
        for obj in self.cache.list():
            on_change(None, obj)

    def add_index(self, name: str, function: IndexFunction) -> None:
        self.cache.add_index(name, function)

    def when_revision(self, revision: int, call: Callable[[], None]) -> None:
        """Call once the cache has caught up with `revision`."""
        heapq.heappush(self._revision_waiters, (revision, next(self._tickets), call))

    def when_key_changes(self, key: Key, call: Callable[[], None]) -> None:
        """Call once, after the next change of the object under `key`."""
        self._key_waiters.setdefault(key, []).append(call)

    def replace(self, items: Sequence[JSON], revision: int) -> None:
        """A fresh list: tell handlers of the differences only."""
        fresh = {objects.key(item): item for item in items}
        for key in self.cache.sorted_keys():
            if key not in fresh:
                self._deleted(key)
        for key in sorted(fresh):
            known = self.cache.get(key)
            item = fresh[key]
            if known is None or known["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                self._put(key, self._whole(item))
        self._caught_up(revision)
        if not self.synced:
            self.synced = True
            self.pulse.beat()

    def apply(self, event: WatchEvent) -> None:
        """One line of the watch."""
        obj = event.object
        if event.type != "BOOKMARK":
            key = objects.key(obj)
            if event.type == "DELETED":
                self._deleted(key)
            else:
                self._put(key, obj)
        self._caught_up(int(obj["metadata"]["resourceVersion"]))

    def _put(self, key: Key, obj: JSON) -> None:
        old = self.cache.get(key)
        if old is not None and old["metadata"].get("uid") != obj["metadata"].get("uid"):
            self._deleted(key)
            old = None
        self.cache.put(key, obj)
        for handler in self._handlers:
            handler(old, obj)
        self._key_changed(key)

    def _deleted(self, key: Key) -> None:
        old = self.cache.drop(key)
        if old is None:
            return
        for handler in self._handlers:
            handler(old, None)
        self._key_changed(key)

    def _whole(self, item: JSON) -> JSON:
        """Items of a list have no kind and apiVersion of their own."""
        if "kind" in item:
            return item
        return {"kind": self.resource.kind, "apiVersion": self.resource.api_version, **item}

    def _key_changed(self, key: Key) -> None:
        if self._key_waiters:
            for call in self._key_waiters.pop(key, ()):
                call()

    def _caught_up(self, revision: int) -> None:
        self.revision = max(self.revision, revision)
        while self._revision_waiters and self._revision_waiters[0][0] <= self.revision:
            heapq.heappop(self._revision_waiters)[2]()


class Informers:
    """One informer per resource, made on demand. `longest_pause`: between attempts to reach the server, in seconds."""

    def __init__(self, client: Source, env: Env, longest_pause: float = LONGEST_PAUSE_SECONDS) -> None:
        self._client, self._env, self._longest_pause = client, env, longest_pause
        self._informers: dict[str, Informer] = {}
        self._supervisor: Supervisor | None = None

    def informer(self, resource: ResourceRef) -> Informer:
        """The informer of the resource; begins at once if the others are running already."""
        known = self._informers.get(resource.qualified)
        if known is None:
            known = self._informers[resource.qualified] = Informer(
                resource, self._client, self._env, self._longest_pause
            )
            if self._supervisor:
                self._begin(known, self._supervisor)
        return known

    def known(self, resource: ResourceRef) -> Informer | None:
        """The informer of the resource if somebody wanted it."""
        return self._informers.get(resource.qualified)

    def start(self) -> None:
        if self._supervisor is None:
            self._supervisor = Supervisor("informers")
            for informer in list(self._informers.values()):
                self._begin(informer, self._supervisor)

    async def synced(self) -> None:
        """Wait until every informer has its first list."""
        while waiting := [informer for informer in self._informers.values() if not informer.synced]:
            await waiting[0].pulse.until(lambda: waiting[0].synced)

    def check(self) -> None:
        """Raises what made a reflector crash, if one has."""
        if self._supervisor is not None and self._supervisor.crash is not None:
            raise self._supervisor.crash

    async def stop(self) -> None:
        if self._supervisor is not None:
            supervisor, self._supervisor = self._supervisor, None
            await supervisor.stop()

    @staticmethod
    def _begin(informer: Informer, supervisor: Supervisor) -> None:
        supervisor.spawn(informer.reflector.run(), informer.resource.qualified)
