"""DaemonSets: one Pod on every node that fits, rolled from one template to the next.

Mirrors pkg/controller/daemon (1.32). One look does, in this order: claim Pods and revisions; note the template as a
ControllerRevision; put Pods where they are missing and take away what is too much; where nothing of that was needed,
one step of the update; drop revisions nobody needs; status. Files: view (what is looked at), history (revisions),
pods_of (nodes and Pods), sync (what is being decided), placing, rolling_update.
"""

from collections.abc import Iterable
from functools import partial

from seatrial.api.registry import CONTROLLER_REVISIONS, DAEMON_SETS, NODES
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.controllers import owned_pods
from seatrial.controllers.daemon_set import history, placing, pods_of, rolling_update
from seatrial.controllers.daemon_set.sync import Sync
from seatrial.controllers.daemon_set.view import OWNERS, View, gather
from seatrial.machinery import kubernetes_release, objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Event
from seatrial.workloads import pods

_ALWAYS_SHOWN = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def decide(view: View, now: float, *, ending_twice: bool = False) -> Decision:
    """`ending_twice`: a rolling update counts as releases before 1.21 did."""
    if view.selects_everything:
        text = "This daemon set is selecting all pods. A non-empty selector is required."
        return Decision((Event(view.daemon_set, "Warning", "SelectingAll", text),))
    settled = history.settle(view)
    sync = Sync(view, settled, now)
    if not placing.place(sync) and sync.rolling is not None:
        rolling_update.roll(sync, ending_twice=ending_twice)
    status = _changed(view.daemon_set, _status(sync))

    def after_failure(_: StatusError) -> Decision:
        return Decision(status=status)

    seconds = sync.spec.get("minReadySeconds") or 0
    return Decision(
        actions=(*_claiming(view), *settled.actions, *sync.actions, *history.clean_up(view, settled)),
        status=status,
        requeue_after=_earlier(sync.requeue_after, owned_pods.look_again_after(view.pods, seconds, now)),
        after_failure=after_failure,
    )


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _claiming(view: View) -> list[Action]:
    return [
        *owned_pods.claim_actions(view.daemon_set, DAEMON_SETS, view.claims),
        *owned_pods.claim_actions(view.daemon_set, DAEMON_SETS, view.revisions, CONTROLLER_REVISIONS),
    ]


def _status(sync: Sync) -> JSON:
    """The counts, of the Pods as they were before this look; of several on a node the oldest counts."""
    numbers = dict.fromkeys((*_ALWAYS_SHOWN, "updatedNumberScheduled", "numberAvailable"), 0)
    for name, fit in sync.fits.items():
        present = pods_of.oldest_first(sync.by_node.get(name) or ())
        if not fit.should_run:
            numbers["numberMisscheduled"] += bool(present)
            continue
        numbers["desiredNumberScheduled"] += 1
        if present:
            numbers["currentNumberScheduled"] += 1
            numbers["numberReady"] += pods.is_ready(present[0])
            numbers["numberAvailable"] += sync.is_available(present[0])
            numbers["updatedNumberScheduled"] += sync.is_updated(present[0])
    return {
        **numbers,
        "numberUnavailable": numbers["desiredNumberScheduled"] - numbers["numberAvailable"],
        "observedGeneration": objects.generation(sync.daemon_set),
    } | ({} if sync.history.collision_count is None else {"collisionCount": sync.history.collision_count})


def _changed(daemon_set: JSON, status: JSON) -> JSON | None:
    """The DaemonSet with this status, or None if it has it already."""
    before = daemon_set.get("status") or {}
    shown = {name: value for name, value in status.items() if value or name in _ALWAYS_SHOWN}
    if before.get("conditions"):
        shown["conditions"] = before["conditions"]
    return None if before == shown else objects.with_status(daemon_set, shown)


def _all_of_node(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """DaemonSets that think otherwise of the node than before."""
    for daemon_set in cache.list(DAEMON_SETS):
        before, after = (pods_of.fits(daemon_set, (node,) if node is not None else ()) for node in (old, new))
        if before != after:
            yield objects.key(daemon_set)


def _node_matters(old: JSON | None, new: JSON | None) -> bool:
    if old is None or new is None:
        return True
    return objects.labels(old) != objects.labels(new) or old["spec"].get("taints") != new["spec"].get("taints")


def controller(release: str) -> Controller[View]:
    """With the rules of a Kubernetes release, such as "1.32"."""
    return Controller(
        name="daemonset",
        primary=DAEMON_SETS,
        watches=(*owned_pods.watches(OWNERS), Watch(NODES, _all_of_node, interesting=_node_matters)),
        reads=(CONTROLLER_REVISIONS,),
        gather=gather,
        decide=partial(decide, ending_twice=kubernetes_release.number(release) < (1, 21)),
        event_source="daemonset-controller",
    )
