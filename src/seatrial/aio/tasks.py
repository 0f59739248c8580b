"""Supervised tasks: named, none lost, a crash surfaces, and an end in order.

Nothing is restarted: a component that can live through an error catches it itself; what gets here is a bug.
"""

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

log = logging.getLogger(__name__)


class Supervisor:
    """Owns background tasks from `spawn` to `stop`.

    The first crash is logged at once, and raised by `wait` and by `stop`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.crash: BaseException | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._crashed = asyncio.Event()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
        """Run it in the background as `<supervisor>/<name>`."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}/{name}")
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    async def wait(self) -> None:
        """Wait until a task crashes, and raise what it raised."""
        await self._crashed.wait()
        if self.crash:
            raise self.crash

    async def stop(self) -> None:
        """Cancel what still runs, youngest first, each after the one before has ended; then raise the crash, if any."""
        while self._tasks:
            task = next(reversed(self._tasks))
            if task is asyncio.current_task():
                raise RuntimeError(f"{task.get_name()} stops its own supervisor")
            task.cancel()
            await asyncio.wait([task])
            self._tasks.pop(task, None)
        if self.crash:
            raise self.crash

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self.crash is None:
            self.crash = error
            self._crashed.set()
        log.error("task %s crashed", task.get_name(), exc_info=error)

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        except BaseException as crash:
            if crash is not error:
                raise
