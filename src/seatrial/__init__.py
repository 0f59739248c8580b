"""Seatrial: run a Kubernetes cluster in one process, and roll a Service while it serves.

`seatrial.Cluster` is a cluster for `async with`, `seatrial.RunningCluster` the same for code that is not asynchronous.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.cluster.background import RunningCluster
    from seatrial.cluster.cluster import Cluster

from seatrial.base.errors import SeatrialError

__all__ = ["Cluster", "RunningCluster", "SeatrialError"]


def __getattr__(name: str) -> Any:
    if name == "Cluster":
        from seatrial.cluster.cluster import Cluster

        return Cluster
    if name == "RunningCluster":
        from seatrial.cluster.background import RunningCluster

        return RunningCluster
    raise AttributeError(f"module 'seatrial' has no attribute {name!r}")
