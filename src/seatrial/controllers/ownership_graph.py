"""Who owns whom, by uid: what the garbage collector knows of all objects.

Mirrors pkg/controller/garbagecollector/graph_builder.go. Kept up change by change, each at a cost that depends on the
object's own owners and dependents only. No I/O; the one piece of state that a control loop keeps beside the caches.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from seatrial.base.types import JSON, Key
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
ABSENT_CACHE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Node:
    """What counts of an object. `owners`: uid → whether its foreground deletion waits for this object."""

    resource: ResourceRef
    key: Key
    uid: str
    owners: dict[str, bool]
    terminating: bool
    waits_for_dependents: bool
    orphans_dependents: bool


class OwnershipGraph:
    """See the module. Changes return the uids that have to be looked at, in a fixed order."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        self._absent: OrderedDict[str, None] = OrderedDict()

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        return [self._nodes[dependent] for dependent in self._dependents.get(uid, ())]

    def is_known_absent(self, uid: str) -> bool:
        return uid in self._absent

    def note_absent(self, uid: str) -> None:
        """There is no such object; the newest 500 are remembered (uid_cache.go)."""
        self._absent[uid] = None
        if len(self._absent) > ABSENT_CACHE_SIZE:
            self._absent.popitem(last=False)

    def put(self, resource: ResourceRef, obj: JSON) -> Iterable[str]:
        """An object was added or changed."""
        node = _node(resource, obj)
        old = self._nodes.get(node.uid)
        self._nodes[node.uid] = node
        for owner in node.owners:
            self._dependents.setdefault(owner, {})[node.uid] = None
        gone = [owner for owner in old.owners if owner not in node.owners] if old else []
        for owner in gone:
            self._forget_dependent(owner, node.uid)
        return dict.fromkeys((*self._of_itself(old, node), *self._of_owners(old, node, gone)))

    def drop(self, uid: str) -> Iterable[str]:
        """An object is gone: its dependents may follow, its owners may have waited for it."""
        node = self._nodes.pop(uid, None)
        if node is None:
            return ()
        for owner in node.owners:
            self._forget_dependent(owner, uid)
        dependents = self._dependents.get(uid, ())
        if dependents:
            self.note_absent(uid)
        waiting = [owner for owner in node.owners if (known := self._nodes.get(owner)) and known.waits_for_dependents]
        return (*dependents, *waiting)

    def _of_itself(self, old: Node | None, node: Node) -> Iterable[str]:
        """Is it now to be looked at?"""
        if node.orphans_dependents and not (old and old.orphans_dependents):
            yield node.uid
        if node.waits_for_dependents and not (old and old.waits_for_dependents):
            yield node.uid
            for dependent in self.dependents(node.uid):
                if not dependent.waits_for_dependents:
                    yield dependent.uid
        if any(self._is_unsure(owner, node) for owner in node.owners if old is None or owner not in old.owners):
            yield node.uid

    def _of_owners(self, old: Node | None, node: Node, gone: list[str]) -> Iterable[str]:
        """Owners that wait for their dependents, of which this one may no longer hold them up."""
        unblocked = (
            [owner for owner, blocks in old.owners.items() if blocks and not node.owners.get(owner)] if old else []
        )
        for owner in (*gone, *unblocked):
            known = self._nodes.get(owner)
            if known and known.waits_for_dependents:
                yield owner

    def _is_unsure(self, owner: str, node: Node) -> bool:
        """The owner may be absent (unknown, or in another namespace), or waits for its dependents to go."""
        known = self._nodes.get(owner)
        return known is None or known.waits_for_dependents or is_stranger(known, node)

    def _forget_dependent(self, owner: str, uid: str) -> None:
        dependents = self._dependents.get(owner)
        if dependents is not None:
            dependents.pop(uid, None)
            if not dependents:
                del self._dependents[owner]


def is_stranger(owner: Node, dependent: Node) -> bool:
    """Whether they live in different namespaces, in which case the one can't own the other."""
    return owner.resource.namespaced and owner.key[0] != dependent.key[0]


def _node(resource: ResourceRef, obj: JSON) -> Node:
    terminating = objects.is_terminating(obj)
    finalizers = objects.finalizers(obj)
    return Node(
        resource,
        objects.key(obj),
        objects.uid(obj),
        {owner["uid"]: bool(owner.get("blockOwnerDeletion")) for owner in objects.owner_references(obj)},
        terminating,
        terminating and FOREGROUND in finalizers,
        terminating and ORPHAN in finalizers,
    )
