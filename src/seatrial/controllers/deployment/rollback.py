"""spec.rollbackTo of old group versions: take an earlier revision's template back.

Follows pkg/controller/deployment/rollback.go (1.32); the request is stored as an annotation.
"""

from seatrial.api.registry import DEPLOYMENTS
from seatrial.base.types import JSON
from seatrial.controllers.deployment import new_replica_set
from seatrial.controllers.deployment.sync import Sync
from seatrial.machinery import objects
from seatrial.reconcile.decision import Decision, Update
from seatrial.workloads import revisions, template_hash

_NOT_FOUND, _UNCHANGED = "DeploymentRollbackRevisionNotFound", "DeploymentRollbackTemplateUnchanged"


def requested(deployment: JSON) -> int | None:
    """The revision asked for, 0 for the one before; None when nobody asks."""
    return revisions.number(objects.annotations(deployment).get(revisions.ROLLBACK_TO))


def roll_back(sync: Sync, revision: int) -> Decision:
    if not new_replica_set.settle(sync, create=True) or sync.wrote_status:
        return sync.decision()
    if revision == 0:
        revision = revisions.last_revision(sync.all)
        if revision == 0:
            return _give_up(sync, _NOT_FOUND, "Unable to find last revision.")
    for each in sync.all:
        if revisions.revision_of(each) == revision:
            return _take_template(sync, each, revision)
    return _give_up(sync, _NOT_FOUND, "Unable to find the revision to rollback to.")


def _take_template(sync: Sync, replica_set: JSON, revision: int) -> Decision:
    name, template = objects.name(sync.deployment), replica_set["spec"]["template"]
    if template_hash.equal_ignoring_hash(sync.spec["template"], template):
        text = f'The rollback revision contains the same template as current deployment "{name}"'
        return _give_up(sync, _UNCHANGED, text)
    annotations = revisions.rolled_back_annotations(sync.deployment, replica_set)
    updated = _without_request(objects.with_metadata(sync.deployment, annotations=annotations))
    updated["spec"] = {**sync.spec, "template": template_hash.without_hash(template)}
    sync.actions.append(Update(DEPLOYMENTS, updated, f"rollback to revision {revision}"))
    sync.tell("Normal", "DeploymentRollback", f'Rolled back deployment "{name}" to revision {revision}')
    return sync.decision()


def _give_up(sync: Sync, reason: str, text: str) -> Decision:
    sync.tell("Warning", reason, text)
    sync.actions.append(Update(DEPLOYMENTS, _without_request(sync.deployment), "the rollback can't be done"))
    return sync.decision()


def _without_request(deployment: JSON) -> JSON:
    kept = {key: value for key, value in objects.annotations(deployment).items() if key != revisions.ROLLBACK_TO}
    return objects.with_metadata(deployment, annotations=kept)
