"""Reading what a cluster still knows of a workload's rolls. Where events or Pods may not be read, it does without."""

from collections.abc import Sequence

from seatrial.api.registry import EVENTS, PODS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Reader
from seatrial.machinery import objects, selectors
from seatrial.machinery.gvk import ResourceRef
from seatrial.rollout import recorded_steps, rolls
from seatrial.rollout.revision_log import Revision
from seatrial.rollout.rolls import Evidence
from seatrial.rollout.workload import Workload


async def read(reader: Reader, env: Env, workload: Workload, obj: JSON, log: Sequence[Revision]) -> Evidence:
    """What tells of the rolls of `obj`, whose revisions are `log`."""
    kind = workload.resource.kind
    selector = str(selectors.from_label_selector(obj["spec"].get("selector")))
    pods = await _list(reader, PODS, workload.namespace, label_selector=selector)
    events = await _list(reader, EVENTS, workload.namespace)
    owners = [each.kept for each in log] if kind == "Deployment" else [obj]
    made = {
        objects.name(owner) if kind == "Deployment" else "": recorded_steps.of_pods(events, owner) for owner in owners
    }
    mine = rolls.pods_of(kind, log, pods)
    return Evidence(obj, kind, log, mine, recorded_steps.of_scaling(events, obj), made, env.now())


async def _list(reader: Reader, resource: ResourceRef, namespace: str, *, label_selector: str = "") -> list[JSON]:
    try:
        items: list[JSON] = (await reader.list(resource, namespace, label_selector=label_selector))["items"]
    except StatusError as error:
        if error.code != 403:
            raise
        return []
    return items
