"""What a roll would leave behind on ReplicaSets, taken away when it has ended.

A Deployment's controller copies annotations to its ReplicaSets, the record of a roll as well, and an undo brings them
back: a record of a roll that is long over would then look like one that is under way.
"""

from collections.abc import Awaitable, Sequence

from seatrial.api.registry import REPLICA_SETS
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.client.persisting import persist
from seatrial.client.retry import PASSING
from seatrial.machinery import objects
from seatrial.rollout import newest
from seatrial.rollout.service import record


async def clean(client: Client, env: Env, workloads: Sequence[JSON]) -> None:
    """Best effort: what may not be read or written stays as it is. Workloads that carry a record still are left out."""
    for obj in workloads:
        if obj.get("kind") == "Deployment" and record.ANNOTATION not in objects.annotations(obj):
            await _clean_sets_of(client, env, obj)


async def _clean_sets_of(client: Client, env: Env, deployment: JSON) -> None:
    namespace, selector = objects.namespace(deployment), newest.selector_of(deployment)
    patch: JSON = {"metadata": {"annotations": {record.ANNOTATION: None}}}
    try:
        listed = await persist(env, lambda: client.list(REPLICA_SETS, namespace, label_selector=selector))
        for rs in listed["items"]:
            name = objects.name(rs)
            if objects.is_controlled_by(rs, deployment) and record.ANNOTATION in objects.annotations(rs):
                await _patch(client, env, name, namespace, patch)
    except StatusError:
        return


async def _patch(client: Client, env: Env, name: str, namespace: str, patch: JSON) -> None:
    def call() -> Awaitable[JSON]:
        return client.patch(REPLICA_SETS, name, namespace, patch, patch_type=MERGE_PATCH)

    await persist(env, call, codes=PASSING | {409})
