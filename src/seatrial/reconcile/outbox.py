"""A queue of requests that nobody waits for: sent one after the other, in order, in the background."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from seatrial.aio.sync import Pulse
from seatrial.base.errors import StatusError

log = logging.getLogger(__name__)

CAPACITY = 50_000
TRIES = 12
RETRY_SECONDS = 10.0

Send = Callable[[], Awaitable[object]]


class Outbox:
    """Begins with the first `put`. What the server refuses is dropped; a lost connection is tried again.

    (client-go tools/record/event.go: recordToSink, 12 tries, 10 s apart.)
    """

    def __init__(self, name: str) -> None:
        self.dropped = 0
        self._name = name
        self._queue: deque[Send] = deque()
        self._task: asyncio.Task[None] | None = None
        self._changed = Pulse()
        self._stopping = False

    def put(self, send: Send) -> None:
        if self._stopping or len(self._queue) >= CAPACITY:
            self.dropped += 1
            return
        self._queue.append(send)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"events/{self._name}")
        self._changed.beat()

    async def flush(self) -> None:
        """Wait until everything put so far has been sent."""
        await self._changed.until(lambda: not self._queue)

    async def stop(self) -> None:
        """Send what is left (each once), then end."""
        self._stopping = True
        self._changed.beat()
        task, self._task = self._task, None
        if task:
            await task

    async def abandon(self) -> None:
        """Drop what is left, and end at once."""
        self._stopping = True
        self._queue.clear()
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await self._changed.until(lambda: bool(self._queue) or self._stopping)
            if not self._queue:
                return
            await self._send(self._queue[0])
            self._queue.popleft()
            if not self._queue:
                self._changed.beat()

    async def _send(self, send: Send) -> None:
        for _ in range(TRIES):
            try:
                await send()
            except StatusError as error:
                log.debug("a request of %s was refused: %s", self._name, error)
            except ConnectionError as error:
                log.debug("a request of %s can't be sent: %s", self._name, error)
                if not self._stopping:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
            return
        self.dropped += 1
