"""The queue between changes and workers (client-go util/workqueue: queue, delaying_queue, rate_limiting_queue).

A key is in the queue at most once, and is never given to two workers; a key added while it is being worked on comes
again afterwards. So a burst of changes to one key costs one look.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from seatrial.aio.backoff import ItemBackoff, TokenBucket
from seatrial.base.env import Env

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """See the module. `retry` waits 5 ms · 2^n up to 1000 s per key, and 10 keys a second (burst 100) over all."""

    def __init__(self, env: Env) -> None:
        self.adds = 0
        self.retries = 0
        self._queue: deque[K] = deque()
        self._dirty: dict[K, None] = {}
        self._processing: dict[K, None] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._backoff: ItemBackoff[K] = ItemBackoff()
        self._bucket = TokenBucket(env, rate=10, burst=100)
        self._getters: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Nothing queued, nothing being worked on (delayed keys don't count)."""
        return not self._queue and not self._processing

    def add(self, key: K) -> None:
        if key in self._dirty:
            return
        self.adds += 1
        self._dirty[key] = None
        if key not in self._processing:
            self._push(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Add it later; of several such wishes for a key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def retry(self, key: K) -> None:
        """Add it again after a failure, the later the more failures there were."""
        self.retries += 1
        self.add_after(key, max(self._backoff.next(key), self._bucket.reserve()))

    def forget(self, key: K) -> None:
        """The key was worked on with success: its failures no longer count."""
        self._backoff.forget(key)

    def failures(self, key: K) -> int:
        return self._backoff.failures(key)

    async def get(self) -> K:
        """The next key; `done` must follow."""
        while not self._queue:
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                self._hand_on(getter)
                raise
        key = self._queue.popleft()
        self._dirty.pop(key, None)
        self._processing[key] = None
        return key

    def done(self, key: K) -> None:
        self._processing.pop(key, None)
        if key in self._dirty:
            self._push(key)

    def close(self) -> None:
        """Drop what is delayed."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _push(self, key: K) -> None:
        self._queue.append(key)
        self._wake()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _hand_on(self, getter: "asyncio.Future[None]") -> None:
        """A waiting worker was cancelled: the key that it was woken for is somebody else's."""
        if getter.done() and not getter.cancelled() and self._queue:
            self._wake()
        else:
            getter.cancel()
