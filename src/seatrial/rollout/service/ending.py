"""How a Service's roll can end, and the exit codes that tell scripts. Pure.

What became of the workloads (undone, paused, kept) does not change the code: it says why the roll failed, save that
UNDO_FAILED says that somebody has to look.
"""

from dataclasses import dataclass

ROLLED = 0
ERROR = 1
EXIT_CODES = {
    "Timeout": 3,
    "Image": 10,
    "CrashLoop": 11,
    "Configuration": 12,
    "Quota": 13,
    "FailedCreate": 14,
    "Unschedulable": 15,
    "Volume": 16,
    "Probe": 17,
    "Budget": 18,
    "Endpoints": 19,
    "Traffic": 20,
    "Deadline": 21,
    "Changed": 22,
    "Refused": 23,
}
"""Reason → exit code; docs/rollout.md says what each means."""
UNDO_FAILED = 30


@dataclass(frozen=True)
class Trouble:
    """Why a roll can't go on. `workload`: whose (`deployment.apps/web`), "" for the whole Service's."""

    reason: str
    message: str
    workload: str = ""
    pod: str = ""
    container: str = ""


@dataclass(frozen=True)
class Ending:
    """`outcome`: rolled, nothing to do, undone, paused, kept, undo failed."""

    outcome: str
    reason: str = ""
    message: str = ""

    @property
    def exit_code(self) -> int:
        if self.outcome == "undo failed":
            return UNDO_FAILED
        return EXIT_CODES.get(self.reason, ERROR) if self.reason else ROLLED
