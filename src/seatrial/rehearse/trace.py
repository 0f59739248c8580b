"""What happened: every write to the store, in order, with the time at which it was made.

The objects are those that the store holds; nothing is copied and nobody is asked, so that watching costs nothing and
misses nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from seatrial.api.registry import ENDPOINTS, NODES, SERVICES
from seatrial.base.env import Env
from seatrial.base.types import JSON
from seatrial.store import keys
from seatrial.store.base import Record
from seatrial.store.memory import MemoryStore
from seatrial.store.state import ChangeType

UNWATCHED = ("/registry/leases/",)
"""Heartbeats: many, and of no consequence while they come."""


class Write(NamedTuple):
    """`object` as written (for DELETED: its last state), `previous` what it was before. `at`: seconds since 1970."""

    at: float
    type: ChangeType
    object: JSON
    previous: JSON | None

    @property
    def kind(self) -> str:
        return str(self.object.get("kind", ""))


class TracedStore(MemoryStore):
    """A store in memory that remembers what was written to it since `begin`."""

    def __init__(self, env: Env) -> None:
        super().__init__()
        self._env = env
        self._tracing = False
        self.writes: list[Write] = []
        self.before: dict[str, JSON] = {}
        """What was there at the beginning: key → object."""

    def begin(self) -> None:
        """From here on it counts."""
        self._tracing = True
        self.writes.clear()
        self.before = {key: record.object for key, record in self._state.records.items()}

    def services(self, namespace: str) -> list[JSON]:
        """The Services of a namespace, as they are now."""
        return [each.object for each in self._state.list(keys.prefix(SERVICES, namespace), "", 0, 0).records]

    def node(self, name: str) -> JSON | None:
        """A Node, as it is now."""
        record = self._state.records.get(keys.key(NODES, "", name))
        return record.object if record else None

    def answers(self, namespace: str, service: str) -> bool:
        """Whether a Service has an endpoint now."""
        record = self._state.records.get(keys.key(ENDPOINTS, namespace, service))
        return record is not None and any(each.get("addresses") for each in record.object.get("subsets") or ())

    def objects(self) -> Iterator[JSON]:
        """What is there now, in order of keys."""
        for record in self._state.list("/registry/", "", 0, 0).records:
            yield record.object

    def _commit(self, kind: ChangeType, record: Record, previous: Record | None) -> Record:
        if self._tracing and not record.key.startswith(UNWATCHED):
            self.writes.append(Write(self._env.now(), kind, record.object, previous.object if previous else None))
        return super()._commit(kind, record, previous)
