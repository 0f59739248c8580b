"""How long to wait after failures (client-go util/workqueue/default_rate_limiters.go)."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from seatrial.base.env import Env

K = TypeVar("K", bound=Hashable)


def exponential(failures: int, base: float = 0.005, cap: float = 1000.0) -> float:
    """Seconds to wait after so many earlier failures: base · 2^failures, at most `cap`."""
    return min(cap, base * 2.0 ** min(failures, 1000))


class ItemBackoff(Generic[K]):
    """A count of failures per item: 5 ms, 10 ms, 20 ms … 1000 s (ItemExponentialFailureRateLimiter)."""

    def __init__(self, base: float = 0.005, cap: float = 1000.0) -> None:
        self._base, self._cap = base, cap
        self._failures: dict[K, int] = {}

    def next(self, item: K) -> float:
        """Count one more failure; how long to wait after it."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        return exponential(failures, self._base, self._cap)

    def failures(self, item: K) -> int:
        return self._failures.get(item, 0)

    def forget(self, item: K) -> None:
        self._failures.pop(item, None)


class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up (golang.org/x/time/rate, flowcontrol.RateLimiter)."""

    def __init__(self, env: Env, rate: float, burst: int) -> None:
        self._env, self._rate, self._burst = env, rate, burst
        self._tokens = float(burst)
        self._at = env.monotonic()

    def try_take(self) -> bool:
        """Take a token if there is one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def reserve(self) -> float:
        """Take a token, on credit if need be; how long to wait until it is due."""
        self._refill()
        self._tokens -= 1
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate

    def set_rate(self, rate: float) -> None:
        """From now on so many tokens a second; 0 stops the supply."""
        self._refill()
        self._rate = rate

    def _refill(self) -> None:
        now = self._env.monotonic()
        self._tokens = min(float(self._burst), self._tokens + (now - self._at) * self._rate)
        self._at = now


class ReconnectBackoff:
    """Pauses between attempts to reach a server: 0.8 s doubling to 30 s, up to as much again by chance.

    Starts over when the last attempt is two minutes past (client-go tools/cache/reflector.go).
    """

    def __init__(self, env: Env, base: float = 0.8, cap: float = 30.0, reset_after: float = 120.0) -> None:
        self._env, self._base, self._cap, self._reset_after = env, base, cap, reset_after
        self._failures = 0
        self._at = env.monotonic()

    def next(self) -> float:
        now = self._env.monotonic()
        if now - self._at > self._reset_after:
            self._failures = 0
        self._at = now
        pause = exponential(self._failures, self._base, self._cap)
        self._failures += 1
        return pause * (1.0 + self._env.random.random())
