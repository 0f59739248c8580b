"""Durations in Go's syntax."""

import pytest

from seatrial.machinery import go_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m0s", 60), ("1h15m30.5s", 4530.5), ("300ms", 0.3), ("-1.5h", -5400), ("0", 0), ("2us", 2e-6)],
)
def test_durations(text: str, seconds: float) -> None:
    assert go_duration.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", 'time: missing unit in duration "10"'),
        ("", 'time: invalid duration ""'),
        ("5x", 'time: invalid duration "5x"'),
        ("s", 'time: invalid duration "s"'),
        ("1m30", 'time: missing unit in duration "1m30"'),
    ],
)
def test_what_is_no_duration(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        go_duration.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (12.4, "12s"), (90, "1m30s"), (3661, "1h1m1s"), (7200, "2h0m0s"), (-65, "-1m5s")]
)
def test_durations_are_printed_as_go_does(seconds: float, text: str) -> None:
    assert go_duration.rounded(seconds) == text
