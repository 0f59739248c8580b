"""Riding out what fails in passing: a lost connection, 429, a server's trouble.

For requests that may be sent twice: reads, writes with a resourceVersion or of the same values, deletions by uid. What
a transport may repeat by itself (`retry.py`) it has repeated already when this sees an error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.client.retry import PASSING

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0


def is_passing(error: Exception, codes: Collection[int] = PASSING) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, ConnectionError) or (isinstance(error, StatusError) and error.code in codes)


def pause_after(error: Exception, shortest: float = PAUSE_SECONDS) -> float:
    """Seconds to wait before the next attempt: what the server asks for, if it does."""
    asked = error.retry_after_seconds if isinstance(error, StatusError) else None
    return max(shortest, float(asked or 0))


async def persist(
    env: Env,
    call: Callable[[], Awaitable[T]],
    patience: float = PATIENCE_SECONDS,
    pause: float = PAUSE_SECONDS,
    codes: Collection[int] = PASSING,
) -> T:
    """The answer of the first attempt that gets one. After `patience` seconds the error is raised as it is."""
    until = env.monotonic() + patience
    while True:
        try:
            return await call()
        except (ConnectionError, StatusError) as error:
            if not is_passing(error, codes) or env.monotonic() >= until:
                raise
            seconds = pause_after(error, pause)
        await asyncio.sleep(seconds)
