"""Durations counted in buckets that are 3 % wide, so that percentiles cost no memory (after HdrHistogram)."""

from collections.abc import Mapping


class Latencies:
    """Counts durations from a microsecond on; percentiles are at most 3 % too high."""

    __slots__ = ("_buckets", "count", "longest")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.longest = 0.0

    def record(self, seconds: float) -> None:
        micros = int(seconds * 1_000_000)
        shift = max(micros.bit_length() - 6, 0)
        bucket = (shift << 5) + (micros >> shift)
        buckets = self._buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1
        self.count += 1
        if seconds > self.longest:
            self.longest = seconds

    def merge(self, other: "Latencies") -> None:
        """Count all of the other's durations as well."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self.count += other.count
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> float:
        """The duration, in seconds, that this share (0 to 1) of all stayed within; 0 when there are none."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_upper_end(bucket), self.longest)
        return 0.0

    def summary(self) -> Mapping[str, float]:
        """The figures that reports show, in seconds."""
        return {
            "p50": self.percentile(0.50),
            "p90": self.percentile(0.90),
            "p99": self.percentile(0.99),
            "max": self.longest,
        }


def _upper_end(bucket: int) -> float:
    shift = max((bucket >> 5) - 1, 0)
    return (((bucket - (shift << 5)) + 1) << shift) / 1_000_000
