"""The first line of a verdict, for people. Pure."""

from seatrial.rehearse import durations
from seatrial.rehearse.result import Result


def of(result: Result) -> str:
    """`COMPLETES in 2m10s (p95 2m55s), at least 3 of 4 Pods available`; `HANGS at 1/4 after 35s: …`.

    Of what was not there before the change no Pod was available: `COMPLETES in 5s: 4 of 4 Pods available, all new`.
    """
    took = durations.told(result.duration_seconds)
    if result.completes:
        when = f"in {took}" if result.duration_seconds else "at once"
        spread = f" (p95 {durations.told(result.spread.p95_seconds)})" if result.spread else ""
        if result.is_new:
            return f"COMPLETES {when}{spread}: {result.desired} of {result.desired} Pods available, all new"
        return f"COMPLETES {when}{spread}, at least {result.min_available} of {result.desired} Pods available"
    if result.decided_by == "refused":
        return f"REFUSED: {result.reason}"
    found = "UNDECIDED" if result.decided_by == "horizon" else "HANGS"
    return f"{found} at {result.updated_available}/{result.desired} after {took}: {result.reason}"
