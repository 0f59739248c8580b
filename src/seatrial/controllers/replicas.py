"""Keeps as many Pods running as `spec.replicas` says: what ReplicaSets and ReplicationControllers have in common.

Follows pkg/controller/replicaset/replica_set.go and replica_set_utils.go (1.32), which serves both kinds too.

- Pods that finished or are being deleted do not count; others are claimed by selector (workloads.ownership).
- Too few: create up to 500, slowly at first. Too many: delete up to 500, the least useful first.
- Status is of the Pods as they were before that. A failure becomes the condition ReplicaFailure.
- Where minReadySeconds hold Pods back from being available, look again later.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seatrial.api.registry import PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.selectors import Selector
from seatrial.reconcile.controller import CacheReader, Watch
from seatrial.reconcile.decision import NOTHING, Action, Batch, Create, Decision, Delete, Event, Patch
from seatrial.workloads import conditions as workload_conditions
from seatrial.workloads import ownership, pods

BURST = 500
"""Most Pods created or deleted at one look (BurstReplicas)."""
_COUNTS = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
_JUST_AFTER = 0.001
_NOTHING: JSON = {}


class Standing(NamedTuple):
    """What counts of one Pod, worked out once for as long as the Pod and its owner's labels stay the same."""

    pod: JSON
    active: bool
    selected: bool
    labelled: bool
    ready: bool


class Census:
    """The standing of each owner's Pods at its last look, so that a look costs little for Pods that did not change.

    Objects in caches are never changed in place: the same object says the same.
    """

    def __init__(self) -> None:
        self._owners: dict[Key, tuple[Selector, JSON, dict[int, Standing]]] = {}

    def forget(self, key: Key) -> None:
        self._owners.pop(key, None)

    def take(self, owner: JSON, selector: Selector, owned: Sequence[JSON]) -> list[Standing]:
        key, wanted = objects.key(owner), objects.labels(owner["spec"].get("template") or _NOTHING)
        known: dict[int, Standing] = {}
        last = self._owners.get(key)
        if last is not None and last[0] == selector and last[1] == wanted:
            known = last[2]
        found = [known.get(id(pod)) or _standing(pod, selector, wanted) for pod in owned]
        self._owners[key] = (selector, wanted, {id(each.pod): each for each in found})
        return found


def _standing(pod: JSON, selector: Selector, wanted: JSON) -> Standing:
    labels = objects.labels(pod)
    labelled = wanted.items() <= labels.items()
    return Standing(pod, pods.is_active(pod), selector.matches(labels), labelled, pods.is_ready(pod))


@dataclass(frozen=True)
class Adapter:
    """What differs between the kinds. `selector_of` returns None for a selector that can't be read."""

    resource: ResourceRef
    selector_of: Callable[[JSON], Selector | None]
    census: Census = field(default_factory=Census)


@dataclass(frozen=True, slots=True)
class View:
    """One owner and its active Pods: `claimed` ours, `adopt` orphans to take, `release` no longer selected.

    `related_per_node`: active Pods of all siblings (same grandparent) on each node.
    """

    adapter: Adapter
    owner: JSON
    claimed: Sequence[Standing] = ()
    adopt: Sequence[Standing] = ()
    release: Sequence[JSON] = ()
    related_per_node: Mapping[str, int] = field(default_factory=dict)


async def gather(adapter: Adapter, key: Key, cache: CacheReader) -> View | None:
    owner = cache.get(adapter.resource, key)
    if owner is None:
        adapter.census.forget(key)
        return None
    selector = adapter.selector_of(owner)
    if selector is None or selector.empty:
        return None
    active = [
        each for each in adapter.census.take(owner, selector, cache.owned_by(PODS, objects.uid(owner))) if each.active
    ]
    claimed = [each for each in active if each.selected]
    orphans = filter(pods.is_active, cache.orphans(PODS, key[0]))
    adopt = ownership.classify(owner, selector, (), orphans).adopt
    if adopt and not ownership.may_adopt(owner, await cache.live(adapter.resource, key)):
        return None
    wanted = objects.labels(owner["spec"].get("template") or _NOTHING)
    leaving = objects.is_terminating(owner)
    return View(
        adapter,
        owner,
        claimed,
        [_standing(pod, selector, wanted) for pod in adopt],
        [] if leaving else [each.pod for each in active if not each.selected],
        _related_per_node(adapter, owner, cache) if len(claimed) + len(adopt) > _replicas(owner) else {},
    )


