"""Times on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.machinery import times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-01-02T03:04:05Z", 1767323045.0),
        ("2026-01-02T03:04:05.25Z", 1767323045.25),
        ("2026-01-02T05:04:05+02:00", 1767323045.0),
        ("2026-01-01T21:34:05-05:30", 1767323045.0),
    ],
)
def test_parse_reads_rfc_3339(text, seconds):
    assert times.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z"])
def test_parse_refuses_anything_else(text):
    with pytest.raises(ValueError):
        times.parse_time(text)


def test_formatting_truncates_to_the_second_or_keeps_microseconds():
    assert times.format_time(1767323045.999) == "2026-01-02T03:04:05Z"
    assert times.format_micro_time(1767323045.5) == "2026-01-02T03:04:05.500000Z"
    assert times.format_micro_time(1767323045) == "2026-01-02T03:04:05.000000Z"


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_whole_seconds_survive_the_round_trip(seconds):
    assert times.parse_time(times.format_time(seconds)) == seconds
