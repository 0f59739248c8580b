"""Durations as people write and read them."""

from seatrial.machinery import go_duration


def parse(text: str) -> float:
    """Seconds of a plain number of them, or of a duration as Go writes it: `30`, `1m30s`. Raises ValueError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = go_duration.parse(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"invalid duration {text!r}")
    return seconds


def told(seconds: float) -> str:
    """`0.4s`, `35s`, `2m10s`, `1h5m`."""
    if 0.05 <= seconds < 1:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (0 if hours else left, "s")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def exact(seconds: float) -> str:
    """To the millisecond, to be compared: `6.4s`, `1m2.831s`, `1h5m`."""
    minutes, rest = divmod(round(seconds, 3), 60)
    left = f"{rest:.3f}".rstrip("0").rstrip(".")
    return (told(minutes * 60) if minutes else "") + (f"{left}s" if float(left) or not minutes else "")
