"""Gives every Pod a node: kube-scheduler's loop around `decide`.

    informers ─▶ snapshot, queue ─▶ decide ─▶ assume ─▶ bind (in the background) ─▶ event

Follows pkg/scheduler/{scheduler,schedule_one,eventhandlers}.go of release 1.32. An assumed Pod counts as on its node
until the informer shows it there, or binding fails. Several schedulers can share a cluster: only Pods that name this
one are placed.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import NoReturn

from seatrial.aio.tasks import Supervisor
from seatrial.api.registry import NODES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Client
from seatrial.machinery import conditions, objects, selectors, times
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.outbox import Outbox
from seatrial.reconcile.series_recorder import SeriesRecorder
from seatrial.scheduler import decide, filters, messages
from seatrial.scheduler.decide import Unschedulable
from seatrial.scheduler.queue import QueuedPod, SchedulingQueue
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from seatrial.workloads import service_endpoints

log = logging.getLogger(__name__)

NAME = "default-scheduler"


class Scheduler:
    """See the module. `host` ends the reportingInstance of its events. `start`, then `await stop()`."""

    def __init__(
        self, informers: Informers, client: Client, env: Env, *, name: str = NAME, host: str = "seatrial"
    ) -> None:
        self.name = name
        self.snapshot = Snapshot()
        self.queue = SchedulingQueue()
        self._informers, self._client, self._env = informers, client, env
        self._recorder = SeriesRecorder(client, env, name, f"{name}-{host}")
        self._outbox = Outbox(name)
        self._assumed: dict[str, QueuedPod] = {}
        self._supervisor: Supervisor | None = None
        for resource in (NODES, PODS, SERVICES, REPLICA_SETS, REPLICATION_CONTROLLERS):
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
        self._informers.informer(NODES).add_handler(self._node_changed)
        self._informers.informer(PODS).add_handler(self._pod_changed)
        while True:
            queued = await self.queue.pop()
            self._schedule(queued, supervisor)
            await asyncio.sleep(0)

    def _schedule(self, queued: QueuedPod, supervisor: Supervisor) -> None:
        """One Pod: a node is assumed for it and bound in the background, or it goes back to the queue."""
        info = queued.info
        outcome = decide.decide(self.snapshot, info, self._env.random, self._spreading_selector(info.pod))
        if isinstance(outcome, Unschedulable):
            self._tell_failure(info.pod, "Unschedulable", outcome.message)
            self.queue.failed(queued, outcome.rejected_by)
            return
        self._assumed[info.uid] = queued
        self.snapshot.put_pod(info, outcome.node)
        supervisor.spawn(self._bind(queued, outcome.node), f"bind-{'/'.join(info.key)}")

    async def _bind(self, queued: QueuedPod, node: str) -> None:
        namespace, name = queued.info.key
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": queued.info.uid},
            "target": {"kind": "Node", "name": node},
        }
        try:
            await self._client.create_subresource(PODS, name, namespace, "binding", body)
        except (StatusError, ConnectionError) as error:
            self._binding_failed(queued, error)
        else:
            text = f"Successfully assigned {namespace}/{name} to {node}"
            self._recorder.event(queued.info.pod, "Normal", "Scheduled", "Binding", text)

    def _binding_failed(self, queued: QueuedPod, error: Exception) -> None:
        """A Pod that is gone, or that somebody else has bound, is told by the informer."""
        uid = queued.info.uid
        if self._assumed.pop(uid, None) is None:
            return
        self.snapshot.drop_pod(uid)
        if isinstance(error, StatusError) and error.reason == "NotFound":
            self.queue.delete(uid)
            return
        log.info("binding %s/%s: %s", *queued.info.key, error)
        self._tell_failure(queued.info.pod, "SchedulerError", f"binding rejected: {error}")
        self.queue.failed(queued, (), retry=True)
        self.queue.moved(filters.RELEASED_BY_POD)

    def _tell_failure(self, pod: JSON, reason: str, message: str) -> None:
        """An event, and the condition PodScheduled, if it doesn't say so already."""
        self._recorder.event(pod, "Warning", "FailedScheduling", "Scheduling", messages.truncated(message))
        known = conditions.find(pod, "PodScheduled") or {}
        if (known.get("status"), known.get("reason"), known.get("message")) == ("False", reason, message):
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
        body = {"metadata": {"uid": objects.uid(pod)}, "status": {"conditions": [condition]}}
        self._outbox.put(lambda: self._client.patch(PODS, name, namespace, body, subresource="status"))

    def _spreading_selector(self, pod: JSON) -> Selector | None:
        """What the Pod's Services and its controller select, together (component-helpers DefaultSelector)."""
        namespace = objects.namespace(pod)
        labels = objects.labels(pod)
        pairs: dict[str, str] = {}
        for service in self._informers.informer(SERVICES).cache.list(namespace):
            if service_endpoints.selects(service, labels):
                pairs.update(service["spec"]["selector"])
        requirements = selectors.from_map(pairs).requirements
        requirements += self._owner_requirements(pod)
        return Selector(requirements) if requirements else None

    def _owner_requirements(self, pod: JSON) -> tuple[selectors.Requirement, ...]:
        owner = objects.controller_of(pod)
        if owner is None:
            return ()
        key = objects.namespace(pod), owner["name"]
        if owner["kind"] == REPLICA_SETS.kind:
            found = self._informers.informer(REPLICA_SETS).cache.get(key)
            return selectors.from_label_selector(found["spec"]["selector"]).requirements if found is not None else ()
        if owner["kind"] == REPLICATION_CONTROLLERS.kind:
            found = self._informers.informer(REPLICATION_CONTROLLERS).cache.get(key)
            return selectors.from_map(found["spec"].get("selector")).requirements if found is not None else ()
        return ()

    def _node_changed(self, old: JSON | None, new: JSON | None) -> None:
        if new is None:
            self.snapshot.drop_node(objects.name(old or {}))
            return
        self.snapshot.put_node(new)
        if old is None:
            self.queue.moved(None)
        elif concerned := filters.concerned_by_node(old, new):
            self.queue.moved(concerned)

    def _pod_changed(self, old: JSON | None, new: JSON | None) -> None:
        if new is not None and _is_on_node(new):
            self._pod_on_node(old, new)
        elif old is not None and _is_on_node(old):
            self._assumed.pop(objects.uid(old), None)
            self.snapshot.drop_pod(objects.uid(old))
            self.queue.moved(filters.RELEASED_BY_POD)
        elif new is None or objects.is_terminating(new):
            self._pod_gone(objects.uid(new or old or {}))
        elif self._is_ours(new):
            self._pod_waits(old, new)

    def _pod_on_node(self, old: JSON | None, new: JSON) -> None:
        uid, node = objects.uid(new), new["spec"]["nodeName"]
        if self._assumed.pop(uid, None) is not None or old is None or not _is_on_node(old):
            self.queue.delete(uid)
        if old is None or self.snapshot.node_of(uid) != node or _counts_otherwise(old, new):
            self.snapshot.put_pod(PodInfo(new), node)

    def _pod_gone(self, uid: str) -> None:
        self.queue.delete(uid)
        if self._assumed.pop(uid, None) is not None:
            self.snapshot.drop_pod(uid)
            self.queue.moved(filters.RELEASED_BY_POD)

    def _pod_waits(self, old: JSON | None, new: JSON) -> None:
        uid = objects.uid(new)
        queued = self.queue.get(uid)
        if queued is None:
            self.queue.add(PodInfo(new))
        elif old is not None and (_counts_otherwise(old, new) or old["spec"] != new["spec"]):
            queued.info = PodInfo(new)
            self.queue.changed(queued)
        else:
            queued.info.pod = new

    def _is_ours(self, pod: JSON) -> bool:
        spec = pod["spec"]
        return (spec.get("schedulerName") or NAME) == self.name and not spec.get("schedulingGates")


def _is_on_node(pod: JSON) -> bool:
    return bool(pod["spec"].get("nodeName")) and not _has_ended(pod)


def _has_ended(pod: JSON) -> bool:
    return objects.get(pod, "status", "phase") in ("Succeeded", "Failed")


def _counts_otherwise(old: JSON, new: JSON) -> bool:
    """Whether the snapshot would look different: what it asks for, its labels, whether it is going."""
    return (
        objects.is_terminating(old) != objects.is_terminating(new)
        or objects.labels(old) != objects.labels(new)
        or any(_asked(one) != _asked(other) for one, other in zip(_containers(old), _containers(new), strict=False))
    )


def _containers(pod: JSON) -> Iterable[JSON]:
    return (*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ()))


def _asked(container: JSON) -> object:
    return container.get("resources")
