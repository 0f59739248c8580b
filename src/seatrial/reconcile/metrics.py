"""Counters of a control loop, under the names of client-go's workqueue and controller-runtime's metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class LoopMetrics:
    """`seconds` is time spent in gather and decide and waiting for writes."""

    controller: str
    reconciles: int = 0
    errors: int = 0
    conflicts: int = 0
    terminal_errors: int = 0
    requeues: int = 0
    parked: int = 0
    """Looks put off because the caches had not yet seen the key's own writes, or the key rests."""
    writes: int = 0
    seconds: float = 0.0
