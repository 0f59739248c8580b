"""When a request is sent again, and after how long. Pure.

    outcome                                    sent again
    no connection could be made                any method: nothing was sent
    connection lost while waiting              GET only: the server may have acted on anything else
    429, or 5xx, with Retry-After              any method, after that many seconds: the server says it did nothing
    429, 500, 502, 503, 504 without            GET only
    anything else                              never

With Retry-After at most ten times, as client-go does (rest/with_retry.go); else five times, after 0.1 s, doubling up to
2 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["not connected", "connection lost"] | int
"""What came of an attempt: no answer, or an answer with this code."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """See the module. `connect_attempts` bounds those without Retry-After; 1 means no second try."""

    attempts: int = 10
    connect_attempts: int = 5
    first_pause: float = 0.1
    longest_pause: float = 2.0

    def pause(self, method: str, attempt: int, outcome: Outcome, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait after attempt number `attempt` (the first is 1); None: don't send it again."""
        if isinstance(outcome, int):
            seconds = headers.get("retry-after", "")
            if seconds.isdigit() and (outcome == 429 or 500 <= outcome <= 599):
                return float(seconds) if attempt <= self.attempts else None
            if outcome not in PASSING or outcome == 410:
                return None
        if attempt >= self.connect_attempts or (outcome != "not connected" and method != "GET"):
            return None
        return min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))


PASSING = frozenset({410, 429, 500, 502, 503, 504})
"""Codes of answers that pass: who waits for something asks again."""

NEVER = RetryPolicy(attempts=0, connect_attempts=1)
"""For callers that do their own waiting."""
