"""What a node asks of a container runtime, and what a runtime tells of its containers.

A runtime is told to start and to stop containers; everything that happens afterwards it tells by events, each through
the `notify` that was handed in with the start. Nothing waits in between, so that ten thousand simulated containers
cost no tasks. For every container that `start` was called for, exactly one of `Failed` and `Exited` comes last.

The words follow the Container Runtime Interface (k8s.io/cri-api runtime/v1) where it has a word for it.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from seatrial.base.types import JSON
from seatrial.node.pod_network import PodAddress

Environment = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mount:
    """`source`, a file or directory of the host, appears in the container at `target`."""

    name: str
    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """All that a process needs beyond its Pod's spec; simulated containers do without."""

    environment: Environment = ()
    command: tuple[str, ...] = ()
    """`command` of the container with variables expanded; empty: the image's."""
    arguments: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    hostname: str = ""
    termination_log: str = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class ContainerStart:
    """Start attempt `attempt` (0 is the first) of a container of a Pod."""

    container_id: str
    pod: JSON
    container: JSON
    attempt: int
    address: PodAddress
    config: ContainerConfig | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The container runs. `ready`: what the runtime itself knows about readiness; None leaves it to the probes."""

    image_id: str
    at: float
    ready: bool | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The container did not start: ErrImagePull, ErrImageNeverPull, InvalidImageName, RunContainerError, …

    `retry` False: it never will, so nobody need try again.
    """

    reason: str
    message: str
    at: float
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Exited:
    """The container ended; a signal shows as 128 + its number in `exit_code`."""

    exit_code: int
    at: float
    signal: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The runtime itself knows that the container has become ready, or is no longer."""

    ready: bool


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """The runtime itself knows that a probe fails; `fatal`: often enough for the container to be restarted."""

    kind: Literal["liveness", "readiness", "startup"]
    message: str
    fatal: bool = False


ContainerEvent = Started | Failed | Exited | Readiness | Unhealthy
Notify = Callable[[ContainerEvent], None]

Channel = Literal["stdout", "stderr"]


class Session(Protocol):
    """A command that runs in a container, with its streams (exec)."""

    def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        """What it writes, until both streams have ended. With a terminal everything is stdout."""
        ...

    async def write(self, data: bytes) -> None:
        """To its standard input; ignored once the command has closed it."""
        ...

    def close_input(self) -> None: ...

    def resize(self, columns: int, rows: int) -> None:
        """The size of the terminal; nothing without one."""
        ...

    async def wait(self) -> int:
        """The exit code, 128 + the signal's number if one ended it."""
        ...

    async def aclose(self) -> None:
        """End the command if it still runs, and release its streams."""
        ...


class Runtime(Protocol):
    """A container runtime. All methods are called on the event loop."""

    @property
    def name(self) -> str:
        """`process`, `simulated`: the scheme of container ids and of the node's containerRuntimeVersion."""
        ...

    @property
    def version(self) -> str: ...

    @property
    def runs_processes(self) -> bool:
        """Containers need environment and volumes, probes and hooks make sense."""
        ...

    @property
    def settle_seconds(self) -> float:
        """How long after an exit the node looks at it (the kubelet's relisting of containers)."""
        ...

    @property
    def last_status(self) -> bool:
        """A terminating Pod's final container states are written before the Pod is deleted."""
        ...

    def starts_at_once(self, pod: JSON) -> bool:
        """`start` tells `Started` or `Failed` before it returns, so that no ContainerCreating is worth a write."""
        ...

    def start(self, request: ContainerStart, notify: Notify) -> None: ...

    def resume(self, request: ContainerStart, notify: Notify, ran_seconds: float, ready: bool) -> None:
        """A container of another cluster, which has been running for so long: from now on it is this runtime's.

        Only for runtimes without processes.
        """
        ...

    def stop(self, container_id: str, grace_seconds: float) -> None:
        """Ask it to end; kill it after `grace_seconds`. A second call can only shorten the time."""
        ...

    def removal_seconds(self, pod: JSON) -> float:
        """How long a Pod without a running container takes to go."""
        ...

    def check_image(self, image: str, pull_policy: str) -> None:
        """Raises RuntimeFailure with the waiting reason when there is no such image."""
        ...

    def log_files(self, pod: JSON, container: str, attempt: int) -> tuple[Path, ...]:
        """The log of one attempt, oldest file first; empty when nothing is kept."""
        ...

    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool = False, tty: bool = False
    ) -> Session:
        """Run a command beside the container's own. Raises RuntimeFailure when it can't be executed."""
        ...

    async def remove_pod(self, pod: JSON) -> None:
        """Forget a Pod whose containers have all ended: its directory, its logs."""
        ...

    async def aclose(self) -> None:
        """Kill whatever still runs."""
        ...
