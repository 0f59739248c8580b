"""The revisions of a Deployment, StatefulSet or DaemonSet: when, who, why, and what changed.

What a cluster keeps of a revision is a ReplicaSet or ControllerRevision; who made it is known only from a cause that
names the user, and for the newest revision from managedFields. A revision that was brought back keeps its first time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.api.registry import CONTROLLER_REVISIONS, REPLICA_SETS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery import objects
from seatrial.rollout import view
from seatrial.rollout.workload import Workload
from seatrial.workloads import change_cause, controller_revisions, revisions, template_hash

_KUBECTL, _AGENT = re.compile(r"kubectl[^(]*\(([^)]+)\): "), re.compile(r"[A-Z]+ by (.+?): ")


@dataclass(frozen=True)
class Revision:
    """`formerly`: the numbers it had before it was brought back. `kept`: the object that holds it."""

    number: int
    when: str
    who: str
    cause: str
    images: tuple[str, ...]
    formerly: tuple[int, ...]
    template: JSON
    kept: JSON


async def of(reader: Reader, workload: Workload, obj: JSON) -> list[Revision]:
    """All revisions that are kept, oldest first."""
    if workload.resource.kind == "Deployment":
        sets = (await reader.list(REPLICA_SETS, workload.namespace))["items"]
        found = [_of_replica_set(rs) for rs in view.owned(obj, sets)]
    else:
        listed = (await reader.list(CONTROLLER_REVISIONS, workload.namespace))["items"]
        mine = controller_revisions.in_order(each for each in listed if objects.is_controlled_by(each, obj))
        found = [_of_controller_revision(each) for each in mine]
    return [_with_author(each, obj) for each in found]


def _of_replica_set(rs: JSON) -> Revision:
    template = template_hash.without_hash(rs["spec"]["template"])
    former = str(objects.annotations(rs).get(revisions.REVISION_HISTORY) or "").split(",")
    numbers = tuple(int(text) for text in former if text.isdigit())
    return _revision(revisions.revision_of(rs) or 0, template, rs, numbers)


def _of_controller_revision(kept: JSON) -> Revision:
    return _revision(controller_revisions.number_of(kept), controller_revisions.template_of(kept), kept, ())


def _revision(number: int, template: JSON, kept: JSON, formerly: tuple[int, ...]) -> Revision:
    cause = str(objects.annotations(kept).get(view.CHANGE_CAUSE, ""))
    told = _KUBECTL.match(cause) or _AGENT.match(cause)
    who = told[1] if told else ""
    images = view.images_of(template)
    return Revision(number, objects.creation_timestamp(kept), who, cause, images, formerly, template, kept)


def _with_author(revision: Revision, obj: JSON) -> Revision:
    """The manager that last wrote the template, where the cause names nobody: known of the current revision only."""
    if revision.who or not template_hash.equal_ignoring_hash(revision.template, obj["spec"]["template"]):
        return revision
    entries = [
        entry
        for entry in objects.get(obj, "metadata", "managedFields", default=[])
        if objects.get(entry, "fieldsV1", "f:spec", "f:template") is not None
    ]
    newest: JSON = max(entries, key=lambda entry: str(entry.get("time", "")), default={})
    return Revision(**{**vars(revision), "who": str(newest.get("manager", ""))})


def find(log: Sequence[Revision], number: int) -> Revision:
    """Raises ToolError when there is none."""
    for revision in log:
        if revision.number == number:
            return revision
    kept = ", ".join(str(each.number) for each in log)
    raise ToolError(f"unable to find the specified revision: {number} is not kept" + (f" ({kept} are)" if kept else ""))


def changes(before: Revision | None, after: Revision) -> list[str]:
    """What changed from one to the other, a line each."""
    return change_cause.differences(before.template, after.template) if before else []


def before(log: Sequence[Revision], revision: Revision) -> Revision | None:
    """The one that is kept just before it."""
    return next((each for each in reversed(log) if each.number < revision.number), None)


def data(log: Sequence[Revision], revision: Revision, against: Revision | None, *, whole: bool) -> JSON:
    """For scripts."""
    shown: JSON = {
        "revision": revision.number,
        "when": revision.when,
        "who": revision.who,
        "cause": revision.cause,
        "images": list(revision.images),
        "formerly": list(revision.formerly),
        "against": against.number if against else None,
        "changes": changes(against, revision),
    }
    return {**shown, "template": revision.template} if whole else shown
