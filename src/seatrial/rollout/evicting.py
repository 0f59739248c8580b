"""Taking one Pod away with the eviction API, so that disruption budgets are kept."""

from seatrial.api.registry import PODS
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client import persisting
from seatrial.client.base import Client
from seatrial.machinery import objects
from seatrial.rollout.sight import Sight

BUDGET_CAUSE = "DisruptionBudget"


class BudgetForbids(ToolError):
    """A PodDisruptionBudget allows no disruption of this Pod now."""


async def evict(client: Client, pod: JSON, sight: Sight) -> bool:
    """Whether the Pod (this very one, by uid) goes. False: it is gone, or the request has to be made again.

    Raises BudgetForbids.
    """
    name, namespace = objects.name(pod), objects.namespace(pod)
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": objects.uid(pod)}},
    }
    try:
        await client.create_subresource(PODS, name, namespace, "eviction", body)
    except StatusError as error:
        if error.has_cause(BUDGET_CAUSE):
            raise BudgetForbids(f"pod {name} may not be evicted: {_why(error)}") from None
        if error.code not in (404, 409) and not persisting.is_passing(error):
            raise
        await sight.change(persisting.pause_after(error))
        return False
    except ConnectionError:
        await sight.change(persisting.PAUSE_SECONDS)
        return False
    sight.wrote(PODS, _terminating(pod))
    return True


def _why(error: StatusError) -> str:
    causes = [str(cause.get("message", "")) for cause in error.causes if cause.get("reason") == BUDGET_CAUSE]
    return "; ".join(filter(None, causes)) or error.message


def _terminating(pod: JSON) -> JSON:
    """As the watch will soon show it."""
    return objects.with_metadata(pod, deletionTimestamp=objects.creation_timestamp(pod))
