"""A StatefulSet's revisions: the one that its template is, the one that it comes from, and those that may go.

Follows getStatefulSetRevisions and truncateHistory of pkg/controller/statefulset/stateful_set_control.go (1.32).
"""

from dataclasses import dataclass

from seatrial.api.registry import CONTROLLER_REVISIONS, STATEFUL_SETS
from seatrial.base.types import JSON
from seatrial.controllers.stateful_set import identity
from seatrial.controllers.stateful_set.view import View
from seatrial.machinery import objects
from seatrial.reconcile.decision import Action, Create, Delete, Update
from seatrial.workloads import controller_revisions


@dataclass(frozen=True, slots=True)
class History:
    """`actions` bring `update` about."""

    current: JSON
    update: JSON
    collision_count: int
    actions: tuple[Action, ...] = ()

    @property
    def current_name(self) -> str:
        return objects.name(self.current)

    @property
    def update_name(self) -> str:
        return objects.name(self.update)


def settle(view: View) -> History:
    """A template that was there before takes its old revision back, with a new number."""
    stateful_set, status = view.stateful_set, view.stateful_set.get("status") or {}
    ordered = _ordered(view)
    update = controller_revisions.newest_with(ordered, stateful_set["spec"]["template"])
    collisions = int(status.get("collisionCount") or 0)
    actions: tuple[Action, ...] = ()
    if update is None:
        update, collisions = _new(view, ordered, collisions)
        actions = (Create(CONTROLLER_REVISIONS, update, "a new template"),)
    elif update is not ordered[-1]:
        update = {**update, "revision": controller_revisions.next_number(ordered)}
        actions = (Update(CONTROLLER_REVISIONS, update, "an earlier template again"),)
    names = {objects.name(each): each for each in ordered}
    current = names.get(status.get("currentRevision") or "", update)
    return History(current, update, collisions, actions)


def _ordered(view: View) -> list[JSON]:
    return controller_revisions.in_order((*view.revisions.claimed, *view.revisions.adopt))


def _new(view: View, ordered: list[JSON], collisions: int) -> tuple[JSON, int]:
    """A name that is taken by another template is a collision of hashes."""
    stateful_set = view.stateful_set
    while True:
        hashed = controller_revisions.hash_of(stateful_set["spec"]["template"], collisions)
        name = controller_revisions.name_of(objects.name(stateful_set), hashed)
        if name not in view.taken:
            break
        collisions += 1
    number = controller_revisions.next_number(ordered)
    labels = {controller_revisions.HASH_LABEL: hashed}
    return controller_revisions.make(stateful_set, STATEFUL_SETS, name, number, labels), collisions


def clean_up(view: View, history: History) -> list[Action]:
    """Revisions beyond revisionHistoryLimit that no Pod is of."""
    live = dict.fromkeys((history.current_name, history.update_name, *map(identity.revision_of, view.pods)))
    limit = view.stateful_set["spec"].get("revisionHistoryLimit")
    surplus = controller_revisions.surplus(_ordered(view), 10 if limit is None else limit, live)
    return [
        Delete(CONTROLLER_REVISIONS, objects.key(each), objects.uid(each), f"revisionHistoryLimit: {limit}")
        for each in surplus
    ]
