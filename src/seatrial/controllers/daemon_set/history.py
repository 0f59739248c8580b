"""A DaemonSet's revisions: the one that its template is, and those that may go.

Follows constructHistory, snapshot and cleanupHistory of pkg/controller/daemon/update.go (1.32).
"""

from dataclasses import dataclass

from seatrial.api.registry import CONTROLLER_REVISIONS, DAEMON_SETS
from seatrial.base.types import JSON
from seatrial.controllers.daemon_set.view import View
from seatrial.machinery import objects
from seatrial.reconcile.decision import Action, Create, Delete, Update
from seatrial.workloads import controller_revisions, template_hash


@dataclass(frozen=True, slots=True)
class History:
    """`hashed`: the value of the label controller-revision-hash for new Pods. `actions` bring the revision about."""

    hashed: str
    collision_count: int | None
    old: tuple[JSON, ...]
    actions: tuple[Action, ...] = ()


def settle(view: View) -> History:
    owner = view.daemon_set
    template = owner["spec"]["template"]
    ordered = controller_revisions.in_order((*view.revisions.claimed, *view.revisions.adopt))
    current = controller_revisions.newest_with(ordered, template)
    old = tuple(each for each in ordered if not controller_revisions.has_template(each, template))
    number = controller_revisions.next_number(old)
    collisions = (owner.get("status") or {}).get("collisionCount")
    if current is None:
        hashed, collisions = _free_hash(view, collisions)
        name = f"{objects.name(owner)}-{hashed}"
        labels = {controller_revisions.POD_LABEL: hashed}
        made = controller_revisions.make(owner, DAEMON_SETS, name, number, labels)
        return History(hashed, collisions, old, (Create(CONTROLLER_REVISIONS, made, "a new template"),))
    hashed = objects.labels(current).get(controller_revisions.POD_LABEL) or objects.name(current).rpartition("-")[2]
    if controller_revisions.number_of(current) >= number:
        return History(hashed, collisions, old)
    newest = {**current, "revision": number}
    return History(hashed, collisions, old, (Update(CONTROLLER_REVISIONS, newest, "an earlier template again"),))


def _free_hash(view: View, collisions: int | None) -> tuple[str, int | None]:
    """A name that is taken by another template is a collision of hashes."""
    owner = view.daemon_set
    while True:
        hashed = template_hash.compute(owner["spec"]["template"], collisions)
        if f"{objects.name(owner)}-{hashed}" not in view.taken:
            return hashed, collisions
        collisions = (collisions or 0) + 1


def clean_up(view: View, history: History) -> list[Action]:
    """Old revisions beyond revisionHistoryLimit, oldest first, but none that a Pod is of."""
    limit = view.daemon_set["spec"].get("revisionHistoryLimit")
    surplus = len(history.old) - (10 if limit is None else int(limit))
    live = {objects.labels(pod).get(controller_revisions.POD_LABEL) for pod in view.pods}
    actions: list[Action] = []
    for each in history.old:
        if len(actions) >= surplus:
            break
        if objects.labels(each).get(controller_revisions.POD_LABEL) not in live:
            because = f"revisionHistoryLimit: {limit}"
            actions.append(Delete(CONTROLLER_REVISIONS, objects.key(each), objects.uid(each), because))
    return actions
