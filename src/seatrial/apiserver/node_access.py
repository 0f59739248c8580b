"""How the API server reaches into a node: logs of a container, and commands run in one (exec, attach).

Node agents implement `NodeAccess` structurally, without importing this file; the cluster hands the server a function
that finds the agent of a node. The server has checked the Pod, the container's name and the options before it asks.
Upstream's counterpart is the kubelet's HTTP server (pkg/kubelet/server).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from seatrial.base.types import JSON

Channel = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class LogOptions:
    """core/v1 PodLogOptions. `since` is a moment (seconds since 1970), whichever way the client said it."""

    container: str
    follow: bool = False
    previous: bool = False
    since: float | None = None
    timestamps: bool = False
    """Each line begins with its time, RFC 3339 with nanoseconds, and a space."""
    tail_lines: int | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """core/v1 PodExecOptions; `command` is empty for attach."""

    container: str
    command: tuple[str, ...] = ()
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


class ExecSession(Protocol):
    """A command that runs in a container, with its streams."""

    def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        """What it writes, until both streams have ended. With a terminal everything is stdout."""
        ...

    async def write(self, data: bytes) -> None:
        """To its standard input; ignored once the command has closed it."""
        ...

    def close_input(self) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int:
        """The exit code, 128 + the signal's number if one ended it."""
        ...

    async def aclose(self) -> None:
        """The client has gone, or the command has ended: release everything, ending the command if it still runs."""
        ...


class NodeAccess(Protocol):
    """One node. Refusals are StatusErrors with the kubelet's texts, or RuntimeFailure when a command can't be run."""

    def logs(self, pod: JSON, options: LogOptions) -> AsyncIterator[bytes]:
        """What the container wrote, as far as asked for; with `follow` until it ends.

        A refusal is raised before the first bytes: 400 `container "c" in pod "p" is waiting to start: <reason>`,
        400 `previous terminated container "c" in pod "p" not found`.
        """
        ...

    async def exec(self, pod: JSON, options: ExecOptions) -> ExecSession:
        """Run `options.command` in a running container; RuntimeFailure if it is none, or has no such command."""
        ...

    async def attach(self, pod: JSON, options: ExecOptions) -> ExecSession:
        """Join the container's own process: its output from now on, and its input if the container has one."""
        ...


FindNode = Callable[[str], NodeAccess | None]
"""By name; None when no agent of that name is there."""

InflictFault = Callable[[str, str], Awaitable[str]]
"""(node, fault) → the node's condition afterwards; refusals are StatusErrors."""
