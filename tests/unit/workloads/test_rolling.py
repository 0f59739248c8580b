"""Arithmetic of rolls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.workloads import rolling
from seatrial.workloads.rolling import Limits, Scaling, Size


@pytest.mark.parametrize(
    ("surge", "unavailable", "desired", "expected"),
    [
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 10, (3, 2)),
        ("25%", "25%", 1, (1, 0)),
        (0, "25%", 3, (0, 1)),
        (0, 0, 3, (0, 1)),
        ("0%", "10%", 5, (0, 1)),
        (2, 5, 3, (2, 5)),
        (None, None, 3, (0, 1)),
        ("100%", 0, 7, (7, 0)),
    ],
)
def test_surge_is_rounded_up_and_unavailability_down(
    surge: int | str | None, unavailable: int | str | None, desired: int, expected: tuple[int, int]
) -> None:
    assert rolling.resolve_fenceposts(surge, unavailable, desired) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"replicas": 3, "strategy": {"type": "Recreate"}}, Limits(3, 0, 0)),
        (
            {"replicas": 2, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 5}}},
            Limits(2, 0, 2),
        ),
        (
            {"replicas": 0, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 5}}},
            Limits(0, 0, 0),
        ),
    ],
    ids=["recreate promises nothing", "no more than all", "none of none"],
)
def test_limits(spec: dict[str, object], expected: Limits) -> None:
    assert rolling.limits(spec) == expected


@pytest.mark.parametrize(
    ("total", "current", "expected"),
    [(10, 0, 3), (13, 3, 3), (14, 3, 3), (8, 8, 10), (11, 3, 5), (12, 12, 10)],
    ids=["surge", "full", "too full", "the rest", "room for two", "too many"],
)
def test_the_new_replica_set_grows_as_far_as_surge_allows(total: int, current: int, expected: int) -> None:
    assert rolling.reconcile_new(Limits(10, 3, 2), total, current) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([Size("a", 10, 10)], Size("n", 3, 0), [Scaling("a", 10, 8)]),
        ([Size("a", 8, 8)], Size("n", 5, 0), []),
        ([Size("a", 8, 8)], Size("n", 5, 3), [Scaling("a", 8, 5)]),
        ([Size("a", 2, 0), Size("b", 8, 8)], Size("n", 3, 0), [Scaling("a", 2, 0)]),
        (
            [Size("a", 3, 1), Size("b", 7, 7)],
            Size("n", 3, 3),
            [Scaling("a", 3, 1), Scaling("a", 1, 0), Scaling("b", 7, 5)],
        ),
        ([], Size("n", 3, 0), []),
        ([Size("a", 3, 5)], Size("n", 10, 10), []),
        ([Size("a", 0, 4), Size("b", 2, 2)], Size("n", 10, 9), [Scaling("b", 2, 0)]),
    ],
    ids=[
        "by what may be unavailable",
        "nothing while the new are not available",
        "as many as became available",
        "the unhealthy first",
        "then by budget",
        "nothing is old",
        "a status of an earlier time",
        "empty ones do not count",
    ],
)
def test_old_replica_sets_shrink_within_what_is_promised(old: list[Size], new: Size, expected: list[Scaling]) -> None:
    assert rolling.reconcile_old(Limits(10, 3, 2), old, new) == expected


def test_proportional_scaling_of_the_worked_example() -> None:
    sizes = [Size("old", 8, 8, "1", 13), Size("new", 5, 5, "2", 13)]
    assert rolling.proportional(Limits(15, 3, 2), sizes, 13) == [Scaling("old", 8, 11), Scaling("new", 5, 7)]


@pytest.mark.parametrize(
    ("newer_first", "expected"), [(True, ["d", "c", "b", "a"]), (False, ["d", "a", "b", "c"])], ids=["up", "down"]
)
def test_equal_sizes_are_ordered_by_age(newer_first: bool, expected: list[str]) -> None:
    sizes = [Size("a", 2, 0, "1"), Size("b", 2, 0, "2"), Size("c", 2, 0, "3"), Size("d", 5, 0, "0")]
    assert [size.name for size in rolling.by_size(sizes, newer_first=newer_first)] == expected


@pytest.mark.parametrize(("value", "expected"), [(0.5, 1), (1.5, 2), (-0.5, -1), (2.4, 2), (-2.6, -3)])
def test_halves_are_rounded_away_from_zero(value: float, expected: int) -> None:
    assert rolling.round_half_away(value) == expected


@given(st.integers(0, 30), st.integers(0, 10), st.lists(st.integers(1, 20), min_size=2, max_size=5))
def test_proportional_scaling_never_exceeds_the_whole(desired: int, surge: int, sizes: list[int]) -> None:
    limits = Limits(desired, surge, 0)
    active = [Size(f"rs{number}", size, 0, str(number), sum(sizes)) for number, size in enumerate(sizes)]
    steps = rolling.proportional(limits, active, sum(sizes))
    assert all(step.after >= 0 for step in steps)
    assert sum(step.after for step in steps) == (limits.max_total if desired else 0)


@given(st.data())
def test_what_is_taken_from_the_old_leaves_enough_available(data: st.DataObject) -> None:
    desired = data.draw(st.integers(0, 20))
    limits = Limits(desired, data.draw(st.integers(0, 5)), data.draw(st.integers(0, desired)))
    old = []
    for number in range(data.draw(st.integers(0, 3))):
        size = data.draw(st.integers(0, 10))
        old.append(Size(f"rs{number}", size, data.draw(st.integers(0, size))))
    size = data.draw(st.integers(0, desired))
    new = Size("new", size, data.draw(st.integers(0, size)))
    left = {each.name: each.desired for each in old}
    available = sum(each.available for each in old) + new.available
    for step in rolling.reconcile_old(limits, old, new):
        assert left[step.name] == step.before > step.after >= 0
        left[step.name] = step.after
    still = new.available + sum(min(each.available, left[each.name]) for each in old)
    assert still >= min(available, limits.min_available)
