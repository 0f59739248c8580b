"""What changes of objects mean for the scheduler: its snapshot is kept true, and Pods that wait are tried again.

Follows pkg/scheduler/eventhandlers.go (1.32).
"""

from collections.abc import Iterable
from functools import partial

from seatrial.api.registry import NAMESPACES, NODES, PODS
from seatrial.api.resource import Resource
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.reconcile.informer import Informers
from seatrial.scheduler import volume_hints
from seatrial.scheduler.hints import Hint
from seatrial.scheduler.profile import Profile
from seatrial.scheduler.queue import QueuedPod, SchedulingQueue
from seatrial.scheduler.snapshot import PodInfo, Snapshot

DEFAULT_NAME = "default-scheduler"
"""The scheduler of Pods that name none."""


class EventHandlers:
    """`name`: whose Pods are queued. `assumed`: uid → Pods that have a node, which no informer has shown yet."""

    def __init__(
        self, snapshot: Snapshot, queue: SchedulingQueue, assumed: dict[str, QueuedPod], rules: Profile, name: str
    ) -> None:
        self._snapshot, self._queue, self._assumed = snapshot, queue, assumed
        self._rules, self._name = rules, name

    def add_to(self, informers: Informers) -> None:
        """From now on they are called; for what is there already, at once."""
        informers.informer(NAMESPACES).add_handler(self._namespace_changed)
        informers.informer(NODES).add_handler(self._node_changed)
        informers.informer(PODS).add_handler(self._pod_changed)
        for resource in volume_hints.KINDS:
            informers.informer(resource).add_handler(partial(self._storage_changed, resource))

    def moved(self, hint: Hint | None) -> None:
        """Something changed that may help Pods that wait; None: it helps none."""
        if hint is not None:
            self._queue.moved(hint)

    def _namespace_changed(self, old: JSON | None, new: JSON | None) -> None:
        if new is None:
            self._snapshot.drop_namespace(objects.name(old or {}))
        else:
            self._snapshot.put_namespace(objects.name(new), objects.labels(new))

    def _storage_changed(self, resource: Resource, old: JSON | None, new: JSON | None) -> None:
        self.moved(self._rules.hints.storage_changed(resource, old, new))

    def _node_changed(self, old: JSON | None, new: JSON | None) -> None:
        if new is None:
            self._snapshot.drop_node(objects.name(old or {}))
            self.moved(self._rules.hints.node_gone(old or {}))
            return
        self._snapshot.put_node(new)
        self.moved(self._rules.hints.node_changed(old, new))

    def _pod_changed(self, old: JSON | None, new: JSON | None) -> None:
        if new is not None and _is_on_node(new):
            self._pod_on_node(old, new)
        elif old is not None and _is_on_node(old):
            self._assumed.pop(objects.uid(old), None)
            self._snapshot.drop_pod(objects.uid(old))
            self.moved(self._rules.hints.pod_gone(old))
        elif new is None or objects.is_terminating(new):
            self._pod_gone(new or old or {})
        elif self._is_ours(new):
            self._pod_waits(old, new)

    def _pod_on_node(self, old: JSON | None, new: JSON) -> None:
        uid, node = objects.uid(new), new["spec"]["nodeName"]
        is_new = old is None or not _is_on_node(old)
        if self._assumed.pop(uid, None) is not None or is_new:
            self._queue.delete(uid)
            self._snapshot.nominated.pop(uid, None)
        if old is None or self._snapshot.node_of(uid) != node or _counts_otherwise(old, new):
            self._snapshot.put_pod(PodInfo(new), node)
        self.moved(self._rules.hints.pod_came(None if is_new else old, new))

    def _pod_gone(self, pod: JSON) -> None:
        uid = objects.uid(pod)
        self._queue.delete(uid)
        self._snapshot.nominated.pop(uid, None)
        if self._assumed.pop(uid, None) is not None:
            self._snapshot.drop_pod(uid)
            self.moved(self._rules.hints.pod_gone(pod))

    def _pod_waits(self, old: JSON | None, new: JSON) -> None:
        uid = objects.uid(new)
        queued = self._queue.get(uid)
        if queued is None:
            info = PodInfo(new)
            self._queue.add(info)
            if node := objects.get(new, "status", "nominatedNodeName"):
                self._snapshot.nominated[uid] = info, node
            return
        differs = old is not None and (_counts_otherwise(old, new) or old["spec"] != new["spec"])
        if differs:
            queued.info = PodInfo(new)
        else:
            queued.info.pod = new
        if differs or self._rules.any_update_retries:
            self._queue.changed(queued, at_once=self._rules.any_update_retries)

    def _is_ours(self, pod: JSON) -> bool:
        spec = pod["spec"]
        return (spec.get("schedulerName") or DEFAULT_NAME) == self._name and not spec.get("schedulingGates")


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
