"""What happens next in the life of a Pod's containers: pure decisions and state transitions, no I/O.

Follows the kubelet's computePodActions and doBackOff (pkg/kubelet/kuberuntime/kuberuntime_manager.go) and its back-off
(client-go util/flowcontrol/backoff.go: 10 s, doubling to 5 min, forgotten after 10 min of good behaviour). Init
containers run in order, sidecars (init containers with restartPolicy Always) stay, the Pod's own containers start
together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from seatrial.base.types import JSON

BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0
FORGIVEN_AFTER_SECONDS = 600.0
IMAGE_BACK_OFF_SHOWN_AFTER_SECONDS = 2.0
"""From ErrImagePull to ImagePullBackOff: the kubelet's next look at the Pod."""
CONFIG_RETRY_SECONDS = 10.0

ContainerKind = Literal["init", "sidecar", "app"]
PULL_ERRORS = frozenset({"ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})


class Phase(Enum):
    """Where one container stands."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(slots=True)
class BackOff:
    """How long to wait before the next try; `delay` 0 means that nothing has failed lately."""

    delay: float = 0.0
    updated_at: float = 0.0

    def due(self, failed_at: float) -> float:
        """When the next try is allowed."""
        if not self.delay or failed_at - self.updated_at > FORGIVEN_AFTER_SECONDS:
            return failed_at
        return failed_at + self.delay

    def advance(self, now: float, failed_at: float) -> None:
        """A try begins: the next one has to wait longer."""
        expired = failed_at - self.updated_at > FORGIVEN_AFTER_SECONDS
        self.delay = BACK_OFF_SECONDS if not self.delay or expired else min(2 * self.delay, LONGEST_BACK_OFF_SECONDS)
        self.updated_at = now


def back_off_after(restarts: int) -> float:
    """The delay that so many restarts in a row have led to."""
    return 0.0 if restarts < 1 else min(BACK_OFF_SECONDS * 2.0 ** min(restarts - 1, 10), LONGEST_BACK_OFF_SECONDS)


@dataclass(slots=True)
class ContainerState:
    """All that the node knows of one container. Changed only by the transition functions below."""

    spec: JSON
    kind: ContainerKind = "app"
    phase: Phase = Phase.WAITING
    reason: str = ""
    message: str = ""
    """Why it waits; empty reason: ContainerCreating or PodInitializing."""
    retry_at: float = 0.0
    container_id: str = ""
    image_id: str = ""
    attempts: int = 0
    """How many times it was started; the restart count is one less."""
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    signal: int = 0
    exit_reason: str = ""
    exit_message: str = ""
    last: "Terminated | None" = None
    started: bool = False
    """Its startup probe has succeeded, or it has none."""
    ready: bool = False
    stopping: bool = False
    failed_at: float = 0.0
    back_off: BackOff = field(default_factory=BackOff)
    image_back_off: BackOff = field(default_factory=BackOff)

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def restarts(self) -> int:
        return max(self.attempts - 1, 0)

    @property
    def alive(self) -> bool:
        """It runs or is about to."""
        return self.phase is Phase.RUNNING or self.phase is Phase.STARTING


@dataclass(frozen=True, slots=True)
class Terminated:
    """How an attempt ended (lastState.terminated)."""

    exit_code: int
    reason: str
    message: str
    started_at: float
    finished_at: float
    container_id: str
    signal: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """Start the container now."""

    container: ContainerState


@dataclass(frozen=True, slots=True)
class Hold:
    """Show CrashLoopBackOff: the next try comes `delay` seconds after the last exit."""

    container: ContainerState
    delay: float


@dataclass(frozen=True, slots=True)
class HoldImage:
    """Show ImagePullBackOff."""

    container: ContainerState


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the container; the Pod no longer needs it."""

    container: ContainerState


Action = Start | Hold | HoldImage | Stop


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, when to look again if nothing happens before, and whether the Pod has reached its end."""

    actions: tuple[Action, ...] = ()
    wake_at: float = math.inf
    outcome: Literal["", "Succeeded", "Failed"] = ""


def containers_of(pod: JSON) -> list[ContainerState]:
    """Init containers and sidecars in order, then the Pod's own, none of them started."""
    spec = pod["spec"]
    states = [
        ContainerState(c, "sidecar" if c.get("restartPolicy") == "Always" else "init")
        for c in spec.get("initContainers") or ()
    ]
    states.extend([ContainerState(c) for c in spec["containers"]])
    return states


def next_step(containers: Sequence[ContainerState], restart_policy: str, now: float, settle_seconds: float) -> Step:
    """Decide for a Pod that is not terminating."""
    apps = [c for c in containers if c.kind == "app"]
    plan = _Plan(now, settle_seconds)
    if not any(c.phase is not Phase.WAITING or c.container_id for c in apps):
        blocked = _initialise(plan, containers, restart_policy)
        if blocked:
            return plan.step() if blocked == "waiting" else _end(plan, containers, "Failed")
    else:
        for container in containers:
            if container.kind == "sidecar":
                plan.keep(container, "Always")
    for container in apps:
        plan.keep(container, restart_policy)
    if all(c.phase is Phase.EXITED and not restarts(c, restart_policy) for c in apps):
        failed = any(c.exit_code for c in apps)
        return _end(_Plan(now, settle_seconds), containers, "Failed" if failed else "Succeeded")
    return plan.step()


def next_to_stop(containers: Sequence[ContainerState]) -> list[ContainerState]:
    """Of a terminating Pod: everything but sidecars at once, then the sidecars one by one, the last one first."""
    ordinary = [c for c in containers if c.kind != "sidecar" and c.alive]
    if ordinary:
        return [c for c in ordinary if not c.stopping]
    sidecars = [c for c in containers if c.kind == "sidecar" and c.alive]
    return [c for c in sidecars[-1:] if not c.stopping]


def restarts(container: ContainerState, restart_policy: str) -> bool:
    """Whether the container that has exited is to be started again."""
    if container.kind == "sidecar" or restart_policy == "Always":
        return container.kind != "init" or container.exit_code != 0
    return restart_policy == "OnFailure" and container.exit_code != 0


class _Plan:
    def __init__(self, now: float, settle_seconds: float) -> None:
        self._now, self._settle = now, settle_seconds
        self.actions: list[Action] = []
        self.wake_at = math.inf

    def step(self) -> Step:
        return Step(tuple(self.actions), self.wake_at)

    def keep(self, container: ContainerState, restart_policy: str) -> None:
        """See to it that the container runs, if it should."""
        if container.phase is Phase.WAITING:
            self._try(container)
        elif container.phase is Phase.EXITED and restarts(container, restart_policy):
            self._restart(container)

    def _try(self, container: ContainerState) -> None:
        if self._now >= container.retry_at:
            self.actions.append(Start(container))
            return
        self._wake(container.retry_at)
        shown_at = container.failed_at + IMAGE_BACK_OFF_SHOWN_AFTER_SECONDS
        if container.reason == "ErrImagePull":
            if self._now >= shown_at:
                self.actions.append(HoldImage(container))
            else:
                self._wake(shown_at)
        elif container.reason == "RunContainerError" and container.back_off.delay:
            if self._now >= container.failed_at + self._settle:
                self.actions.append(Hold(container, container.retry_at - container.failed_at))
            else:
                self._wake(container.failed_at + self._settle)

    def _restart(self, container: ContainerState) -> None:
        seen_at = container.finished_at + self._settle
        due = container.back_off.due(container.finished_at)
        if self._now < seen_at:
            self._wake(seen_at)
        elif self._now >= due:
            self.actions.append(Start(container))
        else:
            self.actions.append(Hold(container, due - container.finished_at))
            self._wake(due)

    def _wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at)


def _initialise(plan: _Plan, containers: Sequence[ContainerState], policy: str) -> Literal["", "waiting", "failed"]:
    """Run init containers in order; "" when all are through."""
    for container in containers:
        if container.kind == "app":
            break
        if container.kind == "init" and container.phase is Phase.EXITED:
            if container.exit_code == 0:
                continue
            if not restarts(container, policy):
                return "failed"
        plan.keep(container, policy if container.kind == "init" else "Always")
        if container.kind == "init" or not (container.phase is Phase.RUNNING and container.started):
            return "waiting"
    return ""


def _end(plan: _Plan, containers: Sequence[ContainerState], outcome: Literal["Succeeded", "Failed"]) -> Step:
    plan.actions.extend(Stop(c) for c in next_to_stop(containers))
    return Step(tuple(plan.actions), math.inf, outcome)


def begin(container: ContainerState, container_id: str, now: float) -> None:
    """A start is under way."""
    if container.phase is Phase.EXITED:
        container.last = terminated(container)
    if container.attempts:
        container.back_off.advance(now, container.finished_at)
    container.phase = Phase.STARTING
    container.container_id = container_id
    container.attempts += 1
    container.started = container.ready = container.stopping = False


def run(container: ContainerState, image_id: str, now: float, *, started: bool, ready: bool) -> None:
    """It runs; `started` and `ready` as far as no probe has to say so first."""
    container.phase = Phase.RUNNING
    container.reason = container.message = ""
    container.image_id, container.started_at = image_id, now
    container.started, container.ready = started, started and ready
    container.image_back_off = BackOff()


def fail(container: ContainerState, reason: str, message: str, now: float, *, retry: bool = True) -> None:
    """It did not start: wait, and try again later."""
    begun = container.phase is Phase.STARTING
    if container.phase is Phase.EXITED:
        container.last = terminated(container)
    container.phase, container.reason, container.message = Phase.WAITING, reason, message
    container.failed_at = now
    if reason == "RunContainerError":
        container.last = Terminated(128, "StartError", message, 0.0, now, container.container_id)
        container.finished_at = now
        container.retry_at = max(container.back_off.due(now), now + 1.0)
        return
    if begun:
        container.attempts -= 1
        container.container_id = container.last.container_id if container.last else ""
    if reason in PULL_ERRORS:
        container.image_back_off.advance(now, now)
        container.retry_at = now + container.image_back_off.delay
    else:
        container.retry_at = now + CONFIG_RETRY_SECONDS
    if not retry:
        container.retry_at = math.inf


def hold(container: ContainerState, message: str, retry_at: float) -> None:
    """CrashLoopBackOff."""
    if container.phase is Phase.EXITED:
        container.last = terminated(container)
    container.phase, container.reason, container.message = Phase.WAITING, "CrashLoopBackOff", message
    container.retry_at = retry_at


def hold_image(container: ContainerState) -> None:
    """ImagePullBackOff."""
    container.message = f'Back-off pulling image "{container.spec["image"]}": {container.reason}: {container.message}'
    container.reason = "ImagePullBackOff"


def end(container: ContainerState, exit_code: int, signal: int, message: str, now: float) -> None:
    """It has exited."""
    container.phase = Phase.EXITED
    container.finished_at, container.exit_code, container.signal = now, exit_code, signal
    container.exit_reason, container.exit_message = "Error" if exit_code else "Completed", message
    container.started = container.ready = False


def terminated(container: ContainerState) -> Terminated:
    """The attempt that has ended, as a value."""
    return Terminated(
        container.exit_code,
        container.exit_reason,
        container.exit_message,
        container.started_at,
        container.finished_at,
        container.container_id,
        container.signal,
    )
