"""Numbers or percentages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import intstr


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [(3, 10, 3, 3), ("25%", 10, 3, 2), ("25%", 4, 1, 1), ("0%", 10, 0, 0), ("100%", 7, 7, 7), ("1%", 1, 1, 0)],
)
def test_percentages_are_scaled_and_rounded(value, total, up, down):
    assert intstr.scaled(value, total, True) == up
    assert intstr.scaled(value, total, False) == down


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("5", "invalid value for IntOrString: invalid type: string is not a percentage"),
        (
            "x%",
            'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax',
        ),
    ],
)
def test_other_texts_are_refused(value, error):
    with pytest.raises(ValueError) as caught:
        intstr.scaled(value, 1, True)
    assert str(caught.value) == error


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_rounding_up_and_down_differ_by_at_most_one(percent, total):
    up, down = intstr.scaled(f"{percent}%", total, True), intstr.scaled(f"{percent}%", total, False)
    assert 0 <= up - down <= 1
    assert down * 100 <= percent * total <= up * 100
