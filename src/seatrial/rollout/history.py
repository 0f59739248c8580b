"""A Deployment's revisions, and going back to one of them (kubectl/pkg/polymorphichelpers: history.go, rollback.go)."""

from dataclasses import dataclass

from seatrial.api.registry import DEPLOYMENTS, REPLICA_SETS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import JSON_PATCH, Client
from seatrial.machinery import objects
from seatrial.rollout import view
from seatrial.workloads import revisions, template_hash


@dataclass(frozen=True)
class Revision:
    """One row of the history."""

    number: int
    cause: str
    images: tuple[str, ...]
    replica_set: JSON


async def of_deployment(client: Client, name: str, namespace: str) -> list[Revision]:
    """All revisions that are kept, oldest first. Raises StatusError when the Deployment is not there."""
    deployment = await client.get(DEPLOYMENTS, name, namespace)
    return await _revisions(client, deployment)


async def undo(client: Client, name: str, namespace: str, to_revision: int = 0) -> int:
    """Put the template of `to_revision` (0: the one before the current) back; returns the number gone back to.

    Raises ToolError when there is no such revision, the Deployment is paused, or it already has that template.
    """
    deployment = await client.get(DEPLOYMENTS, name, namespace)
    if deployment["spec"].get("paused"):
        raise ToolError(
            f"deployment/{name} is paused, and a paused Deployment is not rolled back; resume it first "
            f"(kubectl rollout resume deployment/{name})"
        )
    target = _target(await _revisions(client, deployment), name, to_revision)
    template = template_hash.without_hash(target.replica_set["spec"]["template"])
    if template_hash.equal_ignoring_hash(template, deployment["spec"]["template"]):
        raise ToolError(f"deployment/{name} already has the template of revision {target.number}")
    patch: list[JSON] = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {
            "op": "add",
            "path": "/metadata/annotations",
            "value": revisions.rolled_back_annotations(deployment, target.replica_set),
        },
    ]
    await client.patch(DEPLOYMENTS, name, namespace, patch, patch_type=JSON_PATCH)
    return target.number


async def _revisions(client: Client, deployment: JSON) -> list[Revision]:
    listing = await client.list(REPLICA_SETS, objects.namespace(deployment))
    return [
        Revision(
            number=revisions.revision_of(rs) or 0,
            cause=objects.annotations(rs).get(view.CHANGE_CAUSE, ""),
            images=view.images_of(rs["spec"]["template"]),
            replica_set=rs,
        )
        for rs in view.owned(deployment, listing["items"])
    ]


def _target(history: list[Revision], name: str, number: int) -> Revision:
    if number:
        for revision in history:
            if revision.number == number:
                return revision
        raise ToolError(
            f"deployment/{name} has no revision {number}; it has {', '.join(str(r.number) for r in history)}"
        )
    if len(history) < 2:
        raise ToolError(f"deployment/{name} has no earlier revision to go back to")
    return history[-2]
