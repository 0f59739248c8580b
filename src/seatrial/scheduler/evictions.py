"""Makes victims go: their condition says why, they are deleted, an event tells it.

Follows prepareCandidate of pkg/scheduler/framework/preemption/preemption.go (1.32).
"""

import logging
from collections.abc import Callable

from seatrial.api.registry import PODS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import times
from seatrial.reconcile.series_recorder import SeriesRecorder
from seatrial.scheduler.preemption import BY_SCHEDULER, Preemption
from seatrial.scheduler.snapshot import PodInfo

log = logging.getLogger(__name__)


class Evictions:
    """By the scheduler `name`. `told(pod, node)`: the event's text on a victim of `pod`."""

    def __init__(
        self, client: Client, env: Env, recorder: SeriesRecorder, told: Callable[[JSON, str], str], name: str
    ) -> None:
        self._client, self._env, self._recorder = client, env, recorder
        self._told, self._name = told, name

    async def run(self, info: PodInfo, found: Preemption) -> None:
        """Delete all victims; one that is gone already has gone."""
        for victim in found.victims:
            try:
                await self._evict(victim)
            except (StatusError, ConnectionError) as error:
                log.info("preempting %s/%s: %s", *victim.key, error)
                continue
            told = self._told(info.pod, found.node)
            self._recorder.event(victim.pod, "Normal", "Preempted", "Preempting", told, related=info.pod)

    async def clear_nomination(self, info: PodInfo) -> None:
        """The node goes to a more important Pod."""
        namespace, name = info.key
        body = {"metadata": {"uid": info.uid}, "status": {"nominatedNodeName": None}}
        try:
            await self._client.patch(PODS, name, namespace, body, subresource="status")
        except (StatusError, ConnectionError) as error:
            log.info("clearing the nominated node of %s/%s: %s", namespace, name, error)

    async def _evict(self, victim: PodInfo) -> None:
        namespace, name = victim.key
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": times.format_time(self._env.now()),
            "reason": BY_SCHEDULER,
            "message": f"{self._name}: preempting to accommodate a higher priority pod",
        }
        body = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        await self._client.patch(PODS, name, namespace, body, subresource="status")
        await self._client.delete(PODS, name, namespace, uid=victim.uid)
