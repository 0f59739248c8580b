"""The objects of one resource by namespace, always at hand: what admission asks for with every write.

Fed by the store's own watch, whose events are taken in when somebody asks: a namespace that has none of the objects
costs a look into a dict, not a list of the store.
"""

from collections.abc import Sequence

from seatrial.base.errors import Compacted
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.store import keys
from seatrial.store.base import Event, Record, Store, Watcher


class Mirror:
    """See the module. Begins with the first question."""

    def __init__(self, store: Store, resource: ResourceRef) -> None:
        self._store = store
        self._prefix = keys.resource_prefix(resource.group, resource.plural)
        self._watcher: Watcher | None = None
        self._records: dict[str, dict[str, Record]] = {}

    async def of(self, namespace: str) -> Sequence[JSON]:
        """The objects of the namespace ("" for those in none), in key order, as of now."""
        watcher = self._watcher or await self._fill()
        try:
            while events := watcher.drain():
                for event in events:
                    self._apply(event)
        except Compacted:
            await self._fill()
        found = self._records.get(namespace)
        return [found[key].object for key in sorted(found)] if found else ()

    async def _fill(self) -> Watcher:
        page = await self._store.list(self._prefix)
        self._records = {}
        for record in page.records:
            self._put(record)
        self._watcher = self._store.watch(self._prefix, page.revision)
        return self._watcher

    def _apply(self, event: Event) -> None:
        if event.type != "DELETED":
            self._put(event.record)
            return
        namespace = objects.namespace(event.record.object)
        self._records[namespace].pop(event.record.key, None)
        if not self._records[namespace]:
            del self._records[namespace]

    def _put(self, record: Record) -> None:
        self._records.setdefault(objects.namespace(record.object), {})[record.key] = record
