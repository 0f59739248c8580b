"""Runtimes to test, and containers that are watched."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.base.env import SystemEnv
from seatrial.base.types import JSON
from seatrial.node.images import Catalogue
from seatrial.node.pod_network import PodAddress
from seatrial.node.runtimes.base import ContainerConfig, ContainerEvent, ContainerStart, Runtime, Started
from seatrial.node.runtimes.process import ProcessRuntime
from seatrial.node.runtimes.simulated import Behaviour, Model, SimulatedRuntime

ADDRESS = PodAddress("127.78.0.2", "127.0.0.1", None, 1024)
PATH = "/usr/local/bin:/usr/bin:/bin"
IMAGES = {
    "steady:1": "sh -c 'while :; do sleep 0.02; done'",
    "stubborn:1": "sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.02; done'",
    "crashing:1": "sh -c 'exit 1'",
    "done:1": "true",
}
MODEL = Model(
    Behaviour(),
    {
        "steady:1": Behaviour(start=0.01, exit=0.01),
        "stubborn:1": Behaviour(exit=60.0),
        "crashing:1": Behaviour(crash=0.01),
        "done:1": Behaviour(complete=0.01),
        "missing:1": Behaviour(bad_image=True),
    },
)


@dataclass
class Watched:
    """The events of one container, and a way to wait for them."""

    container_id: str
    events: list[ContainerEvent] = field(default_factory=list)
    pod: JSON = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self, event: ContainerEvent) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, kind: type[ContainerEvent]) -> ContainerEvent:
        async with asyncio.timeout(20):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                self.changed.clear()
                await self.changed.wait()
        return found[0]


@dataclass
class World:
    runtime: Runtime
    started: int = 0

    def start(self, image: str) -> Watched:
        self.started += 1
        watched = Watched(f"{self.started:064x}")
        container: JSON = {"name": "c", "image": image}
        pod: JSON = {
            "metadata": {"name": "p", "namespace": "default", "uid": f"uid-{self.started}"},
            "spec": {"containers": [container], "nodeName": "node-1"},
        }
        config = ContainerConfig((("PATH", PATH), ("HOSTNAME", "p")))
        self.runtime.start(ContainerStart(watched.container_id, pod, container, 0, ADDRESS, config), watched.notify)
        watched.pod = pod
        return watched

    async def up(self, watched: Watched) -> None:
        """It runs, and a process has said that it is as it wants to be."""
        await watched.until(Started)
        if self.runtime.runs_processes:
            files = functools.partial(self.runtime.log_files, watched.pod, "c", 0)
            await eventually(lambda: any(path.stat().st_size for path in files()))


@asynccontextmanager
async def world(kind: str, directory: Path) -> AsyncIterator[World]:
    env = SystemEnv()
    runtime: Runtime
    if kind == "simulated":
        runtime = SimulatedRuntime(env, MODEL)
    else:
        runtime = ProcessRuntime(env, Catalogue(IMAGES), directory)
    try:
        yield World(runtime)
    finally:
        await runtime.aclose()


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what nothing announces: processes and files of other processes."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


def running(pid: str | int) -> bool:
    return Path(f"/proc/{pid}").exists()


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command_of(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
