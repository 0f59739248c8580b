"""StatefulSets: Pods with names and an order; kept, scaled and updated one by one, or all at once where asked for.

Mirrors pkg/controller/statefulset (1.32). One look does, in this order: claim Pods and revisions; note the template as
a ControllerRevision; fill places, take away what is beyond, replace what is outdated; drop revisions that nobody needs;
status. Files: view (what is looked at), history (revisions), identity (what tells Pods apart), sync (what is being
decided), ordering (who comes next).
"""

import dataclasses
from collections.abc import Iterable

from seatrial.api.registry import CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, STATEFUL_SETS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.controllers import owned_pods
from seatrial.controllers.stateful_set import history, identity, ordering
from seatrial.controllers.stateful_set.history import History
from seatrial.controllers.stateful_set.sync import Sync
from seatrial.controllers.stateful_set.view import OWNERS, View, gather
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller
from seatrial.reconcile.decision import Action, Decision

_COUNTS = ("readyReplicas", "currentReplicas", "updatedReplicas")


def decide(view: View, now: float) -> Decision:
    stateful_set = view.stateful_set
    settled = history.settle(view)
    sync = Sync(view, settled, now)
    if not objects.is_terminating(stateful_set):
        ordering.plan(sync)
    status = _status(sync)

    def after_failure(_: StatusError) -> Decision:
        return Decision(status=_changed(stateful_set, _completed(sync, status)))

    before, after = _claiming(view), history.clean_up(view, settled)
    final = _completed(sync, _with_replaced(status, sync.replaced))
    seconds = stateful_set["spec"].get("minReadySeconds") or 0
    return Decision(
        actions=(*before, *settled.actions, *sync.actions, *after),
        status=_changed(stateful_set, final),
        requeue_after=sync.requeue_after or owned_pods.look_again_after(view.pods, seconds, now),
        after_failure=after_failure,
    )


def _claiming(view: View) -> list[Action]:
    return [
        *owned_pods.claim_actions(view.stateful_set, STATEFUL_SETS, view.claims),
        *owned_pods.claim_actions(view.stateful_set, STATEFUL_SETS, view.revisions, CONTROLLER_REVISIONS),
    ]


def _status(sync: Sync) -> JSON:
    """The counts, of the Pods as they were before this look."""
    settled: History = sync.history
    numbers = dict.fromkeys(("replicas", *_COUNTS, "availableReplicas"), 0)
    for pod in _counted(sync):
        numbers["replicas"] += 1
        if ordering.is_running_and_ready(pod):
            numbers["readyReplicas"] += 1
            numbers["availableReplicas"] += sync.is_available(pod)
        if not objects.is_terminating(pod):
            revision = identity.revision_of(pod)
            numbers["currentReplicas"] += revision == settled.current_name
            numbers["updatedReplicas"] += revision == settled.update_name
    return {
        "observedGeneration": objects.generation(sync.stateful_set),
        **numbers,
        "currentRevision": settled.current_name,
        "updateRevision": settled.update_name,
        "collisionCount": settled.collision_count,
    }


def _counted(sync: Sync) -> Iterable[JSON]:
    return (*(pod for pod in sync.replicas if pod is not None), *sync.condemned)


def _with_replaced(status: JSON, replaced: int) -> JSON:
    return {**status, "currentReplicas": max(0, status["currentReplicas"] - replaced)}


def _completed(sync: Sync, status: JSON) -> JSON:
    """When all Pods are of the wanted revision and ready, the update is over: it becomes the current one."""
    wanted = sync.size
    done = all(status[name] == wanted for name in ("updatedReplicas", "readyReplicas", "replicas"))
    if sync.rolling is None or not done:
        return status
    return {**status, "currentReplicas": status["updatedReplicas"], "currentRevision": status["updateRevision"]}


def _changed(stateful_set: JSON, status: JSON) -> JSON | None:
    """The set with this status, or None if it has it already."""
    before = stateful_set.get("status") or {}
    shown = {name: value for name, value in status.items() if value or name not in _COUNTS}
    if before.get("conditions"):
        shown["conditions"] = before["conditions"]
    return None if before == shown else objects.with_status(stateful_set, shown)


def controller(*, mends: bool, counts_unavailable: bool) -> Controller[View]:
    """The controller; with both False as Kubernetes 1.32 has it (see View and ordering)."""

    async def gather_so(key: Key, cache: CacheReader) -> View | None:
        view = await gather(key, cache)
        if view is None:
            return None
        return dataclasses.replace(view, mends=mends, counts_unavailable=counts_unavailable)

    return dataclasses.replace(CONTROLLER, gather=gather_so)


CONTROLLER = Controller(
    name="statefulset",
    primary=STATEFUL_SETS,
    watches=owned_pods.watches(OWNERS),
    reads=(CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS),
    gather=gather,
    decide=decide,
    event_source="statefulset-controller",
)
