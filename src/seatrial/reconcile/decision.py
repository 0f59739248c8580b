"""What a reconcile loop wants done: plain values, made by `decide`, carried out by the applier.

Every action says why. Actions are carried out in order; `Batch` members at once (with slow start: 1, 2, 4, 8 …, and
the first batch with a failure ends it), which is what the ReplicaSet controller does with its Pods.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.client.base import STRATEGIC_MERGE_PATCH, PatchType
from seatrial.machinery.gvk import ResourceRef


@dataclass(frozen=True, slots=True)
class Create:
    """POST `object`. `on_success` / `on_failure`: the event that tells of it, on the object being reconciled."""

    resource: ResourceRef
    object: JSON
    because: str
    on_success: Callable[[JSON], "Event | None"] | None = None
    on_failure: Callable[[StatusError], "Event | None"] | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """PUT `object`, which carries the resourceVersion it was read at; subresource "status" writes the status only."""

    resource: ResourceRef
    object: JSON
    because: str
    subresource: str = ""
    on_success: Callable[[JSON], "Event | None"] | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """PATCH; `body` should carry metadata.uid where a recreated object of the same name must not be touched."""

    resource: ResourceRef
    key: Key
    body: JSON | list[JSON]
    because: str
    patch_type: PatchType = STRATEGIC_MERGE_PATCH
    subresource: str = ""
    ignore: tuple[str, ...] = ()
    """Reasons of StatusError that count as success, such as NotFound."""


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE with a precondition on the uid. An object that is gone already counts as deleted."""

    resource: ResourceRef
    key: Key
    uid: str
    because: str
    propagation_policy: str = ""
    grace_period_seconds: int | None = None
    on_success: Callable[[JSON], "Event | None"] | None = None
    on_failure: Callable[[StatusError], "Event | None"] | None = None


@dataclass(frozen=True, slots=True)
class DeleteCollection:
    """DELETE all objects of a resource in a namespace, each in the background."""

    resource: ResourceRef
    namespace: str
    because: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event on an object (`regarding`; any object with kind, apiVersion and metadata)."""

    regarding: JSON
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Actions carried out at once. With `slow_start` in growing batches that stop at the first failing one."""

    actions: tuple["Create | Delete", ...]
    slow_start: bool = False


Action = Create | Update | Patch | Delete | DeleteCollection | Event | Batch


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one look at the world.

    `status`: the whole object with its new status, written through the status subresource after the actions, if given.
    `after_failure`: decides again, purely, when an action failed (e.g. a ReplicaFailure condition); what it returns is
    applied, then the failure is raised, so that the key is retried with back-off.
    """

    actions: tuple[Action, ...] = ()
    status: JSON | None = None
    requeue_after: float | None = None
    after_failure: Callable[[StatusError], "Decision"] | None = None


NOTHING = Decision()