def _related_per_node(adapter: Adapter, owner: JSON, cache: CacheReader) -> Mapping[str, int]:
    reference = objects.controller_of(owner)
    if reference is None:
        return {}
    siblings = cache.owned_by(adapter.resource, reference["uid"])
    return pods.active_per_node(pod for sibling in siblings for pod in cache.owned_by(PODS, objects.uid(sibling)))


def decide(view: View, now: float) -> Decision:
    owner = view.owner
    current = [*view.claimed, *view.adopt]
    status = _status(owner, current, now)
    difference = 0 if objects.is_terminating(owner) else len(current) - _replicas(owner)
    actions: list[Action] = _claim_actions(view)
    patched = {action.key[1] for action in actions if isinstance(action, Patch)}
    if difference < 0:
        actions.append(_creations(view, min(-difference, BURST)))
    elif difference > 0:
        actions.append(_deletions(view, [each.pod for each in current], difference, now))

    def after_failure(error: StatusError) -> Decision:
        if difference == 0 or (error.status.get("details") or _NOTHING).get("name") in patched:
            return NOTHING
        return Decision(status=_changed(owner, _with_failure(owner, status, difference, error, now)))

    return Decision(
        actions=tuple(actions),
        status=_changed(owner, _without_failure(status)),
        requeue_after=_look_again_after(owner, current, status, now),
        after_failure=after_failure if actions else None,
    )


def _replicas(owner: JSON) -> int:
    return int(owner["spec"].get("replicas") or 0)


def _claim_actions(view: View) -> list[Action]:
    owner, resource = view.owner, view.adapter.resource
    release: list[Action] = [
        Patch(
            PODS,
            objects.key(pod),
            ownership.release_patch(pod, owner),
            "no longer selected",
            ignore=("NotFound", "Invalid"),
        )
        for pod in view.release
    ]
    adopt: list[Action] = [
        Patch(
            PODS,
            objects.key(pod),
            ownership.adoption_patch(pod, owner, resource),
            "selected, without a controller",
            ignore=("NotFound",),
        )
        for pod in (each.pod for each in view.adopt)
    ]
    return [*release, *adopt]


def _creations(view: View, count: int) -> Action:
    owner, template = view.owner, view.owner["spec"].get("template") or {}

    def created(pod: JSON) -> Event:
        return Event(owner, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(pod)}")

    def failed(error: StatusError) -> Event:
        return Event(owner, "Warning", "FailedCreate", f"Error creating: {error}")

    pod = pods.from_template(template, owner, view.adapter.resource)
    create = Create(PODS, pod, f"{count} Pods too few", on_success=created, on_failure=failed)
    return Batch((create,) * count, slow_start=True)


def _deletions(view: View, current: Sequence[JSON], surplus: int, now: float) -> Action:
    owner, count = view.owner, min(surplus, BURST)
    if count < len(current):
        current = pods.by_deletion(current, view.related_per_node, now)
    return Batch(tuple(_deletion(owner, pod, f"{surplus} Pods too many") for pod in current[:count]))


def _deletion(owner: JSON, pod: JSON, because: str) -> Delete:
    name = objects.name(pod)

    def deleted(_: JSON) -> Event:
        return Event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")

    def failed(error: StatusError) -> Event:
        return Event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")

    return Delete(PODS, objects.key(pod), objects.uid(pod), because, on_success=deleted, on_failure=failed)


def _status(owner: JSON, current: Sequence[Standing], now: float) -> JSON:
    """The counts, and the conditions as they are."""
    min_ready_seconds = owner["spec"].get("minReadySeconds") or 0
    labelled = sum([each.labelled for each in current])
    ready = available = sum([each.ready for each in current])
    if min_ready_seconds and ready:
        available = sum(each.ready and pods.is_available(each.pod, min_ready_seconds, now) for each in current)
    counts = dict(zip(_COUNTS, (labelled, ready, available, objects.generation(owner)), strict=True))
    status: JSON = {"replicas": len(current)} | {name: count for name, count in counts.items() if count}
    listed = conditions.conditions_of(owner)
    return status | ({"conditions": list(listed)} if listed else {})


def _without_failure(status: JSON) -> JSON:
    listed = conditions.without(status.get("conditions") or (), workload_conditions.REPLICA_FAILURE)
    return _with_conditions(status, listed)


