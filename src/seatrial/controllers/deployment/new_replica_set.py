"""The ReplicaSet that has the Deployment's template: kept in step, or created; revisions.

Follows getNewReplicaSet of pkg/controller/deployment/sync.go (1.32).
"""

from collections.abc import Callable

from seatrial.api.registry import DEPLOYMENTS, REPLICA_SETS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers.deployment import view as views
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import conditions, objects
from seatrial.reconcile.decision import NOTHING, Create, Decision, Event, Update
from seatrial.workloads import conditions as workload_conditions
from seatrial.workloads import revisions, rolling, template_hash
from seatrial.workloads.rolling import Scaling


def settle(sync: Sync, *, create: bool) -> bool:
    """Bring revision and annotations up to date, and create the ReplicaSet if wanted. False: this look ends here."""
    revision = revisions.max_revision(sync.old) + 1
    if sync.new is not None:
        return _keep_in_step(sync, sync.new, revision)
    return _create(sync, revision) if create else True


def _keep_in_step(sync: Sync, new: JSON, revision: int) -> bool:
    present = objects.annotations(new)
    annotations = revisions.new_annotations(sync.deployment, present, revision)
    seconds = sync.spec.get("minReadySeconds") or 0
    if annotations != present or (new["spec"].get("minReadySeconds") or 0) != seconds:
        updated = objects.with_metadata(new, annotations=annotations)
        updated["spec"] = {**new["spec"], "minReadySeconds": seconds}
        sync.actions.append(Update(REPLICA_SETS, updated, "annotations, revision or minReadySeconds changed"))
        return False
    text = f'Found new replica set "{objects.name(new)}"'
    missing = not conditions.find(sync.deployment, workload_conditions.PROGRESSING)
    reason = workload_conditions.FOUND_NEW_REPLICA_SET if missing else ""
    return _tell_revision(sync, annotations.get(revisions.REVISION) or "", reason, text)


def _tell_revision(sync: Sync, revision: str, reason: str, text: str) -> bool:
    """Put the revision and, with a deadline, a Progressing condition on the Deployment."""
    annotations = objects.annotations(sync.deployment)
    changed = annotations.get(revisions.REVISION) != revision
    if changed:
        annotations = {**annotations, revisions.REVISION: revision}
        sync.deployment = objects.with_metadata(sync.deployment, annotations=annotations)
    if reason and sync.has_progress_deadline:
        progressing = workload_conditions.PROGRESSING
        sync.set_condition(workload_conditions.deployment_condition(progressing, "True", reason, text, sync.now))
        changed = True
    return sync.write_status(f"revision {revision}") if changed else True


def _create(sync: Sync, revision: int) -> bool:
    made = _made(sync, revision)
    name, replicas = objects.name(made), made["spec"]["replicas"]

    def created(_: JSON) -> Event | None:
        return sync.scaling_event(Scaling(name, 0, replicas)) if replicas else None

    def failed(error: StatusError) -> Event | None:
        if error.reason == "AlreadyExists":
            return None
        return Event(sync.view.deployment, "Warning", workload_conditions.CREATE_FAILED, _failure_text(name, error))

    sync.after_failure = _after_failure(sync, name)
    because = f"no ReplicaSet has the template yet; surge: {replicas} of {sync.limits.max_total} allowed"
    sync.actions.append(Create(REPLICA_SETS, made, because, on_success=created, on_failure=failed))
    sync.new = made
    reason = workload_conditions.NEW_REPLICA_SET
    return _tell_revision(
        sync, made["metadata"]["annotations"][revisions.REVISION], reason, f'Created new replica set "{name}"'
    )


def _made(sync: Sync, revision: int) -> JSON:
    """The new ReplicaSet, as large as the strategy allows at once."""
    deployment, spec = sync.deployment, sync.spec
    value = views.new_hash(deployment)
    template = template_hash.with_hash(spec["template"], value)
    selector = {**spec["selector"]}
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), template_hash.HASH_LABEL: value}
    total = sum(each["spec"].get("replicas") or 0 for each in sync.old)
    is_rolling = (spec.get("strategy") or {}).get("type") == "RollingUpdate"
    annotations = revisions.new_annotations(deployment, {}, revision) | revisions.replicas_annotations(sync.limits)
    return {
        "apiVersion": REPLICA_SETS.api_version,
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": views.new_name(deployment),
            "namespace": objects.namespace(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [objects.owner_reference(deployment, DEPLOYMENTS)],
        },
        "spec": {
            "replicas": rolling.new_replicas(sync.limits, total, 0, rolling=is_rolling),
            "minReadySeconds": spec.get("minReadySeconds") or 0,
            "selector": selector,
            "template": template,
        },
    }


def _failure_text(name: str, error: StatusError) -> str:
    return f'Failed to create new replica set "{name}": {error}'


def _after_failure(sync: Sync, name: str) -> Callable[[StatusError], Decision]:
    deployment, namesake, now = sync.deployment, sync.view.namesake, sync.now
    has_deadline = sync.has_progress_deadline

    def after_failure(error: StatusError) -> Decision:
        if (error.status.get("details") or {}).get("name", name) != name or error.reason == "Conflict":
            return NOTHING
        if error.reason == "AlreadyExists":
            return _collided(deployment, namesake)
        return _create_failed(deployment, name, error, now) if has_deadline else NOTHING

    return after_failure


def _collided(deployment: JSON, namesake: JSON | None) -> Decision:
    """Somebody else has the name. While the cache does not know who, it might be our own from a moment ago."""
    if namesake is None:
        return NOTHING
    status = deployment.get("status") or {}
    count = (status.get("collisionCount") or 0) + 1
    return Decision(status=objects.with_status(deployment, {**status, "collisionCount": count}))


def _create_failed(deployment: JSON, name: str, error: StatusError, now: float) -> Decision:
    condition = workload_conditions.deployment_condition(
        workload_conditions.PROGRESSING, "False", workload_conditions.CREATE_FAILED, _failure_text(name, error), now
    )
    status = deployment.get("status") or {}
    listed = conditions.with_condition(status.get("conditions") or (), condition)
    return Decision(status=objects.with_status(deployment, {**status, "conditions": listed}))
