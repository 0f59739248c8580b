"""Times on the wire: RFC 3339 in UTC, to the second (meta/v1 Time) or the microsecond (meta/v1 MicroTime)."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:([Zz])|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


@lru_cache(maxsize=1024)
def _format_second(epoch_second: int) -> str:
    return (_EPOCH + timedelta(seconds=epoch_second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time(epoch_seconds: float) -> str:
    """`2026-01-02T03:04:05Z`, truncated to the second."""
    return _format_second(int(epoch_seconds // 1))


def format_micro_time(epoch_seconds: float) -> str:
    """`2026-01-02T03:04:05.000000Z`."""
    micros = round(epoch_seconds * 1_000_000)
    return f"{_format_second(micros // 1_000_000)[:-1]}.{micros % 1_000_000:06d}Z"


@lru_cache(maxsize=4096)
def parse_time(text: str) -> float:
    """Seconds since 1970. Raises ValueError unless `text` is RFC 3339 (any offset, any fraction)."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time in RFC 3339 form")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    seconds = (moment - _EPOCH).total_seconds() + float(match[7] or 0)
    if match[9]:
        offset = int(match[10]) * 3600 + int(match[11]) * 60
        seconds -= offset if match[9] == "+" else -offset
    return seconds
