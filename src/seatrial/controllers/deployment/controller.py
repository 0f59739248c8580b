"""Deployments: Pods of one template, rolled to the next by the strategy, through one ReplicaSet per template.

Mirrors pkg/controller/deployment/deployment_controller.go (1.32). One look does, in this order: claim ReplicaSets;
tell of pausing; while paused, or when the size changed, only scale; carry out a rollback that was asked for; else do
one step of the strategy; then status and conditions. Files: view (what is looked at), sync (what is being decided),
new_replica_set, rolling_update, recreate, scaling, history, rollback, progress.
"""

from collections.abc import Iterable

from seatrial.api.apps_v1 import replica_set
from seatrial.api.registry import DEPLOYMENTS, PODS, REPLICA_SETS
from seatrial.base.errors import Terminal
from seatrial.base.types import JSON, Key
from seatrial.controllers.deployment import new_replica_set, progress, recreate, rollback, rolling_update, scaling
from seatrial.controllers.deployment.sync import Sync
from seatrial.controllers.deployment.view import View, gather
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Action, Decision, Event, Patch
from seatrial.workloads import ownership

_CLAIM_AGAIN_SECONDS = 0.01


def decide(view: View, now: float) -> Decision:
    if view.selects_everything:
        return _selecting_all(view.deployment)
    if view.claims.adopt or view.claims.release:
        return _claim(view)
    sync = Sync(view, now)
    if objects.is_terminating(view.deployment):
        settled = new_replica_set.settle(sync, create=False)
        return progress.finish_without_progress(sync) if settled else sync.decision()
    progress.check_paused(sync)
    if sync.spec.get("paused"):
        return scaling.scale(sync)
    revision = rollback.requested(view.deployment)
    if revision is not None:
        return rollback.roll_back(sync, revision)
    if scaling.is_scaling_event(sync):
        return scaling.scale(sync)
    kind = (sync.spec.get("strategy") or {}).get("type")
    if kind == "Recreate":
        return recreate.recreate(sync)
    if kind == "RollingUpdate":
        return rolling_update.roll(sync)
    raise Terminal(f"unexpected deployment strategy type: {kind}")


def _selecting_all(deployment: JSON) -> Decision:
    text = "This deployment is selecting all pods. A non-empty selector is required."
    event = Event(deployment, "Warning", "SelectingAll", text)
    status = deployment.get("status") or {}
    generation = objects.generation(deployment)
    if (status.get("observedGeneration") or 0) >= generation:
        return Decision((event,))
    return Decision((event,), objects.with_status(deployment, {**status, "observedGeneration": generation}))


def _claim(view: View) -> Decision:
    """Adopt and release; what follows is for the next look, which knows the ReplicaSets' new resourceVersions."""
    deployment = view.deployment
    release: list[Action] = [
        Patch(
            REPLICA_SETS,
            objects.key(each),
            ownership.release_patch(each, deployment),
            "no longer selected",
            ignore=("NotFound", "Invalid"),
        )
        for each in view.claims.release
    ]
    adopt: list[Action] = [
        Patch(
            REPLICA_SETS,
            objects.key(each),
            ownership.adoption_patch(each, deployment, DEPLOYMENTS),
            "selected, without a controller",
            ignore=("NotFound",),
        )
        for each in view.claims.adopt
    ]
    return Decision((*release, *adopt), requeue_after=_CLAIM_AGAIN_SECONDS)


def _itself(old: JSON | None, new: JSON | None, _cache: CacheReader) -> Iterable[Key]:
    return (objects.key(new or old or {}),)


def _deployments_of(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """The ReplicaSet's Deployment, its former one, and for an orphan everybody who might take it."""
    keys: dict[Key, None] = {}
    before, after = (_owner(DEPLOYMENTS.kind, each, cache) for each in (old, new))
    for owner in (before, after):
        if owner is not None:
            keys[objects.key(owner)] = None
    if new is not None and objects.controller_of(new) is None and not objects.is_terminating(new):
        labels = objects.labels(new)
        if old is None or objects.labels(old) != labels or objects.controller_of(old) is not None:
            keys.update(dict.fromkeys(_possible_owners(new, labels, cache)))
    return list(keys)


def _owner(kind: str, obj: JSON | None, cache: CacheReader) -> JSON | None:
    reference = objects.controller_of(obj) if obj is not None else None
    if obj is None or reference is None or reference["kind"] != kind:
        return None
    resource = DEPLOYMENTS if kind == DEPLOYMENTS.kind else REPLICA_SETS
    owner = cache.get(resource, (objects.namespace(obj), reference["name"]))
    return owner if owner is not None and objects.uid(owner) == reference["uid"] else None


def _possible_owners(obj: JSON, labels: JSON, cache: CacheReader) -> Iterable[Key]:
    if not labels:
        return
    for deployment in cache.list(DEPLOYMENTS, objects.namespace(obj)):
        selector = replica_set.selector_of(deployment["spec"])
        if selector is not None and not selector.empty and selector.matches(labels):
            yield objects.key(deployment)


def _waiting_for_last_pod(old: JSON | None, _new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    """A Recreate Deployment whose last Pod is gone may go on."""
    owner = _owner(REPLICA_SETS.kind, old, cache)
    deployment = _owner(DEPLOYMENTS.kind, owner, cache)
    if deployment is None or (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
        return ()
    siblings = cache.owned_by(REPLICA_SETS, objects.uid(deployment))
    if any(cache.owned_by(PODS, objects.uid(each)) for each in siblings):
        return ()
    return (objects.key(deployment),)


def _is_deletion(_old: JSON | None, new: JSON | None) -> bool:
    return new is None


CONTROLLER = Controller(
    name="deployment",
    primary=DEPLOYMENTS,
    watches=(
        Watch(DEPLOYMENTS, _itself),
        Watch(REPLICA_SETS, _deployments_of),
        Watch(PODS, _waiting_for_last_pod, interesting=_is_deletion),
    ),
    gather=gather,
    decide=decide,
    event_source="deployment-controller",
)
