"""One look at a StatefulSet in the making: its Pods by place, its revisions, and what shall be done.

Follows updateStatefulSet and realStatefulPodControl of pkg/controller/statefulset (1.32).
"""

from collections.abc import Iterable
from typing import Any

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PODS
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.controllers.stateful_set import identity
from seatrial.controllers.stateful_set.history import History
from seatrial.controllers.stateful_set.view import View
from seatrial.machinery import objects
from seatrial.reconcile.decision import Action, Create, Delete, Event, Update
from seatrial.workloads import controller_revisions, pods


class Sync:
    """`replicas`: the Pod of each place, None where there is none; `condemned`: those beyond, highest first.

    `replaced`: how many Pods the update takes away in this look.
    """

    def __init__(self, view: View, history: History, now: float) -> None:
        self.view, self.history, self.now = view, history, now
        self.stateful_set: JSON = view.stateful_set
        self.spec: JSON = view.stateful_set["spec"]
        self.start = int((self.spec.get("ordinals") or {}).get("start") or 0)
        self.size = int(self.spec.get("replicas") or 0)
        self.replicas: list[JSON | None] = [None] * self.size
        self.condemned: list[JSON] = []
        self.actions: list[Action] = []
        self.creations: list[Create] = []
        self.replaced = 0
        self.requeue_after: float | None = None
        self._sort(view.pods)

    def _sort(self, members: Iterable[JSON]) -> None:
        for pod in members:
            ordinal = identity.ordinal_of(pod)
            if self.start <= ordinal < self.start + self.size:
                self.replicas[ordinal - self.start] = pod
            elif ordinal >= 0:
                self.condemned.append(pod)
        self.condemned.sort(key=identity.ordinal_of, reverse=True)

    @property
    def ordered(self) -> bool:
        """One after the other (OrderedReady), not all at once (Parallel)."""
        return bool(self.spec.get("podManagementPolicy") != "Parallel")

    @property
    def rolling(self) -> JSON | None:
        """spec.updateStrategy.rollingUpdate, {} where it says nothing; None for OnDelete."""
        strategy = self.spec.get("updateStrategy") or {}
        return (strategy.get("rollingUpdate") or {}) if strategy.get("type") == "RollingUpdate" else None

    @property
    def partition(self) -> int:
        return int((self.rolling or {}).get("partition") or 0)

    def is_available(self, pod: JSON) -> bool:
        return pods.is_available(pod, self.spec.get("minReadySeconds") or 0, self.now)

    def is_outdated(self, pod: JSON) -> bool:
        return identity.revision_of(pod) != self.history.update_name

    def create(self, index: int) -> bool:
        """The Pod of a place, and its claims; False when a claim stands in the way."""
        ordinal = self.start + index
        current = self.rolling is not None and index < self.partition
        revision = self.history.current if current else self.history.update
        template = controller_revisions.template_of(revision)
        pod = identity.new_pod(self.stateful_set, template, objects.name(revision), ordinal)
        if not self.make_claims(pod):
            return False
        because = f"no Pod with ordinal {ordinal}"
        self.creations.append(
            Create(PODS, pod, because, on_success=lambda _: self._told("create", pod), on_failure=self._failure(pod))
        )
        return True

    def flush(self) -> list[Create]:
        """The creations so far, which the caller puts among the actions."""
        made, self.creations = self.creations, []
        return made

    def make_claims(self, pod: JSON) -> bool:
        """Create the claims that are missing for a Pod; False when that can't be."""
        if not self.spec.get("volumeClaimTemplates"):
            return True
        for claim in identity.new_claims(self.stateful_set, identity.ordinal_of(pod)):
            name = objects.name(claim)
            present = self.view.volume_claims.get(name)
            if present is None:
                self.actions.append(self._claim_creation(pod, claim))
            elif objects.is_terminating(present):
                self._pod_failed(pod, f"pvc {name} is being deleted")
                self.requeue_after = 1.0
                return False
        return True

    def _claim_creation(self, pod: JSON, claim: JSON) -> Create:
        who = f"Claim {objects.name(claim)}"
        where = f"Pod {objects.name(pod)} in StatefulSet {objects.name(self.stateful_set)}"

        def created(_: JSON) -> Event:
            return Event(self.stateful_set, "Normal", "SuccessfulCreate", f"create {who} {where} success")

        def failed(error: StatusError) -> Event:
            return Event(
                self.stateful_set, "Warning", "FailedCreate", f"create {who} for {where} failed error: {error}"
            )

        return Create(
            PERSISTENT_VOLUME_CLAIMS, claim, f"for {objects.name(pod)}", on_success=created, on_failure=failed
        )

    def _pod_failed(self, pod: JSON, why: str) -> None:
        self.actions.append(self._failed("create", pod, why))

    def update(self, pod: JSON) -> None:
        """Give the Pod its identity back."""
        fixed = identity.with_identity(self.stateful_set, pod)
        if not self.make_claims(fixed) or fixed == pod:
            return
        self.actions.append(
            Update(PODS, fixed, "its identity was changed", on_success=lambda _: self._told("update", pod))
        )

    def delete(self, pod: JSON, because: str) -> None:
        self.actions.append(
            Delete(
                PODS,
                objects.key(pod),
                objects.uid(pod),
                because,
                on_success=lambda _: self._told("delete", pod),
                on_failure=lambda error: self._failed("delete", pod, str(error)),
            )
        )

    def tell(self, kind: str, reason: str, message: str) -> None:
        self.actions.append(Event(self.stateful_set, "Warning" if kind == "Warning" else "Normal", reason, message))

    def _told(self, verb: str, pod: JSON) -> Event:
        text = f"{verb} Pod {objects.name(pod)} in StatefulSet {objects.name(self.stateful_set)} successful"
        return Event(self.stateful_set, "Normal", f"Successful{verb.title()}", text)

    def _failed(self, verb: str, pod: JSON, why: str) -> Event:
        text = f"{verb} Pod {objects.name(pod)} in StatefulSet {objects.name(self.stateful_set)} failed error: {why}"
        return Event(self.stateful_set, "Warning", f"Failed{verb.title()}", text)

    def _failure(self, pod: JSON) -> Any:
        """A name that is taken is no news: the cache was behind."""
        return lambda error: None if error.reason == "AlreadyExists" else self._failed("create", pod, str(error))
