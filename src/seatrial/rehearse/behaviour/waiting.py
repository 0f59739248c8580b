"""Init containers that wait for a Service: which one, as far as their command tells. Pure.

A command that asks in a loop, or a tool that is made for it, waits until somebody answers. A loop that only looks the
name up does not wait for a Service that has an address: that it has with or without Pods.
"""

import re
from collections.abc import Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects

_LOOPS = re.compile(r"\b(until|while|wait[-_]?for([-_]?it)?(\.sh)?|wait4x|dockerize|k8s-wait-for)\b")
_LOOK_UPS = re.compile(r"\b(nslookup|getent|dig|host)\b")


def awaited(container: JSON, services: Sequence[JSON]) -> str:
    """The name of the Service of its namespace that an init container waits for, or ""."""
    command = " ".join(str(word) for field in ("command", "args") for word in container.get(field) or ())
    if not _LOOPS.search(f"{container.get('image', '')} {command}"):
        return ""
    for service in sorted(services, key=lambda each: -len(objects.name(each))):
        if _names(command, objects.name(service)):
            looked_up_only = _LOOK_UPS.search(command) and objects.get(service, "spec", "clusterIP") != "None"
            return "" if looked_up_only else objects.name(service)
    return ""


def _names(command: str, service: str) -> bool:
    """As a host: `shop`, `shop.default.svc`, `http://shop:8080/`, `service shop`; no part of another word."""
    return re.search(rf"(?<![\w.-]){re.escape(service)}(?![\w-])", command) is not None
