"""Containers that are only timers: start-up, readiness, crashes and exits follow a model per image.

The model is the one of a fake kubelet with fixed delays, with the same keys: `start`, `ready`, `crash`, `bad_image`,
`exit`, `exit_not_running`. Time is the event loop's, real or virtual. Limits: no processes, hence no logs, no exec, no
probes, no hooks, no volumes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from seatrial.base.env import Env
from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import images
from seatrial.node.runtimes.base import ContainerStart, Exited, Failed, Notify, Readiness, Session, Started, Unhealthy

LOOK_SECONDS = 1.0
"""How often a container that waits looks whether it still has to."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How containers of an image behave; all in seconds."""

    start: float = 0.0
    """From the binding to Running."""
    ready: float | None = 0.0
    """From Running to Ready; 0: at once; None: never."""
    crash: float | None = None
    """From Running to an exit with code 1; None: never."""
    bad_image: bool = False
    """The image can't be pulled, which shows after `start`."""
    exit: float = 0.0
    """From the signal to the exit, at most the grace period."""
    exit_not_running: float = 0.0
    """From the deletion to the Pod's end when no container runs."""
    unhealthy: float | None = None
    """From Running to the moment at which its liveness or startup probe has failed too often; None: never."""
    complete: float | None = None
    """From Running to an exit with code 0; None: never."""
    waits_for: str = ""
    """It is not complete before this Service of its namespace has an endpoint; it looks once a second."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any], base: "Behaviour | None" = None) -> "Behaviour":
        """`data` over `base`; keys that are no field are refused."""
        values = {f.name: getattr(base, f.name) for f in fields(cls)} if base else {}
        return cls(**values | dict(data))


@dataclass
class Model:
    """Behaviour per image, and for all others. Whoever knows more of Pods overrides `of`."""

    default: Behaviour = Behaviour()
    images: Mapping[str, Behaviour] = field(default_factory=dict)

    registry_down: bool = False
    """No image can be pulled now; a node that has run one has it, and asks only if the pull policy is Always."""

    def of(self, pod: JSON, container: JSON) -> Behaviour:
        """How a container of a Pod behaves: the same answer whenever it is asked about the same one."""
        return self.images.get(container["image"], self.default)

    def answers(self, namespace: str, service: str) -> bool:
        """Whether somebody answers for a Service now."""
        return True

    def has(self, node: str, image: str) -> bool | None:
        """Whether a node has an image that has not run there yet; None: nobody knows."""
        return None

    @classmethod
    def from_json(cls, defaults: Mapping[str, Any], behaviours: Mapping[str, Mapping[str, Any]]) -> "Model":
        base = Behaviour.from_json(defaults)
        return cls(base, {image: Behaviour.from_json(data, base) for image, data in behaviours.items()})


class _Container:
    __slots__ = (
        "behaviour", "crash", "has_startup_probe", "namespace", "notify", "probe", "readiness", "running", "timer",
    )  # fmt: skip

    def __init__(self, behaviour: Behaviour, request: ContainerStart, notify: Notify) -> None:
        self.behaviour, self.notify = behaviour, notify
        self.has_startup_probe = bool(request.container.get("startupProbe"))
        self.namespace = str(request.pod["metadata"].get("namespace", ""))
        self.running = False
        self.timer: asyncio.TimerHandle | None = None
        self.readiness: asyncio.TimerHandle | None = None
        self.crash: asyncio.TimerHandle | None = None
        self.probe: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        for timer in (self.timer, self.readiness, self.crash, self.probe):
            if timer:
                timer.cancel()


class SimulatedRuntime:
    """See the module."""

    name = "simulated"
    version = "1.0"
    runs_processes = False
    settle_seconds = 1.0
    last_status = False

    def __init__(self, env: Env, model: Model | None = None) -> None:
        self._env = env
        self.model = model or Model()
        """May be exchanged at any time: containers that start afterwards follow it."""
        self._containers: dict[str, _Container] = {}
        self._stops: dict[str, float] = {}
        self._pulled: set[tuple[str, str]] = set()
        """(node, image)."""

    def starts_at_once(self, pod: JSON) -> bool:
        return all(not self.model.of(pod, c).start for c in pod["spec"]["containers"])

    def start(self, request: ContainerStart, notify: Notify) -> None:
        behaviour = self.model.of(request.pod, request.container)
        try:
            images.parse(request.container["image"])
        except RuntimeFailure as error:
            notify(Failed(error.reason, error.message, self._env.now()))
            return
        container = self._containers[request.container_id] = _Container(behaviour, request, notify)
        # A restart finds everything in place: only the first attempt takes `start`.
        if behaviour.start and request.attempt == 0:
            loop = asyncio.get_running_loop()
            container.timer = loop.call_later(behaviour.start, self._started, request.container_id, request)
        else:
            self._started(request.container_id, request)

    def resume(self, request: ContainerStart, notify: Notify, ran_seconds: float, ready: bool) -> None:
        """It goes on where it was in its model; one that should have become ready long ago, and is not, never will."""
        behaviour = self.model.of(request.pod, request.container)
        container = self._containers[request.container_id] = _Container(behaviour, request, notify)
        container.running = True
        self._pulled.add((str(request.pod["spec"].get("nodeName")), str(request.container["image"])))
        if not ready and behaviour.ready is not None and behaviour.ready > ran_seconds:
            container.readiness = self._later(behaviour.ready - ran_seconds, notify, Readiness(True))
        self._schedule_end(request.container_id, container, ran_seconds)

    def _started(self, container_id: str, request: ContainerStart) -> None:
        container = self._containers[container_id]
        container.timer = None
        behaviour, image = container.behaviour, request.container["image"]
        failed = self._pull(request, behaviour)
        if failed is not None:
            del self._containers[container_id]
            container.notify(failed)
            return
        container.running = True
        container.notify(Started(f"simulated://{image}", self._env.now(), ready=behaviour.ready == 0))
        if behaviour.ready:
            container.readiness = self._later(behaviour.ready, container.notify, Readiness(True))
        if behaviour.ready != 0:
            self._not_ready_yet(request, container)
        self._schedule_end(container_id, container, 0.0)

    def _pull(self, request: ContainerStart, behaviour: Behaviour) -> Failed | None:
        """Get the image, as the container's pull policy says; what came of it, or None if it is there."""
        image, policy = str(request.container["image"]), request.container.get("imagePullPolicy")
        here = str(request.pod["spec"].get("nodeName")), image
        had = here in self._pulled or self.model.has(*here)
        if policy == "Never" and (had is False or behaviour.bad_image):
            message = f'Container image "{image}" is not present with pull policy of Never'
            return Failed("ErrImageNeverPull", message, self._env.now())
        if self.model.registry_down and policy != "Never" and (policy == "Always" or not had):
            message = f'failed to pull and unpack image "{image}": dial tcp: connect: connection refused'
            return Failed("ErrImagePull", message, self._env.now())
        if behaviour.bad_image:
            message = f'failed to pull and unpack image "{image}": not found'
            return Failed("ErrImagePull", message, self._env.now(), retry=False)
        self._pulled.add(here)
        return None

    def _not_ready_yet(self, request: ContainerStart, container: _Container) -> None:
        """Its readiness probe, if it has one, fails at first."""
        probe = request.container.get("readinessProbe")
        ready = container.behaviour.ready
        if probe is None or ready == 0:
            return
        if container.has_startup_probe and (ready is not None or container.behaviour.unhealthy is not None):
            return  # it is asked when the container has started up, and not before
        first = float(probe.get("initialDelaySeconds") or 0)
        if ready is None or first < ready:
            event = Unhealthy("readiness", "Readiness probe failed: the application does not answer yet")
            container.probe = self._later(first, container.notify, event)

    def _schedule_end(self, container_id: str, container: _Container, ran_seconds: float) -> None:
        behaviour = container.behaviour
        if behaviour.crash is not None:
            container.crash = self._later(max(behaviour.crash - ran_seconds, 0.0), self._exit, container_id, 1)
        elif behaviour.complete is not None:
            container.crash = self._later(max(behaviour.complete - ran_seconds, 0.0), self._complete, container_id)
        elif behaviour.unhealthy is not None:
            container.crash = self._later(max(behaviour.unhealthy - ran_seconds, 0.0), self._given_up, container_id)

    def _complete(self, container_id: str) -> None:
        container = self._containers[container_id]
        awaited = container.behaviour.waits_for
        if awaited and not self.model.answers(container.namespace, awaited):
            container.crash = self._later(LOOK_SECONDS, self._complete, container_id)
        else:
            self._exit(container_id, 0)

    def _given_up(self, container_id: str) -> None:
        container = self._containers[container_id]
        kind: Literal["startup", "liveness"] = "startup" if container.has_startup_probe else "liveness"
        message = f"{kind.capitalize()} probe failed: the application does not answer yet"
        container.notify(Unhealthy(kind, message, fatal=True))

    def stop(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is None:
            return
        behaviour = container.behaviour
        wanted = behaviour.exit if container.running else behaviour.exit_not_running
        at = asyncio.get_running_loop().time() + min(wanted, grace_seconds)
        if at >= self._stops.get(container_id, float("inf")):
            return
        container.cancel()
        self._stops[container_id] = at
        code = 137 if wanted > grace_seconds else 0
        if wanted <= 0 or grace_seconds <= 0:
            self._exit(container_id, code)
        else:
            container.timer = self._later(min(wanted, grace_seconds), self._exit, container_id, code)

    def _exit(self, container_id: str, code: int) -> None:
        container = self._containers.pop(container_id)
        self._stops.pop(container_id, None)
        container.cancel()
        container.notify(Exited(code, self._env.now(), signal=9 if code == 137 else 0))

    def removal_seconds(self, pod: JSON) -> float:
        return max(self.model.of(pod, c).exit_not_running for c in pod["spec"]["containers"])

    def check_image(self, image: str, pull_policy: str) -> None:
        """Whether an image is bad shows when it starts."""

    def log_files(self, pod: JSON, container: str, attempt: int) -> tuple[Path, ...]:
        return ()

    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool = False, tty: bool = False
    ) -> Session:
        raise RuntimeFailure("Unsupported", "a simulated container runs no process, so nothing can be executed in it")

    async def remove_pod(self, pod: JSON) -> None:
        """There is nothing left of it."""

    async def aclose(self) -> None:
        for container in self._containers.values():
            container.cancel()
        self._containers.clear()

    @staticmethod
    def _later(seconds: float, call: Any, *args: Any) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call, *args)
