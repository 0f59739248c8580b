"""What many trials make of a verdict."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rehearse import spread
from seatrial.rehearse.result import Result
from seatrial.rehearse.spread import Trial

SECONDS = st.floats(0.1, 1e5)


def result(verdict: str = "completes", reason: str = "") -> Result:
    return Result(verdict, reason, 10.0, 3, 5, desired=4, updated_available=1)  # type: ignore[arg-type]


@given(st.lists(SECONDS, min_size=1, max_size=60))
def test_percentiles_are_times_that_so_many_trials_kept(took: list[float]) -> None:
    found = spread.over(result(), [Trial(seed, True, seconds, 3) for seed, seconds in enumerate(took)])
    assert found.spread is not None
    for percent, seconds in ((50, found.spread.p50_seconds), (95, found.spread.p95_seconds)):
        assert seconds in took
        assert 100 * sum(each <= seconds for each in took) >= percent * len(took)
        assert 100 * sum(each < seconds for each in took) < percent * len(took)
    assert found.spread.worst_seconds == max(took)


def test_the_fewest_available_of_all_trials_count() -> None:
    found = spread.over(result(), [Trial(1, True, 9.0, 3), Trial(2, True, 11.0, 2)])
    assert found.min_available == 2
    assert found.headline == "COMPLETES in 9s (p95 11s), at least 2 of 4 Pods available"


def test_a_trial_that_hangs_is_the_verdict() -> None:
    trials = [Trial(1, True, 9.0, 3), Trial(2, False, 500.0, 1)]
    found = spread.over(result("hangs", "a Pod crashes"), trials, seed=2)
    assert found.headline == "HANGS in 1 of 2 trials, such as seed 2: a Pod crashes; else it completes in 9s"
    assert found.reason == "in 1 of 2 trials, such as seed 2: a Pod crashes"


def test_where_every_trial_hangs_there_is_no_time() -> None:
    found = spread.over(result("hangs", "a Pod crashes"), [Trial(1, False, 500.0, 1)])
    assert found.spread is not None
    assert (found.spread.completed, found.spread.p95_seconds) == (0, 0.0)
