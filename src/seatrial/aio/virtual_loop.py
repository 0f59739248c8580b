"""An event loop whose time is simulated: it jumps to the next timer as soon as nothing is ready.

The code that runs on it is the code that runs in reality; only `loop.time()` differs, and that threads and sockets are
refused, because what they bring in can't be repeated. Equal seeds give equal runs: seed 0 keeps the order in which
callbacks became ready and timers of one moment were set, any other seed shuffles the tasks that are ready at the same
moment, so that one program can be tried in many interleavings. "Nothing ready and nothing scheduled" is a deadlock and
raises.
"""

import asyncio
import heapq
import itertools
import random
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

REFUSED = (
    "add_reader",
    "add_signal_handler",
    "add_writer",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "remove_reader",
    "remove_writer",
    "run_in_executor",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
    "subprocess_exec",
    "subprocess_shell",
)
"""What reaches out of the simulation: threads, sockets, processes, signals."""


class Deadlock(RuntimeError):
    """Nothing is ready and nothing is scheduled: the tasks named in the message would wait for ever."""


class _Timer(asyncio.TimerHandle):
    """asyncio's heap of timers keeps no order among equal times; `number` is the order in which they were set."""

    __slots__ = ("number",)

    def __init__(
        self,
        number: int,
        when: float,
        callback: Callable[..., object],
        args: Sequence[Any],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.number = number

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        mine, others = self.when(), other.when()
        return mine < others or (mine == others and self.number < other.number)


class VirtualLoop(base_events.BaseEventLoop):
    """See the module. `time()` starts at 0."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._now = 0.0
        self._timers = itertools.count()
        self._shuffle = random.Random(seed) if seed else None
        self._clock_resolution = 1e-9
        self._selector = self
        for name in REFUSED:
            setattr(self, name, _refuse(name))

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, with timers that keep their order."""
        timer = _Timer(next(self._timers), when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def select(self, timeout: float | None) -> list[Any]:
        """Stands in for the selector: instead of waiting for `timeout` seconds, let them have passed."""
        ready: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]
        if timeout is None:
            raise Deadlock(f"nothing is ready and nothing is scheduled; waiting: {_waiting(self)}")
        if timeout > 0:
            self._now = max(self._now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        elif self._shuffle and len(ready) > 1:
            self._mix(ready, self._shuffle)
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        raise RuntimeError("call_soon_threadsafe: there are no other threads on the virtual loop")

    @staticmethod
    def _mix(ready: "deque[asyncio.Handle]", chance: random.Random) -> None:
        """Shuffle the task steps among their places; plain callbacks stay where they are, in their order."""
        handles = list(ready)
        places = [i for i, handle in enumerate(handles) if _is_task_step(handle)]
        steps = [handles[i] for i in places]
        chance.shuffle(steps)
        for place, handle in zip(places, steps, strict=True):
            handles[place] = handle
        ready.clear()
        ready.extend(handles)


def run(main: Coroutine[Any, Any, T], *, seed: int = 0) -> T:
    """Run `main` on a fresh virtual loop; what it left running is cancelled at the end, in order of creation."""
    loop = VirtualLoop(seed)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            _cancel_rest(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_rest(loop: VirtualLoop) -> None:
    rest = _in_order_of_creation(asyncio.all_tasks(loop))
    for task in rest:
        task.cancel()
    if not rest:
        return
    loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
    for task in rest:
        if not task.cancelled() and (error := task.exception()):
            loop.call_exception_handler(
                {"message": "a task failed while the loop ended", "exception": error, "task": task}
            )


def _is_task_step(handle: asyncio.Handle) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)  # type: ignore[attr-defined]


def _in_order_of_creation(tasks: "set[asyncio.Task[Any]]") -> "list[asyncio.Task[Any]]":
    """Task names of asyncio count upwards (Task-12); names given by hand sort by themselves."""
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


def _waiting(loop: VirtualLoop) -> str:
    return (
        ", ".join(f"{task.get_name()} ({_place(task)})" for task in _in_order_of_creation(asyncio.all_tasks(loop)))
        or "none"
    )


def _place(task: "asyncio.Task[Any]") -> str:
    frames = task.get_stack(limit=1)
    if not frames:
        return "not started"
    code = frames[-1].f_code
    return f"{code.co_qualname} line {frames[-1].f_lineno}"


def _refuse(name: str) -> Any:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(f"{name}: threads, sockets and processes don't exist on the virtual loop")

    return refused
