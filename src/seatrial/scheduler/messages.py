"""What is said about a Pod that fits nowhere, word for word as kube-scheduler 1.32.

Follows pkg/scheduler/framework/types.go (FitError) and framework/preemption/preemption.go.
"""

from collections.abc import Iterable, Sequence

from seatrial.scheduler.filters import Rejection

NO_NODES = "no nodes available to schedule pods"
NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NOTE_LIMIT = 1024


def unschedulable(rejections: Sequence[Rejection], preempts: bool) -> str:
    """Why none of the nodes will do, one rejection each. `preempts`: the Pod's preemptionPolicy is not Never."""
    if not rejections:
        return NO_NODES
    reasons = (reason for rejection in rejections for reason in rejection.reasons)
    text = f"0/{len(rejections)} nodes are available: {_histogram(reasons)}."
    if not preempts:
        return f"{text} preemption: not eligible due to preemptionPolicy=Never."
    outcome = (NOT_HELPFUL if rejection.final else NO_VICTIMS for rejection in rejections)
    return f"{text} preemption: 0/{len(rejections)} nodes are available: {_histogram(outcome)}."


def truncated(note: str) -> str:
    """Notes of events have at most 1024 characters."""
    suffix = " ..."
    return note if len(note) <= NOTE_LIMIT else note[: NOTE_LIMIT - len(suffix)] + suffix


def _histogram(reasons: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
