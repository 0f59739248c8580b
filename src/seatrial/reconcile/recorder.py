"""Tells of what happens to objects: core/v1 Events, correlated as client-go tools/record/events_cache.go does.

Equal events become one with a growing count. More than ten of one reason that differ only in their message become one
`(combined from similar events): …`. Of one source about one object 25 come through at once, then one in five minutes.
Recording never waits; events are written in order, in the background.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from seatrial.aio.backoff import TokenBucket
from seatrial.api.registry import EVENTS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Writer
from seatrial.machinery import times
from seatrial.reconcile.outbox import Outbox

CACHE_SIZE = 4096
MAX_SIMILAR = 10
SIMILAR_SECONDS = 600.0
SPAM_BURST = 25
SPAM_RATE = 1.0 / 300.0

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Recent(Generic[K, T]):
    """The 4096 entries used last (github.com/golang/groupcache/lru)."""

    def __init__(self) -> None:
        self._entries: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, entry: T) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > CACHE_SIZE:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)


@dataclass(slots=True)
class _Similar:
    """Messages of one reason about one object."""

    at: float
    messages: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Written:
    """What is known of an event that was written."""

    name: str
    count: int
    first_timestamp: str


class Recorder:
    """Records in the name of `component` (on `host`)."""

    def __init__(self, client: Writer, env: Env, component: str, host: str = "") -> None:
        self._client, self._env = client, env
        self._component, self._host = component, host
        self._outbox = Outbox(component)
        self._similar: _Recent[Hashable, _Similar] = _Recent()
        self._written: _Recent[Hashable, _Written] = _Recent()
        self._spam: _Recent[Hashable, TokenBucket] = _Recent()
        self._last_stamp = 0

    def event(self, regarding: JSON, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Record an event on `regarding`: an object with kind, apiVersion and metadata, or a reference to one."""
        about = reference(regarding, field_path)
        now = self._env.now()
        self._outbox.put(lambda: self._record(about, type, reason, message, now))

    async def flush(self) -> None:
        await self._outbox.flush()

    async def stop(self) -> None:
        """Write what is left, and take no more."""
        await self._outbox.stop()

    async def abandon(self) -> None:
        """End at once; what was not written yet never is."""
        await self._outbox.abandon()

    async def _record(self, about: JSON, type: str, reason: str, message: str, now: float) -> None:
        same_reason = (_identity(about), type, reason)
        key: Hashable = (*same_reason, message)
        if self._is_one_of_many(same_reason, message, now):
            key, message = same_reason, f"(combined from similar events): {message}"
        if not self._may_pass(about):
            return
        known = self._written.get(key)
        if known is None or not await self._count_up(known, about, message, now):
            await self._create(key, about, type, reason, message, now)

    def _is_one_of_many(self, same_reason: Hashable, message: str, now: float) -> bool:
        similar = self._similar.get(same_reason)
        if similar is None or now - similar.at > SIMILAR_SECONDS:
            similar = _Similar(now)
        similar.messages[message] = None
        similar.at = now
        self._similar.put(same_reason, similar)
        if len(similar.messages) < MAX_SIMILAR:
            return False
        similar.messages.popitem()
        return True

    def _may_pass(self, about: JSON) -> bool:
        identity = _identity(about)[:-1]
        bucket = self._spam.get(identity)
        if bucket is None:
            bucket = TokenBucket(self._env, SPAM_RATE, SPAM_BURST)
        self._spam.put(identity, bucket)
        return bucket.try_take()

    async def _count_up(self, known: _Written, about: JSON, message: str, now: float) -> bool:
        """False when the event has expired in the meantime."""
        known.count += 1
        body = {"count": known.count, "lastTimestamp": times.format_time(now), "message": message}
        try:
            await self._client.patch(EVENTS, known.name, about["namespace"] or "default", body)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return False
        return True

    async def _create(self, key: Hashable, about: JSON, type: str, reason: str, message: str, now: float) -> None:
        stamp = times.format_time(now)
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": about["namespace"] or "default"},
            "involvedObject": {name: value for name, value in about.items() if value},
            "reason": reason,
            "message": message,
            "source": {"component": self._component, **({"host": self._host} if self._host else {})},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        self._last_stamp = max(int(now * 1e9), self._last_stamp + 1)
        name = await create_with_free_name(self._client, event, about["name"], self._last_stamp)
        self._written.put(key, _Written(name, 1, stamp))


def reference(obj: JSON, field_path: str = "") -> JSON:
    """The ObjectReference of an object, or a reference as it is; empty fields are kept as ""."""
    meta = obj.get("metadata") or obj
    return {
        "kind": obj.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta.get("name", ""),
        "uid": meta.get("uid", ""),
        "apiVersion": obj.get("apiVersion", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path or obj.get("fieldPath", ""),
    }


async def create_with_free_name(client: Writer, event: JSON, about: str, stamp: int) -> str:
    """POST the event as `<object>.<time in hex>`. Simulated time stands still, so a name may be taken: try the next."""
    while True:
        name = f"{about}.{stamp:016x}"
        named = {**event, "metadata": {"name": name, **event["metadata"]}}
        try:
            await client.create(EVENTS, named)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            stamp += 1
        else:
            return name


def _identity(about: JSON) -> tuple[str, ...]:
    return (about["kind"], about["namespace"], about["name"], about["uid"], about["apiVersion"], about["fieldPath"])
