"""How a Pod's containers end, in this order: it is withdrawn from its Services, preStop, the stop signal, SIGKILL.

Follows pkg/kubelet/kuberuntime killContainersWithSyncResult and killContainer. The grace period counts from the moment
the node sees the deletion, waiting for the proxies included.
"""

import asyncio
import logging
import math
from collections.abc import Callable

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import hooks, lifecycle
from seatrial.node.context import NodeContext
from seatrial.node.lifecycle import ContainerState, Phase
from seatrial.node.pod_containers import PodContainers, grace_of

log = logging.getLogger(__name__)
WITHDRAWAL_SHARE = 0.8
"""Of the grace period, at most, for the proxies to confirm and for preStop to begin."""
SHORTEST_GRACE_SECONDS = 2.0
"""What is left for the stop signal when preStop has used up the grace period (as the kubelet gives it)."""


class Termination:
    """The end of one Pod, from the moment the node sees its deletion."""

    def __init__(self, context: NodeContext, containers: PodContainers, wake: Callable[[], None]) -> None:
        self._context, self._containers, self._wake = context, containers, wake
        now = context.env.now()
        self._deadline = now + grace_of(containers.pod)
        self._allowed = False
        self.gone_at = -math.inf
        """Not before then is the Pod gone, when no container was running."""
        containers.terminating()
        if not containers.alive:
            self.gone_at = now + min(context.runtime.removal_seconds(containers.pod), grace_of(containers.pod))
        elif context.withdrawn is None and not self._has_hooks():
            self._allowed = True
        else:
            context.supervisor.spawn(self._withdraw(), "withdraw")

    def advance(self) -> None:
        """Stop what is to be stopped next; a grace period that has become shorter counts from now."""
        now = self._context.env.now()
        if now + grace_of(self._containers.pod) < self._deadline:
            self._deadline = now + grace_of(self._containers.pod)
            for container in self._containers.states:
                container.stopping = False
        if self._allowed:
            for container in lifecycle.next_to_stop(self._containers.states):
                self._containers.stop(container, max(self._deadline - now, 0.0))

    def _has_hooks(self) -> bool:
        return self._context.runtime.runs_processes and any(_pre_stop(c) for c in self._containers.states)

    async def _withdraw(self) -> None:
        """No proxy sends anything here any more; then the preStop hooks; then the signal may come."""
        context = self._context
        if context.withdrawn is not None:
            try:
                async with asyncio.timeout(self._left() * WITHDRAWAL_SHARE):
                    await context.withdrawn(self._containers.pod)
            except TimeoutError:
                uid = self._containers.pod["metadata"]["uid"]
                log.warning("pod %s: its Services' proxies have not confirmed; stopping it anyway", uid)
        if self._has_hooks():
            await asyncio.gather(*[self._before_stop(c) for c in self._containers.states if c.phase is Phase.RUNNING])
            if grace_of(self._containers.pod) > 0:
                self._deadline = max(self._deadline, context.env.now() + SHORTEST_GRACE_SECONDS)
        self._allowed = True
        self._wake()

    async def _before_stop(self, container: ContainerState) -> None:
        hook, address = _pre_stop(container), self._containers.address
        if not hook or address is None:
            return
        try:
            async with asyncio.timeout(self._left()):
                await hooks.run(hook, self._context.runtime, container, address)
        except RuntimeFailure:
            self._containers.record(container, "Warning", "FailedPreStopHook", "PreStopHook failed")
        except TimeoutError:
            log.warning("the preStop hook of container %s took longer than the grace period", container.name)

    def _left(self) -> float:
        return max(self._deadline - self._context.env.now(), 0.0)


def _pre_stop(container: ContainerState) -> JSON | None:
    return (container.spec.get("lifecycle") or {}).get("preStop")
