"""Waiting for a condition without polling."""

import asyncio
from collections.abc import Callable


class Pulse:
    """Wakes everybody who waits, each time it beats. Nothing is remembered: look first, then wait."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def beat(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as the condition holds; it is looked at now and after every beat."""
        while not condition():
            await self.wait()
