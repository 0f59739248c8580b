"""Durations as Go writes them: `1m30s`, `300ms`, `-1.5h` (time.ParseDuration)."""

import re

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse(text: str) -> float:
    """Seconds. Raises ValueError with Go's message."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text.startswith("-") else 1.0
    if rest == "0":
        return 0.0
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        missing = re.fullmatch(rf"({_PART.pattern})*(\d+\.?\d*|\.\d+)", rest, re.ASCII)
        raise ValueError(f'time: {"missing unit in" if missing else "invalid"} duration "{text}"')
    return sign * sum(float(part[1]) * _SECONDS[part[2]] for part in parts)


def rounded(seconds: float) -> str:
    """To the second, as Go's Duration prints it: `0s`, `1m30s`, `2h0m0s`."""
    whole = round(abs(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    text = f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
    return f"-{text}" if seconds < 0 and whole else text
