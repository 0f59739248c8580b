"""JSON values as Go's fmt prints them with %v: `map[a:1 b:[x y]]`."""

from collections.abc import Mapping
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


def label_selector(selector: Mapping[str, Any] | None) -> str:
    """The text of a metav1.LabelSelector (its String method): `&LabelSelector{MatchLabels:…,MatchExpressions:…,}`."""
    if selector is None:
        return "nil"
    labels = selector.get("matchLabels") or {}
    pairs = "".join(f"{name}: {labels[name]}," for name in sorted(labels))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},"
        f"Values:{value(list(each.get('values') or []))},}},"
        for each in selector.get("matchExpressions") or ()
    )
    matching = f"MatchLabels:map[string]string{{{pairs}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},"
    return f"&LabelSelector{{{matching}}}"
