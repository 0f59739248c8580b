import random

import pytest

from seatrial.rollout.latencies import Latencies


def recorded(values: list[float]) -> Latencies:
    latencies = Latencies()
    for value in values:
        latencies.record(value)
    return latencies


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_a_percentile_is_at_most_three_and_a_bit_percent_too_high(share: float) -> None:
    values = sorted(random.Random(3).expovariate(100) + 0.0001 for _ in range(5000))
    exact = values[min(int(share * len(values)), len(values) - 1)]
    found = recorded(values).percentile(share)
    assert exact * 0.99 <= found <= exact * 1.04


def test_no_durations_have_percentiles_of_zero() -> None:
    assert Latencies().summary() == {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}


def test_merged_counts_are_the_counts_of_both() -> None:
    one, other = recorded([0.001] * 10), recorded([0.1] * 90)
    one.merge(other)
    assert one.count == 100
    assert one.longest == 0.1
    assert one.percentile(0.05) < 0.0011
    assert one.percentile(0.5) == pytest.approx(0.1)
