"""The containers of one Pod on a node: starts and stops them, takes in what the runtime tells, records their events.

Changes only the containers' states and calls `wake`; what is to be done is decided elsewhere (lifecycle.py). Reasons
and messages are the kubelet's (pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/images/image_manager.go).
"""

import asyncio
from collections.abc import Callable
from functools import partial

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.machinery import go_duration
from seatrial.node import adoption, hooks, lifecycle
from seatrial.node.context import NodeContext
from seatrial.node.lifecycle import ContainerState, Phase
from seatrial.node.pod_network import PodAddress
from seatrial.node.probes import ContainerProbes
from seatrial.node.runtimes.base import ContainerEvent, ContainerStart, Exited, Failed, Readiness, Started, Unhealthy

_IMAGE_EVENTS = {"ErrImageNeverPull": "ErrImageNeverPull", "InvalidImageName": "InspectFailed"}
"""Why there is no image to start, and the reason of the event that tells it."""


class PodContainers:
    """See the module."""

    __slots__ = ("_context", "_ended", "_left", "_probes", "_wake", "address", "pod", "states")

    def __init__(self, context: NodeContext, pod: JSON, wake: Callable[[], None]) -> None:
        self._context, self.pod, self._wake = context, pod, wake
        self.states = lifecycle.containers_of(pod)
        self.address: PodAddress | None = None
        self._probes: dict[str, ContainerProbes] = {}
        self._ended = False
        self._left: dict[str, asyncio.Event] = {}
        """Containers that are being killed because the node has lost power."""

    @property
    def alive(self) -> bool:
        """One of them runs or is about to."""
        return any(c.alive for c in self.states)

    def abandon(self) -> None:
        """Take nothing in any more."""
        self._ended = True
        for probes in self._probes.values():
            probes.stop()

    async def lose_power(self) -> None:
        """Kill them all at once. Returns when the runtime has said of each that it has ended."""
        self._left = {c.container_id: asyncio.Event() for c in self.states if c.alive}
        for container_id, gone in list(self._left.items()):
            self._context.runtime.stop(container_id, 0.0)
            await gone.wait()

    def terminating(self) -> None:
        """The Pod is ending: only readiness is still probed."""
        for probes in self._probes.values():
            probes.terminating()

    # --- starting ---

    async def start(self, container: ContainerState) -> None:
        context, config = self._context, None
        assert self.address is not None
        try:
            if context.runtime.runs_processes:
                self._find_image(container)
                config = await context.sources.configuration(self.pod, container.spec, self.address)
            else:
                await context.sources.check_configuration(self.pod, container.spec, self.address)
        except RuntimeFailure as error:
            self._not_started(container, Failed(error.reason, error.message, context.env.now()))
            return
        if context.runtime.runs_processes:
            self.record(container, "Normal", "Created", f"Created container: {container.name}")
        container_id = f"{context.env.random.getrandbits(256):064x}"
        lifecycle.begin(container, container_id, context.env.now())
        attempt = container.attempts - 1
        request = ContainerStart(container_id, self.pod, container.spec, attempt, self.address, config)
        context.runtime.start(request, partial(self._notice, container, container_id))

    def resume(self) -> bool:
        """Of a Pod that was not started here: they run on, on nodes where that can be. All, or none."""
        context, status = self._context, self.pod.get("status") or {}
        known = {s["name"]: s for key in ("initContainerStatuses", "containerStatuses") for s in status.get(key) or ()}
        if not context.resumes or not status.get("podIP") or any(c.name not in known for c in self.states):
            return False
        self.address = PodAddress(status["podIP"], status.get("hostIP") or context.network.host_ip, None, 0)
        now = context.env.now()
        for container in self.states:
            if container.phase is Phase.EXITED:
                continue
            adoption.resume(container, known[container.name], now)
            if container.phase is Phase.RUNNING:
                container.container_id = container.container_id or f"{self.pod['metadata']['uid']}-{container.name}"
                request = ContainerStart(
                    container.container_id, self.pod, container.spec, container.attempts - 1, self.address
                )
                notify = partial(self._notice, container, container.container_id)
                context.runtime.resume(request, notify, now - container.started_at, container.ready)
        return True

    def _find_image(self, container: ContainerState) -> None:
        image = container.spec["image"]
        try:
            self._context.runtime.check_image(image, container.spec.get("imagePullPolicy") or "IfNotPresent")
        except RuntimeFailure as error:
            if error.reason == "ErrImagePull":
                self.record(container, "Normal", "Pulling", f'Pulling image "{image}"')
            raise
        self.record(container, "Normal", "Pulled", f'Container image "{image}" already present on machine')

    # --- waiting ---

    def hold(self, container: ContainerState, delay: float, now: float) -> None:
        """CrashLoopBackOff: not before `delay` seconds after its end."""
        meta = self.pod["metadata"]
        whose = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        name, seconds = container.name, go_duration.rounded(delay)
        self.record(container, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {whose}")
        message = f"back-off {seconds} restarting failed container={name} pod={whose}"
        lifecycle.hold(container, message, max(container.finished_at + delay, now))

    def hold_image(self, container: ContainerState) -> None:
        """ImagePullBackOff."""
        self.record(container, "Normal", "BackOff", f'Back-off pulling image "{container.spec["image"]}"')
        self.record(container, "Warning", "Failed", "Error: ImagePullBackOff")
        lifecycle.hold_image(container)

    def adapt(self, spec: JSON, grace_seconds: float) -> bool:
        """The one thing that may change in a running Pod's containers is the image."""
        changed = False
        for container, new in zip(self.states, [*(spec.get("initContainers") or ()), *spec["containers"]], strict=True):
            if container.spec["image"] != new["image"]:
                changed = True
                container.retry_at, container.reason, container.message = 0.0, "", ""
                if container.alive:
                    self.kill(
                        container, f"Container {container.name} definition changed, will be restarted", grace_seconds
                    )
            container.spec = new
        return changed

    # --- stopping ---

    def stop(self, container: ContainerState, grace_seconds: float) -> None:
        self.kill(container, f"Stopping container {container.name}", grace_seconds)

    def kill(self, container: ContainerState, why: str, grace_seconds: float) -> None:
        self.record(container, "Normal", "Killing", why)
        container.stopping = True
        self._context.runtime.stop(container.container_id, grace_seconds)

    # --- what the runtime tells ---

    def _notice(self, container: ContainerState, container_id: str, event: ContainerEvent) -> None:
        if container_id in self._left and isinstance(event, Exited | Failed):
            self._left[container_id].set()
        if container.container_id != container_id or self._ended:
            return
        if isinstance(event, Started):
            hook = (container.spec.get("lifecycle") or {}).get("postStart")
            if hook and self._context.runtime.runs_processes:
                self._context.supervisor.spawn(self._after_start(container, event, hook), "postStart")
                return
            self._running(container, event)
        elif isinstance(event, Readiness):
            container.ready = event.ready and container.phase is Phase.RUNNING
        elif isinstance(event, Unhealthy):
            self._probed(container, event.kind, event.message, event.fatal)
            return
        elif isinstance(event, Failed):
            self._not_started(container, event)
        else:
            self._exited(container, event)
        self._wake()

    def _running(self, container: ContainerState, event: Started) -> None:
        spec, probed = container.spec, self._context.runtime.runs_processes
        ready = event.ready if event.ready is not None else not spec.get("readinessProbe")
        started = not (probed and spec.get("startupProbe"))
        lifecycle.run(container, event.image_id, event.at, started=started, ready=ready)
        if not probed:
            return
        self.record(container, "Normal", "Started", f"Started container {container.name}")
        assert self.address is not None
        probes = ContainerProbes(self._context.runtime, self.pod, container, self.address, self._probed)
        if probes.start():
            self._probes[container.name] = probes

    async def _after_start(self, container: ContainerState, event: Started, hook: JSON) -> None:
        assert self.address is not None
        try:
            await hooks.run(hook, self._context.runtime, container, self.address)
        except RuntimeFailure as error:
            self.record(container, "Warning", "FailedPostStartHook", f"PostStartHook failed: {error.message}")
            if container.alive:
                self.kill(container, "FailedPostStartHook", grace_of(self.pod))
            return
        if container.phase is Phase.STARTING and not self._ended:
            self._running(container, event)
            self._wake()

    def _not_started(self, container: ContainerState, event: Failed) -> None:
        if event.reason == "ErrImagePull":
            image = container.spec["image"]
            self.record(container, "Warning", "Failed", f'Failed to pull image "{image}": {event.message}')
            self.record(container, "Warning", "Failed", "Error: ErrImagePull")
        elif event.reason in _IMAGE_EVENTS:
            self.record(container, "Warning", _IMAGE_EVENTS[event.reason], event.message)
            self.record(container, "Warning", "Failed", f"Error: {event.reason}")
        else:
            self.record(container, "Warning", "Failed", f"Error: {event.message}")
        lifecycle.fail(container, event.reason, event.message, event.at, retry=event.retry)
        self._wake()

    def _exited(self, container: ContainerState, event: Exited) -> None:
        probes = self._probes.pop(container.name, None)
        if probes:
            probes.stop()
        lifecycle.end(container, event.exit_code, event.signal, event.message, event.at)

    def _probed(self, container: ContainerState, kind: str, failure: str, decided: bool) -> None:
        """A probe has failed (`failure` says how), or a probe's verdict has changed (`decided`)."""
        if self._context.link.is_paused:
            return
        if failure:
            self.record(container, "Warning", "Unhealthy", failure)
        if failure and decided and kind != "readiness" and container.alive and not container.stopping:
            why = f"Container {container.name} failed {kind} probe, will be restarted"
            self.kill(container, why, probe_grace(container.spec, kind, grace_of(self.pod)))
        if decided:
            self._wake()

    def record(self, container: ContainerState, type: str, reason: str, message: str) -> None:
        """An event; simulated nodes tell of trouble only."""
        if type == "Warning" or self._context.runtime.runs_processes:
            group = "containers" if container.kind == "app" else "initContainers"
            path = f"spec.{group}{{{container.name}}}"
            self._context.record(self.pod, type, reason, message, field_path=path)


def grace_of(pod: JSON) -> float:
    """How long its containers have from the stop signal to SIGKILL."""
    seconds = pod["metadata"].get("deletionGracePeriodSeconds")
    if seconds is None:
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 30)
    return float(seconds)


def probe_grace(container: JSON, kind: str, pod_grace: float) -> float:
    """A probe may have a grace period of its own."""
    return float((container.get(f"{kind}Probe") or {}).get("terminationGracePeriodSeconds") or pod_grace)
