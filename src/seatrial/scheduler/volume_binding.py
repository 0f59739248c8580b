"""Claims that wait for their first consumer: once a Pod has a node they are bound for it, before the Pod is.

Follows PreBind of pkg/scheduler/framework/plugins/volumebinding (1.32): a volume that suits is given to the claim, for
the others a provisioner is told the node; then it waits for the controller to bind them.
"""

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from seatrial.base.types import JSON
from seatrial.client import wait
from seatrial.client.base import MERGE_PATCH, Client
from seatrial.machinery import objects
from seatrial.scheduler.volume_filters import Bindings
from seatrial.workloads import claims

BIND_SECONDS = 600.0


async def bind(client: Client, bindings: Bindings, node: str) -> None:
    """Returns when all are bound. Raises TimeoutError when that takes too long, StatusError when a volume is taken."""
    for claim, volume in bindings.matched:
        await _give(client, volume, claim)
    for claim in bindings.to_provision:
        namespace, name = objects.key(claim)
        body = {"metadata": {"uid": objects.uid(claim), "annotations": {claims.SELECTED_NODE: node}}}
        await client.patch(PERSISTENT_VOLUME_CLAIMS, name, namespace, body, patch_type=MERGE_PATCH)
    for claim in (*(claim for claim, _ in bindings.matched), *bindings.to_provision):
        namespace, name = objects.key(claim)
        try:
            await wait.wait_for(client, PERSISTENT_VOLUME_CLAIMS, name, namespace, _is_bound, BIND_SECONDS)
        except TimeoutError:
            raise TimeoutError("binding volumes: context deadline exceeded") from None


async def _give(client: Client, volume: JSON, claim: JSON) -> None:
    body: JSON = {
        "metadata": {"resourceVersion": volume["metadata"]["resourceVersion"]},
        "spec": {"claimRef": claims.reference(claim)},
    }
    if not volume["spec"].get("claimRef"):
        body["metadata"]["annotations"] = {claims.BOUND_BY_CONTROLLER: "yes"}
    await client.patch(PERSISTENT_VOLUMES, objects.name(volume), "", body, patch_type=MERGE_PATCH)


def _is_bound(claim: JSON | None) -> bool:
    return claim is None or objects.get(claim, "status", "phase") == "Bound"
