"""What the traffic during a roll says: whether too many requests fail. Pure.

before   nothing is changed unless enough requests have come back, few enough of them failed
during   the share of the last ten seconds counts, when there are enough requests in them; so does the whole's
"""

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 10.0
ENOUGH = 20
"""Requests below which a share says nothing."""


@dataclass
class Traffic:
    """Counts of requests over time. `threshold`: the largest share (0 to 1) that may fail."""

    threshold: float
    requests: int = 0
    failed: int = 0
    _samples: deque[tuple[float, int, int]] = field(default_factory=lambda: deque([(0.0, 0, 0)]))

    def sample(self, elapsed: float, requests: int, failed: int) -> None:
        """Totals, so many seconds after the start."""
        self.requests, self.failed = requests, failed
        self._samples.append((elapsed, requests, failed))
        while len(self._samples) > 1 and self._samples[1][0] <= elapsed - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def enough(self) -> bool:
        """Whether there have been enough requests to judge by."""
        return self.requests >= ENOUGH

    def problem(self) -> str:
        """What is wrong, "" if nothing is."""
        _, requests, failed = self._samples[0]
        recent = self.requests - requests, self.failed - failed
        for (count, lost), when in (
            (recent, "of the last requests"),
            ((self.requests, self.failed), "of all requests"),
        ):
            if count >= ENOUGH and lost > self.threshold * count:
                return f"{lost} {when} ({count}) failed: {lost / count:.1%}, and {self.threshold:.1%} may"
        return ""
