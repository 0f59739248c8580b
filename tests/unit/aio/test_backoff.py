"""Back-off and rate limits by the numbers of client-go."""

import asyncio

import pytest

from seatrial.aio import backoff, clock, virtual_loop
from seatrial.aio.sync import Pulse


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.005), (1, 0.01), (4, 0.08), (17, 655.36), (18, 1000.0), (10_000, 1000.0)]
)
def test_failures_double_the_wait_up_to_a_thousand_seconds(failures: int, seconds: float) -> None:
    assert backoff.exponential(failures) == pytest.approx(seconds)


def test_an_item_that_is_forgotten_starts_over() -> None:
    items: backoff.ItemBackoff[str] = backoff.ItemBackoff()
    assert [items.next("a"), items.next("a"), items.next("b")] == [0.005, 0.01, 0.005]
    items.forget("a")
    assert items.failures("a") == 0
    assert items.next("a") == 0.005


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    async def main() -> list[bool]:
        bucket = backoff.TokenBucket(clock.simulated_env(), rate=0.5, burst=2)
        taken = [bucket.try_take() for _ in range(3)]
        await asyncio.sleep(2)
        return [*taken, bucket.try_take(), bucket.try_take()]

    assert virtual_loop.run(main()) == [True, True, False, True, False]


def test_reserved_tokens_fall_due_one_after_the_other() -> None:
    async def main() -> list[float]:
        bucket = backoff.TokenBucket(clock.simulated_env(), rate=10, burst=1)
        return [bucket.reserve() for _ in range(3)]

    assert virtual_loop.run(main()) == [0.0, 0.1, 0.2]


def test_a_pulse_wakes_those_who_wait_for_a_condition() -> None:
    async def main() -> float:
        pulse, seen = Pulse(), []
        loop = asyncio.get_running_loop()
        for at in (1, 2, 3):
            loop.call_later(at, lambda: (seen.append(1), pulse.beat()))
        await pulse.until(lambda: len(seen) == 2)
        return loop.time()

    assert virtual_loop.run(main()) == 2.0
