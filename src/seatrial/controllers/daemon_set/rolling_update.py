"""A DaemonSet's rolling update: node by node, as fast as maxUnavailable or maxSurge allow.

Follows rollingUpdate and findUpdatedPodsOnNode of pkg/controller/daemon/update.go (1.32). Nodes are looked at in the
order of their names. A Pod that is going counts as unavailable until its successor is available, so that a node whose
old Pod is slow to end uses up the budget.

# differs: 1.32 does not count old Pods that are unavailable when it deletes available ones, and so can go beyond
# maxUnavailable; later releases count them, as here.

Before 1.21 old Pods that are going were also candidates to be deleted, and used up the budget a second time.
# differs: that 1.20 sent the deletion again (one more in the count of its event) and waited for its outcome.
"""

from collections.abc import Iterator
from typing import NamedTuple

from seatrial.base.types import JSON
from seatrial.controllers.daemon_set.sync import Sync
from seatrial.machinery import objects


class _Node(NamedTuple):
    name: str
    new: JSON | None
    old: JSON | None
    clear: bool
    """At most one of each; else placing has to clean up first."""


def roll(sync: Sync, *, ending_twice: bool) -> None:
    """`ending_twice`: count as releases before 1.21 did, which knew no maxSurge."""
    if ending_twice:
        _replace_before_1_21(sync)
    elif sync.max_surge == 0:
        _replace(sync)
    else:
        _surge(sync)


def _nodes(sync: Sync) -> Iterator[_Node]:
    """All nodes that have Pods or should have one."""
    wanting = {name for name, fit in sync.fits.items() if fit.should_run}
    for name in sorted(wanting | set(sync.by_node)):
        alive = [pod for pod in sync.by_node.get(name, ()) if not objects.is_terminating(pod)]
        new = [pod for pod in alive if sync.is_updated(pod)]
        old = [pod for pod in alive if not sync.is_updated(pod)]
        clear = len(new) <= 1 and len(old) <= 1
        yield _Node(name, new[0] if new and clear else None, old[0] if old and clear else None, clear)


def _replace(sync: Sync) -> None:
    """Delete old Pods; placing creates new ones when they are gone."""
    unavailable = 0
    overdue: list[JSON] = []
    candidates: list[JSON] = []
    for node in _nodes(sync):
        if not node.clear or (node.old is None) == (node.new is None):
            unavailable += 1
        elif node.new is not None:
            unavailable += not sync.is_available(node.new)
        elif node.old is not None and not sync.is_available(node.old):
            unavailable += 1
            overdue.append(node.old)
        elif node.old is not None:
            candidates.append(node.old)
    allowed = max(0, sync.max_unavailable - unavailable)
    sync.carry_out([], [*overdue, *candidates[:allowed]], f"{allowed} more may be unavailable")


def _replace_before_1_21(sync: Sync) -> None:
    unavailable = 0
    for name, fit in sync.fits.items():
        here = sync.by_node.get(name, ())
        serving = any(sync.is_available(pod) and not objects.is_terminating(pod) for pod in here)
        unavailable += fit.should_run and not serving
    old = [pod for name in sorted(sync.by_node) for pod in sync.by_node[name] if not sync.is_updated(pod)]
    candidates = [pod for pod in old if sync.is_available(pod)]
    allowed = max(0, sync.max_unavailable - unavailable)
    overdue = [pod for pod in old if not sync.is_available(pod)]
    doomed = [pod for pod in (*overdue, *candidates[:allowed]) if not objects.is_terminating(pod)]
    sync.carry_out([], doomed, f"{allowed} more may be unavailable")


def _surge(sync: Sync) -> None:
    """Create new Pods beside old ones; delete an old one when its successor is available."""
    surging = 0
    overdue: list[str] = []
    candidates: list[str] = []
    doomed: list[JSON] = []
    for node in _nodes(sync):
        if not node.clear:
            surging += 1
        elif node.old is None:
            continue
        elif node.new is None:
            (candidates if sync.is_available(node.old) else overdue).append(node.name)
        elif sync.is_available(node.new):
            doomed.append(node.old)
        else:
            surging += 1
    allowed = max(0, sync.max_surge - surging)
    sync.carry_out([*overdue, *candidates[:allowed]], doomed, f"surge: {allowed} more allowed")