def _with_failure(owner: JSON, status: JSON, difference: int, error: StatusError, now: float) -> JSON:
    """The first failure stays until there is a success."""
    if conditions.find(owner, workload_conditions.REPLICA_FAILURE):
        return status
    reason = "FailedCreate" if difference < 0 else "FailedDelete"
    condition = workload_conditions.replica_failure(reason, str(error), now)
    return _with_conditions(status, conditions.with_condition(status.get("conditions") or (), condition))


def _with_conditions(status: JSON, listed: list[JSON]) -> JSON:
    bare = {name: value for name, value in status.items() if name != "conditions"}
    return bare | {"conditions": listed} if listed else bare


def _changed(owner: JSON, status: JSON) -> JSON | None:
    """The owner with this status, or None if it has it already."""
    before = owner.get("status") or {}
    same = {name: value for name, value in before.items() if value or name == "replicas"}
    return None if same == status else objects.with_status(owner, status)


def _look_again_after(owner: JSON, current: Sequence[Standing], status: JSON, now: float) -> float | None:
    """When a Pod that is ready may have become available.

    All ready: minReadySeconds after this look, else a second later (replica_set.go: the end of syncReplicaSet, and
    updatePod). Ready times are whole seconds, and a Pod is available only after its time: where this look falls on a
    whole second itself, the next has to be a little later than that.
    """
    seconds = owner["spec"].get("minReadySeconds") or 0
    ready, available = status.get("readyReplicas") or 0, status.get("availableReplicas") or 0
    if not seconds or ready == available:
        return None
    latest = max(pods.ready_since(each.pod) or 0.0 for each in current if each.ready)
    delay = float(seconds) if ready == _replicas(owner) else seconds + 1.0
    return max(delay, latest + seconds - now + _JUST_AFTER)


def watches(adapter: Adapter) -> tuple[Watch, ...]:
    """The owners themselves, and their Pods."""

    def owners_of(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
        return owners_to_wake(adapter, old, new, cache)

    return (Watch(adapter.resource, _itself), Watch(PODS, owners_of))


def _itself(old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new or old or {}),)


def owners_to_wake(adapter: Adapter, old: JSON | None, new: JSON | None, cache: CacheReader) -> list[Key]:
    """The Pod's owner, its former owner, and for an orphan everybody who might take it."""
    keys: dict[Key, None] = {}
    before, after = _owner(adapter, old, cache), _owner(adapter, new, cache)
    if before is not None and (after is None or objects.uid(before) != objects.uid(after)):
        keys[objects.key(before)] = None
    if after is not None and (before is None or matters(old, new) or after["spec"].get("minReadySeconds")):
        keys[objects.key(after)] = None
    if new is not None and objects.controller_of(new) is None and _orphan_matters(old, new):
        keys.update(dict.fromkeys(_possible_owners(adapter, new, cache)))
    return list(keys)


def _owner(adapter: Adapter, pod: JSON | None, cache: CacheReader) -> JSON | None:
    reference = objects.controller_of(pod) if pod is not None else None
    if pod is None or reference is None or reference["kind"] != adapter.resource.kind:
        return None
    owner = cache.get(adapter.resource, (objects.namespace(pod), reference["name"]))
    return owner if owner is not None and objects.uid(owner) == reference["uid"] else None


def matters(old: JSON | None, new: JSON | None) -> bool:
    """Whether anything changed that replicas, their status or their claims depend on."""
    if old is None or new is None:
        return True
    before, after = old["metadata"], new["metadata"]
    if any(before.get(name) != after.get(name) for name in ("uid", "labels", "ownerReferences", "deletionTimestamp")):
        return True
    return pods.is_finished(old) != pods.is_finished(new) or pods.ready_condition(old) != pods.ready_condition(new)


def _orphan_matters(old: JSON | None, new: JSON) -> bool:
    if objects.is_terminating(new):
        return False
    return old is None or objects.labels(old) != objects.labels(new) or objects.controller_of(old) is not None


def _possible_owners(adapter: Adapter, pod: JSON, cache: CacheReader) -> Iterable[Key]:
    labels = objects.labels(pod)
    if not labels:
        return
    for owner in cache.list(adapter.resource, objects.namespace(pod)):
        selector = adapter.selector_of(owner)
        if selector is not None and not selector.empty and selector.matches(labels):
            yield objects.key(owner)
