"""Pods that wait for a node: active, backing off, or unschedulable until something changes.

Follows pkg/scheduler/backend/queue/scheduling_queue.go: active Pods in order of priority, then of the time when they
came or last failed; back-off of 1 s, 2 s … 10 s from the last failure, whose end is looked for once a second; an
unschedulable Pod comes back when a change is worth it to one of the filters that rejected it (queueing hints), or after
some minutes at the latest.
"""

import asyncio
import heapq
import itertools
import math
from dataclasses import dataclass

from seatrial.aio import backoff
from seatrial.aio.sync import Pulse
from seatrial.scheduler.hints import Hint
from seatrial.scheduler.snapshot import PodInfo

INITIAL_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 10.0
FLUSH_SECONDS = 1.0
"""How often the queue looks whose back-off has ended: at whole seconds of the loop's clock."""

Ticket = tuple[int, float, int]


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A Pod in the queue, or with the scheduler. `rejected_by`: filters, while it is unschedulable."""

    info: PodInfo
    ticket: Ticket
    attempts: int = 0
    failed_at: float = 0.0
    rejected_by: tuple[str, ...] = ()
    state: str = "active"
    timer: asyncio.TimerHandle | None = None


class SchedulingQueue:
    """Pods by uid. `longest_wait_seconds`: after that an unschedulable Pod is tried again in any case.

    Times are the running loop's.
    """

    def __init__(self, longest_wait_seconds: float) -> None:
        self._longest_wait = longest_wait_seconds
        self._pods: dict[str, QueuedPod] = {}
        self._active: list[tuple[Ticket, str]] = []
        self._unschedulable: dict[str, None] = {}
        self._rejected_by: dict[str, dict[str, None]] = {}
        self._arrivals = itertools.count()
        self._changed = Pulse()

    def get(self, uid: str) -> QueuedPod | None:
        """The Pod, if it waits or is being placed."""
        return self._pods.get(uid)

    def add(self, info: PodInfo) -> None:
        """A Pod that has no node yet."""
        now = asyncio.get_running_loop().time()
        queued = self._pods[info.uid] = QueuedPod(info, self._ticket(info, now))
        self._activate(queued)

    def _ticket(self, info: PodInfo, since: float) -> Ticket:
        return -info.priority, since, next(self._arrivals)

    def delete(self, uid: str) -> None:
        """It is gone, has a node, or is not ours any more."""
        queued = self._pods.pop(uid, None)
        if queued is not None:
            queued.state = "gone"
            self._leave(queued)

    async def pop(self) -> QueuedPod:
        """The next Pod to place; `failed` or `delete` must follow."""
        while True:
            while self._active:
                _, uid = heapq.heappop(self._active)
                queued = self._pods.get(uid)
                if queued is not None and queued.state == "active":
                    queued.state = "scheduling"
                    queued.attempts += 1
                    return queued
            await self._changed.wait()

    def failed(self, queued: QueuedPod, rejected_by: tuple[str, ...], retry: bool = False) -> None:
        """No node for it: wait for a change, or, with `retry`, only for the back-off."""
        if self._pods.get(queued.info.uid) is not queued:
            return
        queued.failed_at = asyncio.get_running_loop().time()
        queued.ticket = self._ticket(queued.info, queued.failed_at)
        if retry:
            self._back_off(queued)
            return
        queued.state, queued.rejected_by = "unschedulable", rejected_by
        self._unschedulable[queued.info.uid] = None
        for name in rejected_by:
            self._rejected_by.setdefault(name, {})[queued.info.uid] = None
        queued.timer = asyncio.get_running_loop().call_later(self._longest_wait, self._back_off, queued)

    def moved(self, hint: Hint) -> None:
        """Something changed: Pods to which it may mean something come back."""
        if hint.filters is None:
            waiting = list(self._unschedulable)
        else:
            waiting = [uid for name in sorted(hint.filters) for uid in self._rejected_by.get(name, ())]
        for uid in dict.fromkeys(waiting):
            queued = self._pods[uid]
            if not queued.rejected_by or any(hint.worth(queued.info, name) for name in queued.rejected_by):
                self._back_off(queued)

    def changed(self, queued: QueuedPod, *, at_once: bool = False) -> None:
        """The Pod itself was changed in a way that may help; `at_once`: its back-off is forgotten."""
        if at_once and queued.state in ("unschedulable", "backing off"):
            self._leave(queued)
            self._activate(queued)
        elif queued.state == "unschedulable":
            self._back_off(queued)

    def close(self) -> None:
        """Cancel all timers: nothing comes back any more."""
        for queued in self._pods.values():
            self._leave(queued)

    def _back_off(self, queued: QueuedPod) -> None:
        """Into the active queue as soon as its back-off has passed."""
        self._leave(queued)
        pause = backoff.exponential(queued.attempts - 1, INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS)
        loop = asyncio.get_running_loop()
        left = queued.failed_at + pause - loop.time()
        if left < 0:
            self._activate(queued)
        else:
            queued.state = "backing off"
            flush = math.ceil((loop.time() + left) / FLUSH_SECONDS) * FLUSH_SECONDS
            queued.timer = loop.call_at(flush, self._activate, queued)

    def _leave(self, queued: QueuedPod) -> None:
        if queued.info.uid in self._unschedulable:
            del self._unschedulable[queued.info.uid]
            for name in queued.rejected_by:
                del self._rejected_by[name][queued.info.uid]
        if queued.timer:
            queued.timer.cancel()
            queued.timer = None

    def _activate(self, queued: QueuedPod) -> None:
        queued.timer = None
        queued.state = "active"
        heapq.heappush(self._active, (queued.ticket, queued.info.uid))
        self._changed.beat()
