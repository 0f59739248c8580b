"""When a request is sent again, and after how long. Pure.

    outcome                                    sent again
    no connection could be made                any method: nothing was sent
    connection lost while waiting              GET only: the server may have acted on anything else
    429, or 5xx, with Retry-After              any method, after that many seconds: the server says it did nothing
    anything else                              never

At most ten times, as client-go does (rest/with_retry.go); lost connections wait 0.1 s, doubling up to 2 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["not connected", "connection lost"] | int
"""What came of an attempt: no answer, or an answer with this code."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """See the module. `connect_attempts` bounds attempts without an answer; 1 means no second try."""

    attempts: int = 10
    connect_attempts: int = 5
    first_pause: float = 0.1
    longest_pause: float = 2.0

    def pause(self, method: str, attempt: int, outcome: Outcome, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait after attempt number `attempt` (the first is 1); None: don't send it again."""
        if isinstance(outcome, int):
            return self._after_answer(attempt, outcome, headers)
        if attempt >= self.connect_attempts or (outcome == "connection lost" and method != "GET"):
            return None
        return min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))

    def _after_answer(self, attempt: int, code: int, headers: Mapping[str, str]) -> float | None:
        seconds = headers.get("retry-after", "")
        if attempt > self.attempts or not seconds.isdigit() or not (code == 429 or 500 <= code <= 599):
            return None
        return float(seconds)


PASSING = frozenset({410, 429, 500, 502, 503, 504})
"""Codes of answers that pass: who waits for something asks again."""

NEVER = RetryPolicy(attempts=0, connect_attempts=1)
"""For callers that do their own waiting."""
