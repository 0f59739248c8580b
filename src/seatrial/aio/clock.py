"""Waiting by an Env's clock, and the Env of a simulation.

`asyncio.sleep` waits for a span; these wait for moments. Follows k8s.io/apimachinery/pkg/util/wait (Until).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from seatrial.base.env import Env, SimulatedEnv


def simulated_env(seed: int = 0) -> SimulatedEnv:
    """An Env whose time is that of the running loop (meant for the virtual loop)."""
    return SimulatedEnv(asyncio.get_running_loop().time, seed)


async def sleep_until(env: Env, at: float) -> None:
    """Wait until `env.now()` has reached `at`; a moment that has passed returns after one turn of the loop."""
    await asyncio.sleep(max(0.0, at - env.now()))


async def every(seconds: float, action: Callable[[], Awaitable[object]]) -> NoReturn:
    """Do it now, and again `seconds` after each end (wait.UntilWithContext)."""
    while True:
        await action()
        await asyncio.sleep(seconds)
