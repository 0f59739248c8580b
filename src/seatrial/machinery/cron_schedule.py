"""Schedules of CronJobs: five fields, names, ranges, steps, @hourly and the like, @every; and when they are due next.

Follows github.com/robfig/cron/v3 (ParseStandard, SpecSchedule.Next), error texts too. Times are seconds since 1970.
A schedule follows the wall clock of its zone: a time that is skipped when clocks go forward is not due that day, one
that comes twice when they go back is due twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from seatrial.machinery.validation import go_quote

_YEARS_AHEAD = 5
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DESCRIPTORS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS: Mapping[str, float] = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


class _Bounds(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int] = {}


_MINUTE, _HOUR, _DAY_OF_MONTH = _Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31)
_MONTH = _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_DAY_OF_WEEK = _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)})
_FIELDS = (_MINUTE, _HOUR, _DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK)


class _Field(NamedTuple):
    values: frozenset[int]
    star: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """Either the five fields, or `every` so many seconds."""

    fields: tuple[_Field, ...] = ()
    every: int = 0
    zone: tzinfo = UTC

    def next(self, after: float) -> float | None:
        """The first time that is later; None when there is none within five years."""
        if self.every:
            return float(int(after) + self.every)
        return _next(self, int(after) + 1)


class ScheduleError(ValueError):
    """The text is no schedule; the message is robfig/cron's."""


def zone(name: str | None) -> tzinfo:
    """The zone of this name, UTC for none. Raises ScheduleError (as Go's time.LoadLocation) for an unknown one."""
    if not name or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ScheduleError(f"unknown time zone {name}") from None


@lru_cache(maxsize=256)
def parse(text: str, time_zone: str | None = None) -> Schedule:
    """Raises ScheduleError. A zone in the text itself (`TZ=…`, `CRON_TZ=…`) goes first."""
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        prefix, _, rest = text.partition(" ")
        name = prefix.partition("=")[2]
        try:
            zone(name)
        except ScheduleError as error:
            raise ScheduleError(f"provided bad location {name}: {error}") from None
        text, time_zone = rest.strip(), name
    where = zone(time_zone)
    if text.startswith("@"):
        return _descriptor(text, where)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        listed = " ".join(parts)
        raise ScheduleError(f"expected exactly 5 fields, found {len(parts)}: [{listed}]")
    return Schedule(tuple(_field(part, bounds) for part, bounds in zip(parts, _FIELDS, strict=True)), zone=where)


def _descriptor(text: str, where: tzinfo) -> Schedule:
    known = _DESCRIPTORS.get(text)
    if known is not None:
        fields = zip(known.split(), _FIELDS, strict=True)
        return Schedule(tuple(_field(part, bounds) for part, bounds in fields), zone=where)
    if text.startswith("@every "):
        return Schedule(every=max(1, int(_duration(text))), zone=where)
    raise ScheduleError(f"unrecognized descriptor: {text}")


def _duration(text: str) -> float:
    """Go's time.ParseDuration of what follows `@every `."""
    duration = text.removeprefix("@every ")
    bare = duration.removeprefix("-").removeprefix("+")
    pieces = _DURATION.findall(bare)
    if bare != "0" and (not pieces or "".join(number + unit for number, unit in pieces) != bare):
        why = f"time: invalid duration {go_quote(duration)}"
        raise ScheduleError(f"failed to parse duration {text}: {why}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in pieces)
    return -seconds if duration.startswith("-") else seconds


def _field(text: str, bounds: _Bounds) -> _Field:
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        some, open_ended = _range(part, bounds)
        values.update(some)
        star = star or open_ended
    return _Field(frozenset(values), star)


def _range(text: str, bounds: _Bounds) -> tuple[range, bool]:
    """`number | number "-" number [ "/" number ]`; `*` and `?` stand for all."""
    span, *steps = text.split("/")
    first, *rest = span.split("-")
    star = first in ("*", "?")
    if star:
        start, end = bounds.low, bounds.high
    else:
        start = _number_or_name(first, bounds)
        if len(rest) > 1:
            raise ScheduleError(f"too many hyphens: {text}")
        end = _number_or_name(rest[0], bounds) if rest else start
    step = 1
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {text}")
    if steps:
        step = _number(steps[0])
        if not rest and not star:
            end = bounds.high
        star = star and step <= 1
    _check_range(text, start, end, step, bounds)
    return range(start, end + 1, step), star


def _check_range(text: str, start: int, end: int, step: int, bounds: _Bounds) -> None:
    if start < bounds.low:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise ScheduleError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")


def _number_or_name(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _number(text) if named is None else named


def _number(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        why = f"strconv.Atoi: parsing {go_quote(text)}: invalid syntax"
        raise ScheduleError(f"failed to parse int from {text}: {why}")
    number = int(text)
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number


def _next(schedule: Schedule, moment: int) -> float | None:
    """From the coarse to the fine: skip months, days, hours and minutes that don't match."""
    minutes, hours, _, months, _ = (field.values for field in schedule.fields)
    moment += -moment % 60
    last_year = _local(schedule, moment).year + _YEARS_AHEAD
    while True:
        local = _local(schedule, moment)
        if local.year > last_year:
            return None
        if local.month not in months:
            moment = _midnight(schedule, (local.replace(day=1) + timedelta(days=32)).replace(day=1))
        elif not _day_matches(schedule, local):
            moment = _midnight(schedule, local + timedelta(days=1))
        elif local.hour not in hours:
            moment += 3600 - local.minute * 60
        elif local.minute not in minutes:
            moment += 60
        else:
            return float(moment)


def _local(schedule: Schedule, moment: int) -> datetime:
    return datetime.fromtimestamp(moment, schedule.zone)


def _midnight(schedule: Schedule, day: datetime) -> int:
    """When the day begins, which may be later than 0:00 where clocks go forward at midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=schedule.zone).timestamp())


def _day_matches(schedule: Schedule, local: datetime) -> bool:
    """Where both kinds of days are restricted, either will do."""
    of_month, of_week = schedule.fields[2], schedule.fields[4]
    by_month, by_week = local.day in of_month.values, local.isoweekday() % 7 in of_week.values
    return (by_month and by_week) if of_month.star or of_week.star else (by_month or by_week)
