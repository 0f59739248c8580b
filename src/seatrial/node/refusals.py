"""The Pods that a node does not take: they are told so, and fail.

Follows rejectPod of pkg/kubelet/kubelet.go (1.32); the rules are in admission.py.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from seatrial.api.registry import PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects, times
from seatrial.node import admission
from seatrial.node.admission import Refusal
from seatrial.node.context import NodeContext
from seatrial.workloads import pods

log = logging.getLogger(__name__)

TELLING_SECONDS = 1.0
"""differs: a kubelet refuses a Pod at once, and its controller makes the next one at once, some ten in a second."""


class Refusals:
    """See the module. `find_node`: the Node as it is known now."""

    def __init__(self, context: NodeContext, find_node: Callable[[], JSON | None]) -> None:
        self._context, self._find_node = context, find_node
        self._told: set[str] = set()

    def takes(self, pod: JSON, others: Iterable[JSON]) -> bool:
        """Whether the node works on the Pod; if not, it is told in the background. `others`: those it works on.

        One that is to go is seen off, whatever it was told.
        """
        uid = objects.uid(pod)
        if objects.is_terminating(pod):
            return True
        if uid in self._told or admission.was_refused(pod):
            return False
        node = self._find_node() if admission.is_due(pod) else None
        if node is None:
            return True
        refusal = admission.refusal(pod, node, [other for other in others if not pods.is_finished(other)])
        if refusal is None:
            return True
        self._told.add(uid)
        self._context.supervisor.spawn(self._tell(pod, refusal), f"refuse-{objects.name(pod)}")
        return False

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        self._told.discard(uid)

    async def _tell(self, pod: JSON, refusal: Refusal) -> None:
        context, (namespace, name) = self._context, objects.key(pod)
        await asyncio.sleep(TELLING_SECONDS)
        await context.link.awake()
        context.record(pod, "Warning", refusal.reason, refusal.message)
        status = {**refusal.status, "startTime": times.format_time(context.env.now())}
        body = {"metadata": {"uid": objects.uid(pod)}, "status": status}
        try:
            await context.client.patch(PODS, name, namespace, body, subresource="status")
        except (StatusError, ConnectionError) as error:
            log.warning("pod %s/%s: %s", namespace, name, error)
