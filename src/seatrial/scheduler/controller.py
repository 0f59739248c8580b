"""Gives every Pod a node: kube-scheduler's loop around `decide`.

    informers ─▶ snapshot, queue ─▶ decide ─▶ assume ─▶ bind (in the background) ─▶ event
                                      └─▶ preemption ─▶ victims are deleted, the Pod waits for their node

Follows pkg/scheduler/{scheduler,schedule_one}.go of release 1.32. An assumed Pod counts as on its node
until the informer shows it there, or binding fails. Several schedulers can share a cluster: only Pods that name this
one are placed.
"""

import asyncio
import logging
from typing import NoReturn

from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import (
    CSI_NODES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import conditions, objects, times
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.lister import Lister
from seatrial.reconcile.outbox import Outbox
from seatrial.reconcile.series_recorder import SeriesRecorder
from seatrial.scheduler import (
    decide,
    default_selector,
    messages,
    preemption,
    profile,
    volume_binding,
    volume_filters,
)
from seatrial.scheduler.decide import Unschedulable
from seatrial.scheduler.event_handlers import DEFAULT_NAME, EventHandlers
from seatrial.scheduler.evictions import Evictions
from seatrial.scheduler.preemption import Preemption
from seatrial.scheduler.profile import Profile
from seatrial.scheduler.queue import QueuedPod, SchedulingQueue
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from seatrial.scheduler.volume_filters import Bindings

log = logging.getLogger(__name__)

READS = (
    CSI_NODES, NAMESPACES, NODES, PERSISTENT_VOLUMES, PERSISTENT_VOLUME_CLAIMS, POD_DISRUPTION_BUDGETS, PODS,
    STORAGE_CLASSES, VOLUME_ATTACHMENTS, *default_selector.READS,
)  # fmt: skip


class Scheduler:
    """Places the Pods that name it. `host` ends the reportingInstance of its events. `start`, then `await stop()`."""

    def __init__(
        self,
        informers: Informers,
        client: Client,
        env: Env,
        *,
        rules: Profile = profile.CURRENT,
        name: str = DEFAULT_NAME,
        host: str = "seatrial",
    ) -> None:
        self.name, self.rules = name, rules
        self.snapshot = Snapshot(Lister(informers, client))
        self.queue = SchedulingQueue(rules.longest_wait_seconds)
        self._informers, self._client, self._env = informers, client, env
        self._recorder = SeriesRecorder(client, env, name, f"{name}-{host}")
        self._outbox = Outbox(name)
        self._evictions = Evictions(client, env, self._recorder, rules.preempted, name)
        self._assumed: dict[str, QueuedPod] = {}
        self._handlers = EventHandlers(self.snapshot, self.queue, self._assumed, rules, name)
        self._supervisor: Supervisor | None = None
        for resource in READS:
            informers.informer(resource)

    def start(self) -> None:
        """Begin once the informers are in sync."""
        if self._supervisor is None:
            self._supervisor = Supervisor(self.name)
            self._supervisor.spawn(self._run(self._supervisor), "loop")

    async def stop(self) -> None:
        """End the loop and what is being bound, then write the events that are left."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self.queue.close()
        try:
            await supervisor.stop()
        finally:
            await self._outbox.stop()
            await self._recorder.stop()

    async def _run(self, supervisor: Supervisor) -> NoReturn:
        await self._informers.synced()
        self._handlers.add_to(self._informers)
        while True:
            queued = await self.queue.pop()
            self._schedule(queued, supervisor)
            await asyncio.sleep(0)

    def _schedule(self, queued: QueuedPod, supervisor: Supervisor) -> None:
        """One Pod: a node is assumed for it and bound in the background, or it goes back to the queue."""
        info = queued.info
        outcome = decide.decide(self.snapshot, info, self._env.random, self.rules)
        if isinstance(outcome, Unschedulable):
            self._no_node(queued, outcome, supervisor)
            return
        self.snapshot.nominated.pop(info.uid, None)
        self._assumed[info.uid] = queued
        bindings = volume_filters.bindings(info.pod, outcome.node, self.snapshot)
        self.snapshot.kept |= bindings.volumes
        self.snapshot.put_pod(info, outcome.node)
        supervisor.spawn(self._bind(queued, outcome.node, bindings), f"bind-{'/'.join(info.key)}")

    def _no_node(self, queued: QueuedPod, outcome: Unschedulable, supervisor: Supervisor) -> None:
        """Perhaps others can be made to go for it; either way it waits."""
        info = queued.info
        found = preemption.find(self.snapshot, info, outcome, self.rules, self._env.random, self._env.now())
        message = outcome.message
        if isinstance(found, Preemption):
            self._clear_for(info, found, supervisor)
        else:
            if found not in preemption.STILL_ITS_TURN:
                self.snapshot.nominated.pop(info.uid, None)
            if self.rules.tells_of_preemption:
                message = messages.with_preemption(message, found)
        self._tell_failure(info.pod, "Unschedulable", message)
        self.queue.failed(queued, outcome.rejected_by)

    def _clear_for(self, info: PodInfo, found: Preemption, supervisor: Supervisor) -> None:
        """The victims are deleted; Pods of lower priority that were to come to the node have to look anew."""
        for other, node in list(self.snapshot.nominated.values()):
            if node == found.node and other.priority < info.priority:
                del self.snapshot.nominated[other.uid]
                supervisor.spawn(self._evictions.clear_nomination(other), f"denominate-{'/'.join(other.key)}")
        self.snapshot.nominated[info.uid] = info, found.node
        supervisor.spawn(self._evictions.run(info, found), f"preempt-{'/'.join(info.key)}")

    async def _bind(self, queued: QueuedPod, node: str, bindings: Bindings) -> None:
        namespace, name = queued.info.key
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": queued.info.uid},
            "target": {"kind": "Node", "name": node},
        }
        stage = 'running PreBind plugin "VolumeBinding"'
        try:
            await volume_binding.bind(self._client, bindings, node)
            stage = 'running Bind plugin "DefaultBinder"'
            await self._client.create_subresource(PODS, name, namespace, "binding", body)
        except (StatusError, ConnectionError, TimeoutError) as error:
            self._binding_failed(queued, error, f"{stage}: {error}")
        else:
            text = f"Successfully assigned {namespace}/{name} to {node}"
            self._recorder.event(queued.info.pod, "Normal", "Scheduled", "Binding", text)
        finally:
            self.snapshot.kept -= bindings.volumes

    def _binding_failed(self, queued: QueuedPod, error: Exception, message: str) -> None:
        """A Pod that is gone, or that somebody else has bound, is told by the informer."""
        uid = queued.info.uid
        if self._assumed.pop(uid, None) is None:
            return
        self.snapshot.drop_pod(uid)
        if isinstance(error, StatusError) and error.reason == "NotFound":
            self.queue.delete(uid)
            return
        log.info("%s/%s: %s", *queued.info.key, message)
        self._tell_failure(queued.info.pod, "SchedulerError", message)
        self.queue.failed(queued, (), retry=True)
        self._handlers.moved(self.rules.hints.pod_gone(queued.info.pod))

    def _tell_failure(self, pod: JSON, reason: str, message: str) -> None:
        """An event, and the condition PodScheduled and the nominated node, if they don't say so already."""
        self._recorder.event(pod, "Warning", "FailedScheduling", "Scheduling", messages.truncated(message))
        nominated = self.snapshot.nominated.get(objects.uid(pod))
        node = nominated[1] if nominated is not None else ""
        known = conditions.find(pod, "PodScheduled") or {}
        same = (known.get("status"), known.get("reason"), known.get("message")) == ("False", reason, message)
        told = objects.get(pod, "status", "nominatedNodeName") or ""
        if same and told == node:
            return
        condition: JSON = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": times.format_time(self._env.now()),
            "reason": reason,
            "message": message,
        }
        if known.get("status") == "False" and known.get("lastTransitionTime"):
            condition["lastTransitionTime"] = known["lastTransitionTime"]
        namespace, name = objects.key(pod)
        status: JSON = {"conditions": [condition], **({"nominatedNodeName": node or None} if told != node else {})}
        body = {"metadata": {"uid": objects.uid(pod)}, "status": status}
        self._outbox.put(lambda: self._client.patch(PODS, name, namespace, body, subresource="status"))
