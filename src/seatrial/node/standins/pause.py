"""Waits for its end, as the pause image does (kubernetes/build/pause/linux/pause.c)."""

import os
import signal
from collections.abc import Callable
from typing import Any

NAMES = {signal.SIGINT: "Interrupt", signal.SIGTERM: "Terminated"}


def run(settings: dict[str, Any], ready: Callable[[], None]) -> int:
    """Wait for SIGTERM or SIGINT; the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, NAMES)
    ready()
    number = signal.sigwait(NAMES)
    os.write(2, f"Shutting down, got signal: {NAMES[signal.Signals(number)]}\n".encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(run({}, lambda: None))
