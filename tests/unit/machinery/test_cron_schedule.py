"""Schedules: what is understood, what is refused and how, and when they are due."""

from datetime import UTC, datetime

import pytest

from seatrial.machinery import cron_schedule
from seatrial.machinery.cron_schedule import ScheduleError


def at(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def following(schedule: str, after: str, count: int = 1, zone: str | None = None) -> list[str]:
    moments, moment = [], at(after)
    parsed = cron_schedule.parse(schedule, zone)
    for _ in range(count):
        found = parsed.next(moment)
        assert found is not None
        moment = found
        moments.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return moments


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("* * * * *", "2025-01-01 10:31:00"),
        ("*/15 * * * *", "2025-01-01 10:45:00"),
        ("5/20 * * * *", "2025-01-01 10:45:00"),
        ("0 * * * *", "2025-01-01 11:00:00"),
        ("30 9-17/4 * * *", "2025-01-01 13:30:00"),
        ("0 0 1 * *", "2025-02-01 00:00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 12 * * mon-fri", "2025-01-01 12:00:00"),
        ("0 9 * * SUN", "2025-01-05 09:00:00"),
        ("0 0 * jan,mar *", "2025-01-02 00:00:00"),
        ("0 0 13 * fri", "2025-01-03 00:00:00"),
        ("? ? * * 3", "2025-01-01 10:31:00"),
        ("@hourly", "2025-01-01 11:00:00"),
        ("@daily", "2025-01-02 00:00:00"),
        ("@weekly", "2025-01-05 00:00:00"),
        ("@monthly", "2025-02-01 00:00:00"),
        ("@yearly", "2026-01-01 00:00:00"),
        ("@every 1h30m", "2025-01-01 12:00:30"),
        ("TZ=Asia/Tokyo 0 20 * * *", "2025-01-01 11:00:00"),
    ],
)
def test_a_schedule_is_due_next(schedule: str, due: str) -> None:
    assert following(schedule, "2025-01-01T10:30:30+00:00") == [due]


def test_a_time_that_has_come_is_not_due_again() -> None:
    assert following("30 10 * * *", "2025-01-01T10:30:00+00:00") == ["2025-01-02 10:30:00"]


def test_the_zone_decides_about_midnight() -> None:
    assert following("0 0 * * *", "2025-01-01T12:00:00+00:00", zone="Europe/Berlin") == ["2025-01-01 23:00:00"]


def test_an_hour_that_is_skipped_is_not_due() -> None:
    """Clocks go from 2 to 3 o'clock on 30 March."""
    due = following("30 2 * * *", "2025-03-28T12:00:00+00:00", 3, "Europe/Berlin")
    assert due == ["2025-03-29 01:30:00", "2025-03-31 00:30:00", "2025-04-01 00:30:00"]


def test_an_hour_that_comes_twice_is_due_twice() -> None:
    """Clocks go back from 3 to 2 o'clock on 26 October."""
    due = following("30 2 * * *", "2025-10-25T12:00:00+00:00", 3, "Europe/Berlin")
    assert due == ["2025-10-26 00:30:00", "2025-10-26 01:30:00", "2025-10-27 01:30:00"]


def test_a_day_that_never_comes_is_never_due() -> None:
    assert cron_schedule.parse("0 0 31 2 *").next(at("2025-01-01T00:00:00+00:00")) is None


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("@sometimes", "unrecognized descriptor: @sometimes"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Nowhere/Land * * * * *", "provided bad location Nowhere/Land: unknown time zone Nowhere/Land"),
    ],
)
def test_what_is_no_schedule_is_refused(schedule: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        cron_schedule.parse(schedule)
    assert str(caught.value) == message
