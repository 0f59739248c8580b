"""What a filter and a scorer are: the shapes that kube-scheduler's plugins have here.

A filter looks at the Pod first and returns the check to run on each node, or None when the Pod asks nothing of it. A
check returns why the node is out, or None. Filters may look at everything in the snapshot, `snapshot.others` (objects
of other kinds) included, and change nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from seatrial.scheduler.snapshot import NodeInfo, PodInfo, Snapshot


class Rejection(NamedTuple):
    """Why a node is out. `final`: removing Pods from the node would not help (UnschedulableAndUnresolvable).

    `whole`: no node would do (a plugin's PreFilter), so that nodes are not counted.
    """

    filter: str
    reasons: tuple[str, ...]
    final: bool
    whole: bool = False


Check = Callable[[NodeInfo], Rejection | None]
Filter = Callable[[PodInfo, Snapshot], Check | None]
Scorer = Callable[[PodInfo, Sequence[NodeInfo], Snapshot], list[int] | None]
"""Gives every node 0 to 100; None: it makes no difference for this Pod."""
