"""A world made of dicts in which the controllers' decisions come true: no loop, no store, no server.

The controllers are woken through their own watches, look through their own gather and decide, and what they decide is
applied action by action, with uids, resourceVersions, generations and separate statuses as the API has them. Pods live
on a fake kubelet with fixed delays. Time only moves when nothing is left to do.
"""

import heapq
import itertools
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from seatrial.api.resource import Resource
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.controllers import replica_set, replication_controller
from seatrial.controllers.deployment import controller as deployment
from seatrial.machinery import conditions, objects, status, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.controller import AnyController
from seatrial.reconcile.decision import Action, Batch, Create, Decision, Delete, Event, Patch, Update

CONTROLLERS: tuple[AnyController, ...] = (
    deployment.CONTROLLER,
    replica_set.CONTROLLER,
    replication_controller.CONTROLLER,
)
RESOURCES = {resource.plural: resource for resource in (DEPLOYMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS)}
START = 1_700_000_000.1
"""A little past a whole second."""
NAMESPACE = "default"

T = TypeVar("T")


class Interrupted(Exception):
    """The controller died in the middle of a decision."""


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("the coroutine waits")


@dataclass
class Kubelet:
    """Delays in seconds, as in the recordings' `defaults` and `behaviours`."""

    start: float = 1.0
    ready: float | None = 2.0
    exit: float = 1.0
    exit_not_running: float = 0.2
    bad_image: bool = False


