"""The subresource rollback of Deployments in extensions/v1beta1 and apps/v1beta1: asks the controller to roll back.

Follows RollbackREST of pkg/registry/apps/deployment/storage (1.15). Whether the revision exists is for the controller
to find out. The request goes round the update strategy: it makes no new generation.
# differs: the answer's HTTP status is 200, as its code says, where Kubernetes sent 201.
"""

from collections.abc import Sequence

from seatrial.api import label_selectors
from seatrial.api.extensions_v1beta1.deployment import ROLLBACK_TO
from seatrial.api.old_version import OldVersion
from seatrial.api.registry import DEPLOYMENTS
from seatrial.api.resource import Resource
from seatrial.apiserver import strategy
from seatrial.apiserver.options import WRITE, WriteOptions
from seatrial.apiserver.registry import Registry
from seatrial.base.types import JSON
from seatrial.machinery import status, validation
from seatrial.machinery.validation import FieldError
from seatrial.store.base import Record


def kind_of(version: OldVersion) -> Resource:
    """The DeploymentRollback of this group version."""
    return Resource(version.group, version.version, "DeploymentRollback", "deploymentrollbacks")


async def create(
    registry: Registry, kind: Resource, namespace: str, name: str, body: JSON, options: WriteOptions = WRITE
) -> JSON:
    """POST deployments/NAME/rollback; `body` is decoded."""
    errors = _errors(body)
    if errors:
        raise status.invalid(kind, body.get("name") or "", errors)
    if body["name"] != name:
        raise status.bad_request("name in URL does not match name in DeploymentRollback object")

    def change(current: Record) -> JSON:
        return _asking(current.object, body)

    await registry.rewrite(DEPLOYMENTS, namespace, name, change, dry_run=options.dry_run)
    return {**status.success(), "message": f'rollback request for deployment "{name}" succeeded', "code": 200}


def _asking(deployment: JSON, body: JSON) -> JSON:
    """The Deployment with the request on it."""
    metadata = dict(deployment["metadata"])
    annotations = {**(metadata.get("annotations") or {}), **(body.get("updatedAnnotations") or {})}
    metadata["annotations"] = {**annotations, ROLLBACK_TO: str(_revision(body))}
    return {**deployment, "metadata": strategy.ordered(metadata)}


def _revision(body: JSON) -> int:
    revision: int = (body.get("rollbackTo") or {}).get("revision") or 0
    return revision


def _errors(body: JSON) -> Sequence[FieldError]:
    """ValidateDeploymentRollback."""
    errors: list[FieldError] = []
    if not body.get("name"):
        errors.append(validation.required("name", "name is required"))
    errors += label_selectors.validate_annotations(body.get("updatedAnnotations") or {}, "updatedAnnotations")
    errors += validation.non_negative("rollback.version", _revision(body))
    return errors
