"""Ports that Pods take on their nodes (pkg/scheduler/framework/types.go, HostPortInfo)."""

from seatrial.base.types import JSON

HostPort = tuple[str, str, int]
"""(address, protocol, port)."""
ANY_ADDRESS = "0.0.0.0"


def of_pod(pod: JSON) -> tuple[HostPort, ...]:
    """Those of its containers."""
    return tuple(
        (port.get("hostIP") or ANY_ADDRESS, port.get("protocol") or "TCP", port["hostPort"])
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def clash(one: HostPort, other: HostPort) -> bool:
    """Whether only one of them can be had."""
    return one[1:] == other[1:] and (one[0] == other[0] or ANY_ADDRESS in (one[0], other[0]))