@dataclass
class World:
    """See the module."""

    kubelets: Callable[[str], Kubelet] = lambda image: Kubelet()
    now: float = START
    on_step: Callable[["World"], None] | None = None
    refuse: Callable[[Resource, JSON], StatusError | None] = lambda resource, obj: None
    interrupt_after: int | None = None
    events: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[tuple[float, str, int | None, int]] = field(default_factory=list)
    writes: int = 0

    def __post_init__(self) -> None:
        self.stored: dict[str, dict[Key, JSON]] = {plural: {} for plural in RESOURCES}
        self.queues: dict[str, dict[Key, None]] = {controller.name: {} for controller in CONTROLLERS}
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.wakes: dict[tuple[str, Key], float] = {}
        self._numbers = itertools.count(1)

    # What controllers may read (reconcile.controller.CacheReader).

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        return self.stored[resource.plural].get(key)

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        return [obj for key, obj in sorted(self.stored[resource.plural].items()) if namespace in ("", key[0])]

    def owned_by(self, resource: ResourceRef, uid: str) -> Sequence[JSON]:
        return [obj for obj in self.list(resource) if (objects.controller_of(obj) or {}).get("uid") == uid]

    def orphans(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        return [obj for obj in self.list(resource, namespace) if objects.controller_of(obj) is None]

    async def live(self, resource: ResourceRef, key: Key) -> JSON | None:
        return self.get(resource, key)

    # What the API does.

    def create(self, resource: Resource, obj: JSON) -> JSON:
        made = objects.copy(obj)
        refusal = self.refuse(resource, made)
        if refusal is not None:
            raise refusal
        metadata = made.setdefault("metadata", {})
        metadata.setdefault("namespace", NAMESPACE)
        number = next(self._numbers)
        if "name" not in metadata:
            metadata["name"] = f"{metadata['generateName']}{number:05d}"
        if objects.key(made) in self.stored[resource.plural]:
            raise status.already_exists(resource, metadata["name"])
        metadata |= {"uid": f"uid-{number:05d}", "creationTimestamp": times.format_time(self.now)}
        if resource.has_generation:
            metadata["generation"] = 1
        resource.default(made)
        resource.prepare_for_create(made)
        assert not resource.validate(made), list(resource.validate(made))
        self._store(resource, None, made)
        if resource is PODS:
            self._begin(objects.key(made))
        return made

    def update(self, resource: Resource, obj: JSON, subresource: str = "") -> JSON:
        old = self.stored[resource.plural].get(objects.key(obj))
        if old is None or objects.uid(old) != objects.uid(obj):
            raise status.not_found(resource, objects.name(obj))
        if objects.resource_version(old) != objects.resource_version(obj):
            raise status.conflict(resource, objects.name(obj), "the object has been modified")
        new = objects.copy(obj)
        if subresource == "status":
            new["spec"] = old["spec"]
            assert not resource.validate_status_update(new, old), list(resource.validate_status_update(new, old))
        else:
            new["status"] = old.get("status") or {}
            resource.default(new)
            if resource.generation_fields(new) != resource.generation_fields(old):
                new["metadata"]["generation"] = objects.generation(old) + 1
        if new != old:
            self._store(resource, old, new)
        return new

    def change(self, resource: Resource, name: str, change: Callable[[JSON], None]) -> None:
        """A user edits an object."""
        obj = objects.copy(self.stored[resource.plural][NAMESPACE, name])
        change(obj)
        self.update(resource, obj)

    def delete(self, resource: Resource, key: Key) -> None:
        old = self.stored[resource.plural].get(key)
        if old is None:
            return
        if resource is not PODS:
            self._store(resource, old, None)
        elif not objects.is_terminating(old):
            self._store(resource, old, objects.with_metadata(old, deletionTimestamp=times.format_time(self.now)))
            kubelet = self._kubelet(old)
            delay = kubelet.exit if old["status"]["phase"] == "Running" else kubelet.exit_not_running
            self.after(delay, lambda: self._remove(key, objects.uid(old)))

    def patch_owner(self, resource: Resource, key: Key, body: JSON) -> None:
        """The strategic merge patch of one ownerReference, by uid."""
        old = self.stored[resource.plural].get(key)
        if old is None:
            raise status.not_found(resource, key[1])
        (reference,) = body["metadata"]["ownerReferences"]
        kept = [each for each in objects.owner_references(old) if each["uid"] != reference["uid"]]
        added = [] if reference.get("$patch") == "delete" else [reference]
        self._store(resource, old, objects.with_metadata(old, ownerReferences=[*kept, *added] or None))

    def _store(self, resource: Resource, old: JSON | None, new: JSON | None) -> None:
        self.writes += 1
        key = objects.key(new or old or {})
        if new is None:
            del self.stored[resource.plural][key]
        else:
            new = objects.freeze(objects.with_metadata(new, resourceVersion=str(next(self._numbers))))
            self.stored[resource.plural][key] = new
            self._note_size(resource, old, new)
        for controller in CONTROLLERS:
            for watch in controller.watches:
                if watch.resource is resource and (watch.interesting is None or watch.interesting(old, new)):
                    self.queues[controller.name].update(dict.fromkeys(watch.keys(old, new, self)))

    def _note_size(self, resource: Resource, old: JSON | None, new: JSON) -> None:
        if resource not in (REPLICA_SETS, REPLICATION_CONTROLLERS):
            return
        before = old["spec"]["replicas"] if old else None
        if before != new["spec"]["replicas"]:
            self.sizes.append((self.now, objects.name(new), before, new["spec"]["replicas"]))

    # What a node does.

    def _kubelet(self, pod: JSON) -> Kubelet:
        return self.kubelets(pod["spec"]["containers"][0]["image"])

    def _begin(self, key: Key) -> None:
        pod = self.stored["pods"][key]
        kubelet, uid = self._kubelet(pod), objects.uid(pod)
        self._store(PODS, pod, {**pod, "spec": {**pod["spec"], "nodeName": f"node-{len(key[1]) % 3}"}})
        if not kubelet.bad_image:
            self.after(kubelet.start, lambda: self._run(key, uid))

    def _run(self, key: Key, uid: str) -> None:
        pod = self._pod(key, uid)
        if pod is None or objects.is_terminating(pod):
            return
        kubelet = self._kubelet(pod)
        self._store(PODS, pod, objects.with_status(pod, {**pod["status"], "phase": "Running"}))
        if kubelet.ready == 0:
            self.set_ready(key, uid)
        elif kubelet.ready is not None:
            self.after(kubelet.ready, lambda: self.set_ready(key, uid))

    def set_ready(self, key: Key, uid: str, ready: bool = True) -> None:
        pod = self._pod(key, uid)
        if pod is None or objects.is_terminating(pod):
            return
        moment = times.format_time(self.now)
        condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": moment}
        listed = conditions.put(pod["status"].get("conditions") or (), condition)
        self._store(PODS, pod, objects.with_status(pod, {**pod["status"], "phase": "Running", "conditions": listed}))

    def _pod(self, key: Key, uid: str) -> JSON | None:
        pod = self.stored["pods"].get(key)
        return pod if pod is not None and objects.uid(pod) == uid else None

    def _remove(self, key: Key, uid: str) -> None:
        pod = self._pod(key, uid)
        if pod is not None:
            self._store(PODS, pod, None)

    # Time and the controllers' work.

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (self.now + seconds, next(self._numbers), action))

    def settle(self, most: int = 5000) -> int:
        """Let the controllers work until they are content; returns how many looks that took."""
        looks = 0
        while any(self.queues.values()):
            for controller in CONTROLLERS:
                if self.queues[controller.name]:
                    key = next(iter(self.queues[controller.name]))
                    del self.queues[controller.name][key]
                    self.look(controller, key)
                    looks += 1
                    assert looks < most, f"no end of work: {controller.name} {key}"
        return looks

    def look(self, controller: AnyController, key: Key) -> Decision | None:
        """One reconcile, with retries left to the queue."""
        view = finished(controller.gather(key, self))
        if view is None:
            return None
        decision = controller.decide(view, self.now)
        try:
            self.apply(decision, controller)
        except StatusError:
            self._wake(controller, key, 0.01)
        except Interrupted:
            self.queues[controller.name][key] = None
            raise
        else:
            if decision.requeue_after is not None:
                self._wake(controller, key, decision.requeue_after)
        return decision

    def apply(self, decision: Decision, controller: AnyController) -> None:
        try:
            for action in decision.actions:
                self.do(action)
        except StatusError as error:
            if decision.after_failure is not None:
                self.apply(decision.after_failure(error), controller)
            raise
        if decision.status is not None:
            self.do(Update(controller.primary, decision.status, "status", subresource="status"))

    def do(self, action: Action) -> None:
        if isinstance(action, Event):
            self.events.append((action.reason, action.message))
            return
        if isinstance(action, Batch):
            for member in action.actions:
                self.do(member)
            return
        self._count_down()
        told = self._write(action)
        if told is not None:
            self.do(told)
        if self.on_step is not None:
            self.on_step(self)

    def _count_down(self) -> None:
        if self.interrupt_after is None:
            return
        if self.interrupt_after == 0:
            self.interrupt_after = None
            raise Interrupted
        self.interrupt_after -= 1

    def _write(self, action: Create | Update | Patch | Delete) -> Event | None:
        resource = RESOURCES[action.resource.plural]
        if isinstance(action, Update):
            updated = self.update(resource, action.object, action.subresource)
            return action.on_success(updated) if action.on_success else None
        if isinstance(action, Patch):
            assert isinstance(action.body, dict)
            self.patch_owner(resource, action.key, action.body)
            return None
        if isinstance(action, Delete):
            self.delete(resource, action.key)
            return action.on_success({}) if action.on_success else None
        try:
            made = self.create(resource, action.object)
        except StatusError as error:
            told = action.on_failure(error) if action.on_failure else None
            if told is not None:
                self.do(told)
            raise
        return action.on_success(made) if action.on_success else None

    def _wake(self, controller: AnyController, key: Key, seconds: float) -> None:
        """Of several wishes for a key the earliest counts."""
        due, place = self.now + seconds, (controller.name, key)
        if self.wakes.get(place, due + 1) <= due:
            return
        self.wakes[place] = due

        def wake() -> None:
            if self.wakes.get(place) == due:
                del self.wakes[place]
                self.queues[controller.name][key] = None

        self.after(seconds, wake)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        self.settle()
        while self.timers and self.timers[0][0] <= end:
            self.advance()
        self.now = end

    def advance(self) -> bool:
        """To the next thing that happens; False when nothing will."""
        if not self.timers:
            return False
        self.now, _, action = heapq.heappop(self.timers)
        action()
        self.settle()
        return True

    # Looking at the result.

    def pods(self, ready: bool | None = None) -> Sequence[JSON]:
        """Pods that are not terminating."""
        alive = [pod for pod in self.list(PODS) if not objects.is_terminating(pod)]
        return alive if ready is None else [pod for pod in alive if conditions.is_true(pod, "Ready") is ready]

    def the(self, resource: Resource, name: str) -> JSON:
        return self.stored[resource.plural][NAMESPACE, name]


def a_deployment(name: str = "web", *, image: str = "app:1", **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}}
    selector = {"matchLabels": {"app": name}}
    return {"metadata": {"name": name}, "spec": {"selector": selector, "template": template, **spec}}


def set_image(image: str) -> Callable[[JSON], None]:
    def change(obj: JSON) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def set_spec(**fields: Any) -> Callable[[JSON], None]:
    def change(obj: JSON) -> None:
        obj["spec"].update(fields)

    return change


def waves(sizes: Iterable[tuple[float, str, int | None, int]], gap: float = 0.6) -> list[dict[str, int]]:
    """Sizes after changes that lie less than `gap` apart."""
    grouped: list[dict[str, int]] = []
    last = float("-inf")
    for moment, name, _, new in sizes:
        if moment - last >= gap:
            grouped.append({})
        last = moment
        grouped[-1][name] = new
    return grouped
