"""JSON values as Go's fmt prints them with %v: `map[a:1 b:[x y]]`."""

from typing import Any


def value(item: Any) -> str:
    """The text of %v for a decoded JSON value."""
    if isinstance(item, dict):
        return "map[" + " ".join(f"{key}:{value(item[key])}" for key in sorted(item)) + "]"
    if isinstance(item, list):
        return "[" + " ".join(value(inner) for inner in item) + "]"
    if item is None:
        return "<nil>"
    if isinstance(item, bool):
        return "true" if item else "false"
    return str(item)
