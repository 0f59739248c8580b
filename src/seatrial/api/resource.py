"""What the API server has to know of a kind: one `Resource` per kind, declared at the end of the kind's file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.table import Column
from seatrial.machinery.validation import FieldError

Propagation = Literal["Background", "Foreground", "Orphan"]


def _keep(obj: JSON) -> None:
    """Leave the object as it is."""


def _keep_update(new: JSON, old: JSON) -> None:
    """Leave the object as it is."""


def _no_errors(obj: JSON) -> Sequence[FieldError]:
    return ()


def _no_update_errors(new: JSON, old: JSON) -> Sequence[FieldError]:
    return ()


def _no_fields(obj: JSON) -> Mapping[str, str]:
    return {}


def _no_row(obj: JSON, now: float) -> Sequence[Any]:
    return ()


@dataclass(frozen=True)
class Resource(ResourceRef):
    """A kind as the API server serves it.

    `default`, `prepare_for_create` and `prepare_for_update` change the object they are given (a private copy, not yet
    stored); all other callables are pure. Generic metadata rules (names, labels, owner references, immutability of
    uid …) are the registry's, and `spec`/`status` separation is too: it follows from `subresources`.
    """

    __hash__ = ResourceRef.__hash__

    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    subresources: tuple[str, ...] = ()
    """Of `status`, `scale`, `log`, `exec`, `binding`, `eviction`, `finalize`, …"""

    default: Callable[[JSON], None] = _keep
    """Fill in what the release's defaulting fills in (idempotent)."""
    validate: Callable[[JSON], Sequence[FieldError]] = _no_errors
    """Cross-field rules beyond the schema, with Kubernetes' messages; metadata excluded."""
    validate_update: Callable[[JSON, JSON], Sequence[FieldError]] = _no_update_errors
    """(new, old): immutable fields and allowed transitions."""
    validate_status_update: Callable[[JSON, JSON], Sequence[FieldError]] = _no_update_errors
    prepare_for_create: Callable[[JSON], None] = _keep
    """The strategy's PrepareForCreate: wipe or initialise status (the registry sets generation)."""
    prepare_for_update: Callable[[JSON, JSON], None] = _keep_update
    """(new, old): the strategy's PrepareForUpdate beyond status separation and generation."""
    wipe_status_on_create: bool = False
    has_generation: bool = False
    """metadata.generation starts at 1 and grows when `generation_fields` change."""
    generation_fields: Callable[[JSON], Any] = field(default=lambda obj: obj.get("spec"))
    create_on_update: bool = False
    """A PUT on a missing name creates (api.md §1)."""
    unconditional_update: bool = True
    """An update without resourceVersion is allowed (api.md §5)."""
    graceful: bool = False
    """Deletion goes through a grace period (Pods)."""
    returns_deleted: bool = False
    """DELETE answers with the object, not with a Status (api.md §5)."""
    default_propagation: Propagation = "Background"
    name_rule: Literal["subdomain", "label", "label1035", "path_segment"] = "subdomain"
    selectable_fields: Callable[[JSON], Mapping[str, str]] = _no_fields
    """Values for field selectors beyond metadata.name and metadata.namespace."""
    columns: tuple[Column, ...] = ()
    """Column definitions of `kubectl get`; the first is always Name."""
    row: Callable[[JSON, float], Sequence[Any]] = _no_row
    """(object, now in epoch seconds) → one cell per column."""
