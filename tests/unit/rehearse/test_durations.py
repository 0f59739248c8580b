"""Durations as people write and read them."""

import pytest

from seatrial.rehearse import durations


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.42, "0.4s"), (35, "35s"), (130.2, "2m10s"), (3900, "1h5m"), (60, "1m")]
)
def test_durations_are_read_by_people(seconds: float, text: str) -> None:
    assert durations.told(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (6.4, "6.4s"), (60, "1m"), (62.831, "1m2.831s"), (3900, "1h5m"), (59.9999, "1m")]
)
def test_durations_that_are_compared_lose_nothing(seconds: float, text: str) -> None:
    assert durations.exact(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.0), ("0.5", 0.5), ("1m30s", 90.0), ("500ms", 0.5), ("2h", 7200.0), ("0", 0.0)]
)
def test_a_bare_number_is_seconds(text: str, seconds: float) -> None:
    assert durations.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "-5", "nan", "inf", "5 m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        durations.parse(text)
