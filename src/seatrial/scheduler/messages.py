"""What is said about a Pod that fits nowhere, word for word as kube-scheduler 1.32.

Follows pkg/scheduler/framework/types.go (FitError) and framework/preemption/preemption.go.
"""

from collections.abc import Iterable

NO_NODES = "no nodes available to schedule pods"
NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NEVER = "not eligible due to preemptionPolicy=Never."
VICTIMS_GO = "not eligible due to a terminating pod on the nominated node."
NOTE_LIMIT = 1024


def unavailable(nodes: int, reasons: Iterable[str]) -> str:
    """`0/3 nodes are available: 2 Insufficient cpu, 1 …`."""
    return f"0/{nodes} nodes are available: {_histogram(reasons)}."


def impossible(nodes: int, reasons: Iterable[str]) -> str:
    """`0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.`"""
    return f"0/{nodes} nodes are available: {', '.join(reasons)}."


def with_preemption(text: str, why_not: str) -> str:
    """The message, and why preemption does not help."""
    return f"{text} preemption: {why_not}" if why_not else text


def truncated(note: str) -> str:
    """Notes of events have at most 1024 characters."""
    suffix = " ..."
    return note if len(note) <= NOTE_LIMIT else note[: NOTE_LIMIT - len(suffix)] + suffix


def _histogram(reasons: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
