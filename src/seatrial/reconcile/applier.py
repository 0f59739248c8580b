"""Carries out decisions: the one place where a controller's wishes become requests.

Follows pkg/controller/controller_utils.go (RealPodControl: events of success and failure) and
pkg/controller/replicaset/replica_set.go (slowStartBatch). A create that fails because its namespace is being
terminated counts as done, as does the deletion of an object that is gone or was replaced.
"""

import asyncio
import logging
from collections.abc import Sequence

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client.base import Writer
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.decision import Action, Batch, Create, Decision, Delete, DeleteCollection, Event, Patch, Update
from seatrial.reconcile.fence import Write
from seatrial.reconcile.recorder import Recorder

log = logging.getLogger(__name__)

FIELD_MANAGER = "kube-controller-manager"


class Applier:
    """See the module. What was written is appended to the caller's `writes`, also when something fails later."""

    def __init__(self, client: Writer, recorder: Recorder) -> None:
        self._client, self._recorder = client, recorder

    async def apply(self, decision: Decision, primary: ResourceRef, writes: list[Write]) -> None:
        """Actions in order, then the status. The first failure ends it, after `after_failure` had its say."""
        try:
            for action in decision.actions:
                await self._do(action, writes)
        except StatusError as error:
            if decision.after_failure:
                await self._after_failure(decision.after_failure(error), primary, writes)
            raise
        if decision.status is not None:
            await self._update(Update(primary, decision.status, "status", subresource="status"), writes)

    async def _after_failure(self, decision: Decision, primary: ResourceRef, writes: list[Write]) -> None:
        """The failure to report is the first one; what goes wrong here will be tried again with it."""
        try:
            await self.apply(decision, primary, writes)
        except StatusError as error:
            log.debug("after a failure: %s", error)

    async def _do(self, action: Action, writes: list[Write]) -> None:
        if isinstance(action, Batch):
            await self._batch(action, writes)
        elif isinstance(action, Event):
            self._tell(action)
        elif isinstance(action, Create):
            await self._create(action, writes)
        elif isinstance(action, Delete):
            await self._delete(action, writes)
        elif isinstance(action, Patch):
            await self._patch(action, writes)
        elif isinstance(action, DeleteCollection):
            await self._client.delete_collection(action.resource, action.namespace, propagation_policy="Background")
        else:
            await self._update(action, writes)

    async def _batch(self, batch: Batch, writes: list[Write]) -> None:
        rest = batch.actions
        size = 1 if batch.slow_start else len(rest)
        while rest:
            await self._at_once(rest[:size], writes)
            rest = rest[size:]
            size = min(2 * size, len(rest))

    async def _at_once(self, actions: Sequence[Create | Delete], writes: list[Write]) -> None:
        """All of them, then raise the failure of the first that failed."""
        if len(actions) == 1:
            await self._do(actions[0], writes)
            return
        outcomes = await asyncio.gather(*(self._do(action, writes) for action in actions), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _create(self, action: Create, writes: list[Write]) -> None:
        try:
            created = await self._client.create(action.resource, action.object, field_manager=FIELD_MANAGER)
        except StatusError as error:
            if error.has_cause("NamespaceTerminating"):
                return
            if action.on_failure:
                self._tell(action.on_failure(error))
            raise
        writes.append(_written(action.resource, created))
        if action.on_success:
            self._tell(action.on_success(created))

    async def _update(self, action: Update, writes: list[Write]) -> None:
        updated = await self._client.update(
            action.resource, action.object, subresource=action.subresource, field_manager=FIELD_MANAGER
        )
        writes.append(_written(action.resource, updated))
        if action.on_success:
            self._tell(action.on_success(updated))

    async def _patch(self, action: Patch, writes: list[Write]) -> None:
        namespace, name = action.key
        try:
            patched = await self._client.patch(
                action.resource,
                name,
                namespace,
                action.body,
                patch_type=action.patch_type,
                subresource=action.subresource,
                field_manager=FIELD_MANAGER,
            )
        except StatusError as error:
            if error.reason in action.ignore:
                return
            raise
        writes.append(_written(action.resource, patched))

    async def _delete(self, action: Delete, writes: list[Write]) -> None:
        namespace, name = action.key
        try:
            deleted = await self._client.delete(
                action.resource,
                name,
                namespace,
                uid=action.uid,
                propagation_policy=action.propagation_policy,
                grace_period_seconds=action.grace_period_seconds,
            )
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                if action.on_failure:
                    self._tell(action.on_failure(error))
                raise
        else:
            if action.on_success:
                self._tell(action.on_success(deleted))
        writes.append(Write(action.resource, action.key, action.uid, 0))

    def _tell(self, event: Event | None) -> None:
        if event:
            self._recorder.event(event.regarding, event.type, event.reason, event.message)


def _written(resource: ResourceRef, obj: JSON) -> Write:
    return Write(resource, objects.key(obj), objects.uid(obj), objects.resource_version(obj))
