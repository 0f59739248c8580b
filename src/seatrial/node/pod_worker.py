"""Drives one Pod through its life: address, volumes, containers, status, termination.

Everything that happens (the API's changes, the runtime's events, timers) only changes the worker's state and wakes it;
one pass at a time then decides and acts, so a Pod is never worked on twice at once, and an idle Pod has no task
(pkg/kubelet/pod_workers.go). A status is written when a pass has left nothing else to do, so that a Pod whose
containers start at once costs one write.
"""

import asyncio
import logging
import math

from seatrial.api.registry import PODS
from seatrial.base.errors import RuntimeFailure, StatusError, VolumeError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.node import adoption, lifecycle, status
from seatrial.node.context import NodeContext
from seatrial.node.lifecycle import ContainerState, Hold, HoldImage, Phase, Start
from seatrial.node.pod_containers import PodContainers, grace_of
from seatrial.node.pod_network import PodAddress
from seatrial.node.termination import Termination

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
LONGEST_SET_UP_BACK_OFF_SECONDS = 122.0
VOLUMES_SECONDS, SYNC_SECONDS = 123.0, 10.0
"""So long a Pod waits for its volumes before that is told, and then it rests (podAttachAndMountTimeout)."""
RESUME_SECONDS = 1.0
FORCED_GRACE_SECONDS = 1.0
"""For the containers of a Pod that was removed from the API before they ended."""


