"""One look at a DaemonSet in the making: its Pods by node, and what shall be done.

Follows getNodesToDaemonPods and syncNodes of pkg/controller/daemon/daemon_controller.go (1.32).
"""

from seatrial.api.registry import PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers.daemon_set import pods_of
from seatrial.controllers.daemon_set.history import History
from seatrial.controllers.daemon_set.view import View
from seatrial.machinery import intstr, objects
from seatrial.reconcile.decision import Action, Batch, Create, Delete, Event
from seatrial.workloads import pods

BURST = 250
"""Most Pods created or deleted at one look (BurstReplicas)."""


class Sync:
    """`by_node`: the Pods that each node has or shall get; those that have ended and are being deleted left out."""

    def __init__(self, view: View, history: History, now: float) -> None:
        self.view, self.history, self.now = view, history, now
        self.daemon_set: JSON = view.daemon_set
        self.spec: JSON = view.daemon_set["spec"]
        self.fits = pods_of.fits(view.daemon_set, view.nodes)
        self.by_node: dict[str, list[JSON]] = {}
        self.actions: list[Action] = []
        self.requeue_after: float | None = None
        for pod in view.pods:
            if not (pods.is_finished(pod) and objects.is_terminating(pod)):
                self.by_node.setdefault(pods_of.node_of(pod), []).append(pod)

    @property
    def desired(self) -> int:
        """How many nodes should have a Pod."""
        return sum(fit.should_run for fit in self.fits.values())

    @property
    def rolling(self) -> JSON | None:
        """spec.updateStrategy.rollingUpdate; None for OnDelete."""
        strategy = self.spec.get("updateStrategy") or {}
        return (strategy.get("rollingUpdate") or {}) if strategy.get("type") == "RollingUpdate" else None

    @property
    def max_surge(self) -> int:
        return self._scaled("maxSurge")

    @property
    def max_unavailable(self) -> int:
        """Both 0 would be a standstill."""
        unavailable = self._scaled("maxUnavailable")
        return 1 if self.desired and not unavailable and not self.max_surge else unavailable

    def _scaled(self, name: str) -> int:
        return intstr.scaled((self.rolling or {}).get(name) or 0, self.desired, round_up=True)

    def is_available(self, pod: JSON) -> bool:
        return pods.is_available(pod, self.spec.get("minReadySeconds") or 0, self.now)

    def is_updated(self, pod: JSON) -> bool:
        return pods_of.is_updated(pod, self.daemon_set, self.history.hashed)

    def tell(self, kind: str, reason: str, message: str) -> None:
        self.actions.append(Event(self.daemon_set, "Warning" if kind == "Warning" else "Normal", reason, message))

    def carry_out(self, nodes: list[str], doomed: list[JSON], because: str) -> bool:
        """Pods for these nodes, and an end to those Pods; False when there is nothing to do."""
        if nodes:
            creations = tuple(self._creation(name, because) for name in nodes[:BURST])
            self.actions.append(Batch(creations, slow_start=True))
        if doomed:
            self.actions.append(Batch(tuple(self._deletion(pod, because) for pod in doomed[:BURST])))
        return bool(nodes or doomed)

    def _creation(self, node_name: str, because: str) -> Create:
        def created(pod: JSON) -> Event:
            return Event(self.daemon_set, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(pod)}")

        def failed(error: StatusError) -> Event:
            return Event(self.daemon_set, "Warning", "FailedCreate", f"Error creating: {error}")

        pod = pods_of.new_pod(self.daemon_set, self.history.hashed, node_name)
        return Create(PODS, pod, f"{because}: {node_name}", on_success=created, on_failure=failed)

    def _deletion(self, pod: JSON, because: str) -> Delete:
        def deleted(_: JSON) -> Event:
            return Event(self.daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")

        def failed(error: StatusError) -> Event:
            return Event(self.daemon_set, "Warning", "FailedDelete", f"Error deleting: {error}")

        return Delete(PODS, objects.key(pod), objects.uid(pod), because, on_success=deleted, on_failure=failed)
