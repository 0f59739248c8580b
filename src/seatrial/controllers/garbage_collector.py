"""Deletes objects all of whose owners are gone, and carries out foreground and orphaning deletion.

Mirrors pkg/controller/garbagecollector/garbagecollector.go of release 1.32. An object's owners are solid (there, by
uid), dangling (absent), or waiting (being deleted in the foreground):

- any solid owner keeps the object; references to the others are dropped;
- only waiting owners (perhaps dangling ones too), and dependents of its own: deleted in the foreground; if one of those
  is itself being deleted in the foreground, the references of the object first cease to block, which breaks cycles;
- otherwise deleted: orphaning or in the foreground where its finalizers say so, else in the background;
- objects without owners are never collected. An owner in another namespace counts as absent.

Key: ("", uid). Unlike other controllers this one keeps state, the ownership graph, so it is made per cluster, by
`controller(resources)`. Its handlers feed the graph, `gather` reads graph and API, `decide` is as pure as anywhere.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from seatrial.api import old_versions, registry
from seatrial.api.registry import EVENTS
from seatrial.base.types import JSON, Key
from seatrial.client.base import MERGE_PATCH
from seatrial.controllers import ownership_graph
from seatrial.controllers.ownership_graph import FOREGROUND, ORPHAN, Node, OwnershipGraph
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import NOTHING, Action, Decision, Delete, Event, Patch

RESOURCES: tuple[ResourceRef, ...] = tuple(
    resource for resource in registry.ALL if resource is not EVENTS and "delete" in resource.verbs
)


@dataclass(frozen=True)
class View:
    """An object, read live, what became of its owners, and its dependents as far as the graph knows."""

    resource: ResourceRef
    object: JSON
    solid: tuple[JSON, ...] = ()
    dangling: tuple[JSON, ...] = ()
    waiting: tuple[JSON, ...] = ()
    dependents: tuple[Node, ...] = ()
    strangers: tuple[JSON, ...] = ()
    """Those of the dangling references whose owner lives in another namespace."""


def decide(view: View, now: float) -> Decision:
    finalizers = objects.finalizers(view.object)
    if objects.is_terminating(view.object):
        if ORPHAN in finalizers:
            return _orphan_dependents(view)
        return _release_foreground(view) if FOREGROUND in finalizers else NOTHING
    references = (*view.dangling, *view.waiting)
    if not references:
        return NOTHING
    told = tuple(_tell_stranger(view.object, reference) for reference in view.strangers)
    if view.solid:
        body = {"metadata": {"uid": objects.uid(view.object), "ownerReferences": _drop(references)}}
        return Decision((*told, _patch(view, body, because="these owners are gone")))
    if view.waiting and view.dependents:
        return Decision((*told, *_delete_in_foreground(view)))
    if ORPHAN in finalizers:
        policy = "Orphan"
    else:
        policy = "Foreground" if FOREGROUND in finalizers else "Background"
    return Decision((*told, _delete(view, policy)))


def _orphan_dependents(view: View) -> Decision:
    """Dependents lose their reference first; only then may the owner go."""
    owner = objects.uid(view.object)
    patches = [
        Patch(
            dependent.resource,
            dependent.key,
            {"metadata": {"uid": dependent.uid, "ownerReferences": _drop([{"uid": owner}])}},
            because="its owner is deleted and leaves it behind",
            ignore=("NotFound", "Conflict", "Invalid"),
        )
        for dependent in view.dependents
    ]
    return Decision((*patches, _remove_finalizer(view, ORPHAN)))


def _release_foreground(view: View) -> Decision:
    owner = objects.uid(view.object)
    if any(dependent.owners.get(owner) for dependent in view.dependents):
        return NOTHING
    return Decision((_remove_finalizer(view, FOREGROUND),))


def _delete_in_foreground(view: View) -> Iterable[Action]:
    if any(dependent.waits_for_dependents for dependent in view.dependents):
        unblocked = [
            {"uid": reference["uid"], "blockOwnerDeletion": False}
            for reference in objects.owner_references(view.object)
            if reference.get("blockOwnerDeletion")
        ]
        if unblocked:
            body = {"metadata": {"uid": objects.uid(view.object), "ownerReferences": unblocked}}
            yield _patch(view, body, because="owners and dependents wait for each other")
    yield _delete(view, "Foreground")


def _delete(view: View, policy: str) -> Delete:
    uid = objects.uid(view.object)
    return Delete(
        view.resource, objects.key(view.object), uid, because="its owners are gone", propagation_policy=policy
    )


def _patch(view: View, body: JSON, because: str) -> Patch:
    return Patch(view.resource, objects.key(view.object), body, because, ignore=("NotFound",))


def _remove_finalizer(view: View, finalizer: str) -> Patch:
    meta = view.object["metadata"]
    rest = [each for each in objects.finalizers(view.object) if each != finalizer]
    body = {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": rest}}
    because = "its dependents need it no more"
    return Patch(view.resource, objects.key(view.object), body, because, MERGE_PATCH, ignore=("NotFound",))


def _drop(references: Iterable[JSON]) -> list[JSON]:
    return [{"$patch": "delete", "uid": reference["uid"]} for reference in references]


def _tell_stranger(obj: JSON, reference: JSON) -> Event:
    namespace = objects.namespace(obj)
    owner = f"{reference['apiVersion']}/{reference['kind']}"
    where = f"namespace: {namespace}, name: {reference['name']}, uid: {reference['uid']}"
    text = f'ownerRef [{owner}, {where}] does not exist in namespace "{namespace}"'
    return Event(obj, "Warning", "OwnerRefInvalidNamespace", text)


async def _gather(key: Key, cache: CacheReader, graph: OwnershipGraph) -> View | None:
    node = graph.get(key[1])
    if node is None:
        return None
    obj = await cache.live(node.resource, node.key)
    if obj is None or objects.uid(obj) != node.uid:
        return None
    dependents = tuple(graph.dependents(node.uid))
    if objects.is_terminating(obj):
        return View(node.resource, obj, dependents=dependents)
    solid: list[JSON] = []
    dangling: list[JSON] = []
    waiting: list[JSON] = []
    strangers: list[JSON] = []
    for reference in objects.owner_references(obj):
        state = await _state_of_owner(reference, node, cache, graph)
        if state == "stranger":
            strangers.append(reference)
        {"solid": solid, "waiting": waiting}.get(state, dangling).append(reference)
    return View(node.resource, obj, tuple(solid), tuple(dangling), tuple(waiting), dependents, tuple(strangers))


async def _state_of_owner(reference: JSON, node: Node, cache: CacheReader, graph: OwnershipGraph) -> str:
    uid = reference["uid"]
    owner = graph.get(uid)
    if owner is not None:
        if ownership_graph.is_stranger(owner, node):
            return "stranger"
        return "waiting" if owner.waits_for_dependents else "solid"
    if graph.is_known_absent(uid):
        return "dangling"
    resource = old_versions.stored_as(reference)
    if resource is None:
        return "solid"  # a kind that nobody serves: upstream can't tell either, and keeps the object
    live = await cache.live(resource, (node.key[0] if resource.namespaced else "", reference["name"]))
    if live is None or objects.uid(live) != uid:
        graph.note_absent(uid)
        return "dangling"
    in_foreground = objects.is_terminating(live) and FOREGROUND in objects.finalizers(live)
    return "waiting" if in_foreground else "solid"


def _feed(
    graph: OwnershipGraph, resource: ResourceRef
) -> Callable[[JSON | None, JSON | None, CacheReader], Iterable[Key]]:
    def keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
        uids = graph.put(resource, new) if new is not None else graph.drop(objects.uid(old or {}))
        return [("", uid) for uid in uids]

    return keys


def controller(resources: Sequence[ResourceRef] = RESOURCES) -> Controller[View]:
    """The garbage collector of one cluster, over these resources."""
    graph = OwnershipGraph()

    async def gather(key: Key, cache: CacheReader) -> View | None:
        return await _gather(key, cache, graph)

    return Controller(
        name="garbage_collector",
        primary=resources[0],
        watches=tuple(Watch(resource, _feed(graph, resource)) for resource in resources),
        gather=gather,
        decide=decide,
        event_source="garbage-collector-controller",
        workers=20,
    )
