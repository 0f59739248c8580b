"""Times on the wire: Go's time.Parse with RFC 3339, its errors, and the form Kubernetes writes back.

meta/v1 Time is written in UTC with whole seconds, MicroTime in UTC with exactly six decimals. Follows
k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go and Go's time/format.go.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

LAYOUT = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"

_CANONICAL = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d{6}))?Z"
)
_PARTS: tuple[tuple[str, str, str], ...] = (
    ("2006", r"\d{4}", ""),
    ("-", "-", ""),
    ("01", r"\d\d", "month"),
    ("-", "-", ""),
    ("02", r"\d\d", "day"),
    ("T", "T", ""),
    ("15", r"\d\d?", "hour"),
    (":", ":", ""),
    ("04", r"\d\d", "minute"),
    (":", ":", ""),
    ("05", r"\d\d", "second"),
)
_LIMITS = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
_ZONE = re.compile(r"Z|([+-])(\d\d):(\d\d)")


def is_canonical(text: str) -> bool:
    """Whether a Time would be written back just so; False also for the last days of a month (they need a look)."""
    match = _CANONICAL.fullmatch(text)
    return match is not None and match[1] is None


def is_canonical_micro(text: str) -> bool:
    """Whether a MicroTime would be written back just so."""
    match = _CANONICAL.fullmatch(text)
    return match is not None and match[1] is not None


def canonical(text: str, *, micro: bool = False) -> str:
    """The text as Kubernetes writes it back; raises ValueError with Go's message."""
    moment = parse(text, micro=micro)
    pattern = "%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ"
    written = moment.strftime(pattern)
    return written.rjust(27 if micro else 20, "0")


def parse(text: str, *, micro: bool = False) -> datetime:
    """time.Parse; raises ValueError with Go's message."""
    layout, rest = MICRO_LAYOUT if micro else LAYOUT, text
    values: list[int] = []
    for name, pattern, limit in _PARTS:
        match = re.match(pattern, rest)
        if match is None:
            raise _cannot(text, layout, rest, name)
        rest = rest[match.end() :]
        if match[0].isdigit():
            values.append(int(match[0]))
            if limit in _LIMITS and not _LIMITS[limit][0] <= values[-1] <= _LIMITS[limit][1]:
                raise ValueError(f'parsing time "{text}": {limit} out of range')
    fraction, rest = _fraction(text, layout, rest, micro)
    zone, rest = _offset(text, layout, rest)
    if rest:
        raise ValueError(f'parsing time "{text}": extra text: "{rest}"')
    try:
        moment = datetime(*values, fraction, tzinfo=timezone(zone))  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise ValueError(f'parsing time "{text}": day out of range') from error
    return moment.astimezone(UTC)


def _fraction(text: str, layout: str, rest: str, micro: bool) -> tuple[int, str]:
    match = re.match(r"[.,](\d+)", rest)
    if micro and (match is None or len(match[1]) != 6):
        raise _cannot(text, layout, rest, ".000000")
    if match is None:
        return 0, rest
    return int(match[1][:6].ljust(6, "0")), rest[match.end() :]


def _offset(text: str, layout: str, rest: str) -> tuple[timedelta, str]:
    match = _ZONE.match(rest)
    if match is None:
        raise _cannot(text, layout, rest, "Z07:00")
    if match[0] == "Z":
        return timedelta(0), rest[1:]
    hours, minutes = int(match[2]), int(match[3])
    if hours > 23 or minutes > 59:
        raise ValueError(f'parsing time "{text}": time zone offset {"hour" if hours > 23 else "minute"} out of range')
    offset = timedelta(hours=hours, minutes=minutes)
    return (offset if match[1] == "+" else -offset), rest[match.end() :]


def _cannot(text: str, layout: str, rest: str, part: str) -> ValueError:
    return ValueError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{part}"')
