"""Turns a Controller into a running control loop (controller-runtime pkg/internal/controller/controller.go).

    change ─▶ keys ─▶ queue ─▶ worker: gather ─▶ decide ─▶ apply ─▶ fence
                        ▲                                             │
                        └──── retry, requeue_after, resync ◀──────────┘

A conflict is retried quietly: somebody else wrote first, and the next look will see it. A Terminal error is logged and
not retried. Any other failure of the API is logged and retried with back-off. What is no SeatrialError and no lost
connection is a bug: it is logged with its traceback and retried too, as a controller must outlive one bad object.

A key whose view held many objects rests for a moment after a look (0.1 ms per object): a thousand Pods that become
ready one by one would otherwise cost a thousand looks at a thousand Pods.
"""

import asyncio
import dataclasses
import logging
from typing import Any, Generic, NoReturn, TypeVar

from seatrial.aio.tasks import Supervisor
from seatrial.base.env import Env
from seatrial.base.errors import StatusError, Terminal
from seatrial.base.types import JSON, Key
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.applier import Applier
from seatrial.reconcile.controller import Controller, Watch
from seatrial.reconcile.fence import Fence, Write
from seatrial.reconcile.informer import Handler, Informers
from seatrial.reconcile.lister import Lister
from seatrial.reconcile.metrics import LoopMetrics
from seatrial.reconcile.recorder import Recorder
from seatrial.reconcile.workqueue import WorkQueue

log = logging.getLogger(__name__)

V = TypeVar("V")

SMALL_VIEW = 50
REST_SECONDS_PER_OBJECT = 0.0001


class Runner(Generic[V]):
    """One per controller. Make it before the informers start or after; `start`, then `await stop()`."""

    def __init__(self, controller: Controller[V], informers: Informers, client: Client, env: Env) -> None:
        self.controller = controller
        self.metrics = LoopMetrics(controller.name)
        self.queue: WorkQueue[Key] = WorkQueue(env)
        self._informers, self._env = informers, env
        self._cache = Lister(informers, client, env.now())
        self._recorder = Recorder(client, env, controller.event_source or f"{controller.name}-controller")
        self._applier = Applier(client, self._recorder)
        self._fences: dict[Key, Fence] = {}
        self._resting: dict[Key, asyncio.TimerHandle] = {}
        self._parked: dict[Key, None] = {}
        self._supervisor: Supervisor | None = None
        for resource in _resources(controller):
            informers.informer(resource)

    def start(self) -> None:
        """Begin once the informers are in sync."""
        if self._supervisor is None:
            self._supervisor = Supervisor(self.controller.name)
            self._supervisor.spawn(self._run(self._supervisor), "start")

    async def stop(self) -> None:
        """End the workers, then write the events that are left."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self.queue.close()
        for fence in self._fences.values():
            fence.drop()
        for timer in self._resting.values():
            timer.cancel()
        try:
            await supervisor.stop()
        finally:
            await self._recorder.stop()

    async def _run(self, supervisor: Supervisor) -> None:
        await self._informers.synced()
        for watch in self.controller.watches:
            self._informers.informer(watch.resource).add_handler(self._handler(watch))
        for number in range(self.controller.workers):
            supervisor.spawn(self._work(), f"worker-{number}")
        if self.controller.resync_seconds:
            supervisor.spawn(self._resync(self.controller.resync_seconds), "resync")

    def _handler(self, watch: Watch) -> Handler:
        def on_change(old: JSON | None, new: JSON | None) -> None:
            if watch.interesting is None or watch.interesting(old, new):
                for key in watch.keys(old, new, self._cache):
                    self.queue.add_after(key, watch.delay_seconds)

        return on_change

    async def _resync(self, seconds: float) -> NoReturn:
        primary = self._informers.informer(self.controller.primary)
        while True:
            await asyncio.sleep(seconds)
            for key in primary.cache.sorted_keys():
                self.queue.add(key)

    async def _work(self) -> NoReturn:
        while True:
            key = await self.queue.get()
            try:
                if key in self._fences or key in self._resting:
                    self.metrics.parked += 1
                    self._parked[key] = None
                else:
                    await self._look(key)
            finally:
                self.queue.done(key)

    async def _look(self, key: Key) -> None:
        began = self._env.monotonic()
        self.metrics.reconciles += 1
        writes: list[Write] = []
        try:
            await self._reconcile(key, writes)
        except Exception as error:
            self._failed(key, error)
        else:
            self.queue.forget(key)
        finally:
            self.metrics.seconds += self._env.monotonic() - began
            if writes:
                self._raise_fence(key, writes)

    async def _reconcile(self, key: Key, writes: list[Write]) -> None:
        view = await self.controller.gather(key, self._cache)
        if view is None:
            return
        decision = self.controller.decide(view, self._env.now())
        await self._applier.apply(decision, self.controller.primary, writes)
        if decision.requeue_after is not None:
            self.metrics.requeues += 1
            self.queue.add_after(key, decision.requeue_after)
        size = _size(view)
        if size > SMALL_VIEW:
            rest = size * REST_SECONDS_PER_OBJECT
            self._resting[key] = asyncio.get_running_loop().call_later(rest, self._rested, key)

    def _failed(self, key: Key, error: Exception) -> None:
        name = "/".join(part for part in key if part)
        if isinstance(error, Terminal):
            self.metrics.terminal_errors += 1
            self.queue.forget(key)
            log.error("%s %s: %s (not retried)", self.controller.name, name, error)
            return
        if isinstance(error, StatusError) and error.reason == "Conflict":
            self.metrics.conflicts += 1
        elif isinstance(error, (StatusError, ConnectionError)):
            self.metrics.errors += 1
            log.info("%s %s: %s (retried)", self.controller.name, name, error)
        else:
            self.metrics.errors += 1
            log.error("%s %s failed", self.controller.name, name, exc_info=error)
        self.queue.retry(key)

    def _raise_fence(self, key: Key, writes: list[Write]) -> None:
        self.metrics.writes += len(writes)
        fence = Fence(self._informers, writes, lambda: self._pass_fence(key))
        if not fence.open:
            self._fences[key] = fence

    def _pass_fence(self, key: Key) -> None:
        self._fences.pop(key, None)
        self._unpark(key)

    def _rested(self, key: Key) -> None:
        del self._resting[key]
        self._unpark(key)

    def _unpark(self, key: Key) -> None:
        if key in self._parked and key not in self._fences and key not in self._resting:
            del self._parked[key]
            self.queue.add(key)


AnyRunner = Runner[Any]


def for_object(old: JSON | None, new: JSON | None, cache: object) -> list[Key]:
    """Watch.keys for the primary resource itself."""
    obj = new if new is not None else old
    return [] if obj is None else [objects.key(obj)]


def _size(view: object) -> int:
    """How many objects a view holds in its collections."""
    if not dataclasses.is_dataclass(view):
        return 1
    values = (getattr(view, field.name) for field in dataclasses.fields(view))
    return sum(len(value) for value in values if isinstance(value, (tuple, list, dict)))


def _resources(controller: Controller[Any]) -> list[ResourceRef]:
    return [controller.primary, *(watch.resource for watch in controller.watches), *controller.reads]
