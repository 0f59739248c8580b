"""Events as the scheduler records them (events.k8s.io/v1): with an action, micro times, and series instead of counts.

Follows client-go tools/events/event_broadcaster.go: the same event again within six minutes begins a series (written at
once with count 2, then only when the series ends). Written as core/v1 Events, as which the server stores them anyway.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from seatrial.api.registry import EVENTS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Writer
from seatrial.machinery import times
from seatrial.reconcile.outbox import Outbox
from seatrial.reconcile.recorder import create_with_free_name, reference

SERIES_SECONDS = 360.0


@dataclass(slots=True)
class _Series:
    """An event that may come again. `count` 1: it has not yet."""

    namespace: str
    name: str
    count: int
    last_at: float


class SeriesRecorder:
    """Records in the name of `component`; `instance` tells several of its kind apart."""

    def __init__(self, client: Writer, env: Env, component: str, instance: str) -> None:
        self._client, self._env = client, env
        self._component, self._instance = component, instance
        self._outbox = Outbox(component)
        self._series: dict[Hashable, _Series] = {}
        self._last_stamp = 0
        self._next_sweep = 0.0

    def event(
        self, regarding: JSON, type: str, reason: str, action: str, note: str, related: JSON | None = None
    ) -> None:
        """Record an event on `regarding`, an object with kind, apiVersion and metadata. Never waits.

        `related`: another object that it is about.
        """
        about = reference(regarding)
        other = reference(related) if related is not None else {}
        now = self._env.now()
        self._outbox.put(lambda: self._record(about, other, type, reason, action, note, now))

    async def flush(self) -> None:
        await self._outbox.flush()

    async def stop(self) -> None:
        """Write what is left, and take no more."""
        await self._outbox.stop()

    async def _record(
        self, about: JSON, other: JSON, type: str, reason: str, action: str, note: str, now: float
    ) -> None:
        await self._end_old_series(now)
        key = (tuple(about.values()), tuple(other.values()), type, reason, action)
        series = self._series.get(key)
        if series is None:
            await self._create(key, about, other, type, reason, action, note, now)
            return
        series.count += 1
        series.last_at = now
        if series.count == 2:
            await self._write(series)

    async def _create(
        self, key: Hashable, about: JSON, other: JSON, type: str, reason: str, action: str, note: str, now: float
    ) -> None:
        namespace = about["namespace"] or "default"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": namespace},
            "involvedObject": _given(about),
            **({"related": _given(other)} if other else {}),
            "reason": reason,
            "message": note,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": type,
            "eventTime": times.format_micro_time(now),
            "action": action,
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
        }
        self._last_stamp = max(int(now * 1e9), self._last_stamp + 1)
        name = await create_with_free_name(self._client, event, about["name"], self._last_stamp)
        self._series[key] = _Series(namespace, name, 1, now)

    async def _end_old_series(self, now: float) -> None:
        """Forget what has not come again, and write the last count of what has."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + SERIES_SECONDS
        for key, series in list(self._series.items()):
            if now - series.last_at > SERIES_SECONDS:
                del self._series[key]
                if series.count > 2:
                    await self._write(series)

    async def _write(self, series: _Series) -> None:
        told = {"count": series.count, "lastObservedTime": times.format_micro_time(series.last_at)}
        try:
            await self._client.patch(EVENTS, series.name, series.namespace, {"series": told})
        except StatusError as error:
            if error.reason != "NotFound":
                raise


def _given(of: JSON) -> JSON:
    return {name: value for name, value in of.items() if value}
