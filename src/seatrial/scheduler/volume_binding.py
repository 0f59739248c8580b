"""Claims that wait for their first consumer: once a Pod has a node they are bound for it, before the Pod is.

Follows PreBind of pkg/scheduler/framework/plugins/volumebinding (1.32).
"""

from collections.abc import Iterable

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS
from seatrial.base.types import JSON
from seatrial.client import wait
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import objects, status
from seatrial.workloads import claims

BIND_SECONDS = 600.0


async def bind(client: Client, delayed: Iterable[JSON], node: str) -> None:
    """Returns when all are bound. Raises StatusError when that takes too long."""
    for claim in delayed:
        namespace, name = objects.key(claim)
        body = {"metadata": {"uid": objects.uid(claim), "annotations": {claims.SELECTED_NODE: node}}}
        await client.patch(PERSISTENT_VOLUME_CLAIMS, name, namespace, body, patch_type=MERGE_PATCH)
        try:
            await wait.wait_for(client, PERSISTENT_VOLUME_CLAIMS, name, namespace, _is_bound, BIND_SECONDS)
        except TimeoutError:
            raise status.timeout("binding volumes: context deadline exceeded") from None


def _is_bound(claim: JSON | None) -> bool:
    return claim is None or objects.get(claim, "status", "phase") == "Bound"
