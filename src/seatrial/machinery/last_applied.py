"""The annotation in which `kubectl apply` keeps the configuration that was applied last."""

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import objects

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


def of(obj: JSON) -> JSON:
    """The configuration; {} where there is none, or none that can be read."""
    try:
        value = orjson.loads(objects.annotations(obj).get(ANNOTATION) or "{}")
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
