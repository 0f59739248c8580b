"""Durations as people read them."""


def told(seconds: float) -> str:
    """`0.4s`, `35s`, `2m10s`, `1h5m`."""
    if 0 < seconds < 1:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (0 if hours else left, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
