"""Empties a namespace that is being deleted, then lets it go.

Mirrors pkg/controller/namespace/deletion/namespaced_resources_deleter.go.

- Content is counted live. What is not yet being deleted is deleted, collection by collection; then the conditions say
  what remains, and the namespace is looked at again after half the time that the rest is expected to take.
- When nothing is left, the finalizer `kubernetes` is removed through the finalize subresource.
- differs: a Pod that goes wakes the namespace at once, where upstream waits for its estimate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.api import registry
from seatrial.api.registry import NAMESPACES, PODS
from seatrial.base.types import JSON, Key
from seatrial.machinery import conditions, objects, times
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Decision, DeleteCollection, Update

FINALIZER = "kubernetes"
FINALIZER_SECONDS = 15
RESOURCES: tuple[ResourceRef, ...] = tuple(
    resource for resource in registry.ALL if resource.namespaced and "deletecollection" in resource.verbs
)


@dataclass(frozen=True)
class View:
    """A namespace that is being deleted, and what is in it (resources without objects are missing)."""

    namespace: JSON
    content: Mapping[ResourceRef, Sequence[JSON]]


async def gather(key: Key, cache: CacheReader) -> View | None:
    cached = cache.get(NAMESPACES, key)
    if cached is None or not objects.is_terminating(cached):
        return None
    namespace = await cache.live(NAMESPACES, key)
    if namespace is None or not objects.is_terminating(namespace) or FINALIZER not in _finalizers(namespace):
        return None
    content = {}
    for resource in RESOURCES:
        if items := await cache.live_list(resource, key[1]):
            content[resource] = items
    return View(namespace, content)


def decide(view: View, now: float) -> Decision:
    name = objects.name(view.namespace)
    fresh = [resource for resource, items in view.content.items() if not all(map(objects.is_terminating, items))]
    if fresh:
        why = "the namespace is being deleted"
        return Decision(tuple(DeleteCollection(resource, name, because=why) for resource in fresh), requeue_after=0.0)
    wanted = _conditions(view, now)
    if wanted != list(conditions.conditions_of(view.namespace)):
        status = {**(view.namespace.get("status") or {}), "phase": "Terminating", "conditions": wanted}
        return Decision(status=objects.with_status(view.namespace, status), requeue_after=_wait(view))
    if view.content:
        return Decision(requeue_after=_wait(view))
    rest = [finalizer for finalizer in _finalizers(view.namespace) if finalizer != FINALIZER]
    finalized = {**view.namespace, "spec": {**view.namespace["spec"], "finalizers": rest}}
    return Decision((Update(NAMESPACES, finalized, because="the namespace is empty", subresource="finalize"),))


def _finalizers(namespace: JSON) -> Sequence[str]:
    finalizers: Sequence[str] = objects.get(namespace, "spec", "finalizers", default=())
    return finalizers


def _wait(view: View) -> float:
    """Half the time that what is left is expected to take, and a second."""
    if not view.content:
        return 0.0
    expected = 0
    for resource, items in view.content.items():
        if resource is PODS:
            running = (pod for pod in items if objects.get(pod, "status", "phase") not in ("Succeeded", "Failed"))
            expected = max([expected, *(pod["spec"].get("terminationGracePeriodSeconds") or 0 for pod in running)])
        if any(objects.finalizers(item) for item in items):
            expected = max(expected, FINALIZER_SECONDS)
    return expected // 2 + 1.0


def _conditions(view: View, now: float) -> list[JSON]:
    remaining = sorted(
        f"{resource.plural}.{resource.group} has {len(items)} resource instances"
        for resource, items in view.content.items()
    )
    blocked: dict[str, int] = {}
    for items in view.content.values():
        for finalizer in (each for item in items for each in objects.finalizers(item)):
            blocked[finalizer] = blocked.get(finalizer, 0) + 1
    finalizers = sorted(f"{finalizer} in {count} resource instances" for finalizer, count in blocked.items())
    told = (
        ("NamespaceDeletionDiscoveryFailure", "", "ResourcesDiscovered", "All resources successfully discovered"),
        ("NamespaceDeletionGroupVersionParsingFailure", "", "ParsedGroupVersions",
         "All legacy kube types successfully parsed"),
        ("NamespaceDeletionContentFailure", "", "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization"),
        ("NamespaceContentRemaining", remaining and f"Some resources are remaining: {', '.join(remaining)}",
         "ContentRemoved", "All content successfully removed"),
        ("NamespaceFinalizersRemaining",
         finalizers and f"Some content in the namespace has finalizers remaining: {', '.join(finalizers)}",
         "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    )  # fmt: skip
    reasons = {
        "NamespaceContentRemaining": "SomeResourcesRemain",
        "NamespaceFinalizersRemaining": "SomeFinalizersRemain",
    }
    result = list(conditions.conditions_of(view.namespace))
    for type_, trouble, reason, message in told:
        condition: JSON = {
            "type": type_,
            "status": "True" if trouble else "False",
            "lastTransitionTime": times.format_time(now),
            "reason": reasons[type_] if trouble else reason,
            "message": trouble or message,
        }
        result = conditions.put(result, condition)
    return result


def _namespace_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new),) if new is not None and objects.is_terminating(new) else ()


def _keys_of_gone_pod(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    if new is not None or old is None:
        return ()
    namespace = cache.get(NAMESPACES, ("", objects.namespace(old)))
    return () if namespace is None else _namespace_keys(None, namespace, cache)


CONTROLLER = Controller(
    name="namespace",
    primary=NAMESPACES,
    watches=(Watch(NAMESPACES, _namespace_keys), Watch(PODS, _keys_of_gone_pod, lambda old, new: new is None)),
    gather=gather,
    decide=decide,
    event_source="namespace-controller",
    workers=10,
)