class PodWorker:
    """One Pod on one node."""

    __slots__ = (
        "_containers", "_context", "_dirty", "_ended", "_is_set_up", "_newest", "_removed", "_set_up_failures",
        "_task", "_termination", "_timer", "_uid", "_view", "_volumes_until", "pod",
    )  # fmt: skip

    def __init__(self, context: NodeContext, pod: JSON) -> None:
        self._context, self.pod = context, pod
        self._uid: str = pod["metadata"]["uid"]
        self._containers = PodContainers(context, pod, self.wake)
        self._newest = pod
        """The newest version that is known: the informer's, or what our own last write returned."""
        self._set_up_failures = 0
        self._volumes_until: float | None = None
        self._dirty = self._removed = self._ended = self._is_set_up = False
        self._termination: Termination | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        host_ip = context.network.host_ip
        self._view = status.PodView(pod, self._containers.states, context.runtime.name, host_ip, "", 0.0)
        adoption.adopt(self._view, context.env.now())

    def begin(self) -> None:
        """The first look at the Pod."""
        if self._context.resumes and not self._view.outcome and (self.pod.get("status") or {}).get("startTime"):
            self._resume()
        else:
            self.wake()

    def _resume(self) -> None:
        """Go on with a Pod of another cluster: what runs, runs on; the rest waits until that has its volumes."""
        if not self._containers.resume():
            self._wake_in(RESUME_SECONDS)
            return
        assert self._containers.address is not None
        self._view.pod_ip = self._containers.address.ip
        self._is_set_up = not self._context.volumes.managed(self.pod)
        if not self._is_set_up or self._is_restless:
            self.wake()

    @property
    def _is_restless(self) -> bool:
        """One of its containers does not run as it should, or it is to end."""
        deleted = self.pod["metadata"].get("deletionTimestamp")
        return bool(deleted) or any(
            c.phase is not (Phase.EXITED if c.kind == "init" else Phase.RUNNING) for c in self._containers.states
        )

    def container(self, name: str) -> ContainerState | None:
        return next((c for c in self._containers.states if c.name == name), None)

    def update(self, pod: JSON) -> None:
        """The API tells of a change."""
        old = self.pod
        self.pod = self._view.pod = self._containers.pod = pod
        foreign = objects.resource_version(pod) > objects.resource_version(self._newest)
        if foreign:
            self._newest = pod
        if pod["metadata"].get("deletionTimestamp"):
            grace, before = (p["metadata"].get("deletionGracePeriodSeconds") for p in (pod, old))
            worth_a_look = self._termination is None or grace != before
        else:
            adapted = pod["spec"] != old["spec"] and self._containers.adapt(pod["spec"], grace_of(pod))
            worth_a_look = adapted or foreign
        if worth_a_look:
            self.wake()

    def removed(self) -> None:
        """The API has no such Pod any more."""
        self._removed = True
        self.wake()

    def wake(self) -> None:
        """Look at the Pod again, soon."""
        self._dirty = True
        if self._task is None and not self._ended:
            self._task = self._context.supervisor.spawn(self._run(), self.pod["metadata"]["name"])

    def abandon(self) -> None:
        """Stop working on the Pod: the agent ends."""
        self._ended = True
        self._forget_timer()
        self._containers.abandon()

    async def lose_power(self) -> None:
        """The node is gone in the middle of whatever it does. Returns when no container is left."""
        self.abandon()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._containers.lose_power()

    async def _run(self) -> None:
        try:
            while self._dirty and not self._ended:
                await self._context.link.awake()
                if self._ended:
                    return
                self._dirty = False
                try:
                    await self._pass()
                except (StatusError, ConnectionError) as error:
                    self._failed(error)
        finally:
            self._task = None

    def _failed(self, error: Exception) -> None:
        if isinstance(error, StatusError) and error.reason in ("NotFound", "Conflict"):
            # Gone, or another Pod of the same name by now: every write says which uid it means.
            self._removed = self._dirty = True
            return
        log.warning("pod %s: %s; trying again", self._uid, error)
        self._wake_in(RETRY_SECONDS)

    async def _pass(self) -> None:
        if self._removed:
            await self._vanish()
        elif self.pod["metadata"].get("deletionTimestamp"):
            await self._terminate()
        elif self._view.outcome:
            await self._finish()
        else:
            await self._advance()

    # --- a Pod that is to run ---

    async def _advance(self) -> None:
        if not self._is_set_up and not await self._set_up():
            await self._write_status()
            return
        now = self._context.env.now()
        if self._past_deadline(now):
            await self._finish()
            return
        policy = self.pod["spec"].get("restartPolicy") or "Always"
        step = lifecycle.next_step(self._containers.states, policy, now, self._context.runtime.settle_seconds)
        for action in step.actions:
            await self._perform(action, now)
        if step.outcome:
            self._view.outcome = step.outcome
            await self._finish()
        elif not self._dirty:
            self._wake_in(min(step.wake_at, self._deadline()) - now)
            if not any(c.phase is Phase.STARTING and c.restarts for c in self._containers.states):
                # A restarted container goes from terminated or CrashLoopBackOff straight to running.
                await self._write_status()

    async def _perform(self, action: lifecycle.Action, now: float) -> None:
        if isinstance(action, Start):
            await self._containers.start(action.container)
        elif isinstance(action, Hold):
            self._containers.hold(action.container, action.delay, now)
        elif isinstance(action, HoldImage):
            self._containers.hold_image(action.container)
        else:
            self._containers.stop(action.container, grace_of(self.pod))

    def _deadline(self) -> float:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        return math.inf if seconds is None else self._view.started_at + float(seconds)

    def _past_deadline(self, now: float) -> bool:
        if now < self._deadline():
            return False
        self._view.outcome, self._view.reason = "Failed", "DeadlineExceeded"
        self._view.message = "Pod was active on the node longer than the specified deadline"
        self._context.record(self.pod, "Normal", "DeadlineExceeded", self._view.message)
        return True

    async def _set_up(self) -> bool:
        """The Pod's address and volumes; False when that has to be tried again."""
        context = self._context
        if not context.volumes.ready(self.pod, self.wake):
            self._wait_for_volumes()
            return False
        try:
            self._containers.address = address = self._containers.address or await self._attach()
            self._view.pod_ip = address.ip
            if context.runtime.runs_processes:
                await context.sources.mount(self.pod, address, context.volumes.managed(self.pod))
            else:
                await context.sources.check_volumes(self.pod, address)
        except (RuntimeFailure, VolumeError) as error:
            self._set_up_failed(error)
            return False
        self._is_set_up = True
        return True

    def _wait_for_volumes(self) -> None:
        """For two minutes and three seconds; then it is told, and tried again (WaitForAttachAndMount)."""
        now = self._context.env.now()
        if self._volumes_until is None:
            self._volumes_until = now + VOLUMES_SECONDS
        elif now >= self._volumes_until:
            for reason, message in self._context.volumes.timed_out(self.pod):
                self._context.record(self.pod, "Warning", reason, message)
            pause = SYNC_SECONDS * (1 + self._context.env.random.random() / 2)
            self._volumes_until = now + pause + VOLUMES_SECONDS
        self._wake_in(self._volumes_until - now)

    async def _attach(self) -> PodAddress:
        network = self._context.network
        if self.pod["spec"].get("hostNetwork"):
            return PodAddress(network.host_ip, network.host_ip, None, self._context.sources.lowest_host_port)
        return await network.attach(self._uid, self.pod["metadata"]["name"])

    def _set_up_failed(self, error: RuntimeFailure | VolumeError) -> None:
        if isinstance(error, RuntimeFailure):
            reason, message = error.reason, f"Failed to create pod sandbox: {error.message}"
        else:
            reason, message = "FailedMount", str(error)
        self._context.record(self.pod, "Warning", reason, message)
        self._set_up_failures += 1
        self._wake_in(min(0.5 * 2.0**self._set_up_failures, LONGEST_SET_UP_BACK_OFF_SECONDS))

    async def _finish(self) -> None:
        """The Pod has reached its outcome: let go of what still runs, and of its address."""
        for container in lifecycle.next_to_stop(self._containers.states):
            self._containers.stop(container, grace_of(self.pod))
        if not self._containers.alive:
            await self._release()
        await self._write_status()

    # --- a Pod that is to go ---

    async def _terminate(self) -> None:
        if self._termination is None:
            self._forget_timer()
            self._termination = Termination(self._context, self._containers, self.wake)
        self._termination.advance()
        if self._containers.alive:
            if self._context.runtime.last_status and not self._dirty:
                await self._write_status()
            return
        wait = self._termination.gone_at - self._context.env.now()
        if wait > 0:
            self._wake_in(wait)
            return
        await self._conclude()

    async def _conclude(self) -> None:
        """Nothing runs any more: the final status, and the Pod may go."""
        meta, states = self.pod["metadata"], self._containers.states
        if self._context.runtime.last_status:
            if not self._view.outcome and any(c.attempts for c in states):
                failed = any(c.exit_code for c in states if c.phase is Phase.EXITED)
                self._view.outcome = "Failed" if failed else "Succeeded"
            await self._write_status()
        await self._release()
        try:
            await self._context.client.delete(
                PODS, meta["name"], meta["namespace"], uid=self._uid, grace_period_seconds=0
            )
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                raise
        await self._forget()

    async def _vanish(self) -> None:
        self._forget_timer()
        for container in self._containers.states:
            if container.alive and not container.stopping:
                container.stopping = True
                self._context.runtime.stop(container.container_id, FORCED_GRACE_SECONDS)
        if not self._containers.alive:
            await self._release()
            await self._forget()

    async def _release(self) -> None:
        await self._context.volumes.release(self.pod)
        if self._containers.address is None:
            return
        if self._context.runtime.runs_processes:
            await self._context.sources.unmount(self.pod)
        self._containers.address = None
        self._is_set_up = False
        await self._context.network.release(self._uid)

    async def _forget(self) -> None:
        self.abandon()
        await self._context.runtime.remove_pod(self.pod)
        self._context.forget(self._uid)

    # --- small things ---

    async def _write_status(self) -> None:
        view, now = self._view, self._context.env.now()
        change = status.patch(self._newest.get("status") or {}, status.build(view, now))
        if not change:
            return
        namespace, name = objects.key(self.pod)
        body = {"metadata": {"uid": self._uid}, "status": change}
        written = await self._context.client.patch(PODS, name, namespace, body, subresource="status")
        if objects.resource_version(written) > objects.resource_version(self._newest):
            self._newest = written

    def _wake_in(self, seconds: float) -> None:
        self._forget_timer()
        if seconds < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self.wake)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
