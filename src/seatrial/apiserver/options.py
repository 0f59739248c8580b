"""What a request says besides its object (meta/v1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from seatrial.apiserver.users import SYSTEM, UserInfo
from seatrial.machinery import status
from seatrial.machinery.validation import FieldError, invalid, unsupported

FieldValidation = Literal["Ignore", "Warn", "Strict"]
POLICIES = ("Foreground", "Background", "Orphan")


def ignore_warning(text: str) -> None:
    """Nobody wants to know."""


class Origin(Protocol):
    """The request that a write comes from, as far as it tells who wants it and how."""

    method: str
    query: Mapping[str, str]
    user_agent: str
    command: str
    """The header Kubectl-Command."""
    body: Any


@dataclass(frozen=True)
class WriteOptions:
    """Of create, update and patch."""

    dry_run: bool = False
    field_manager: str = ""
    """Who owns the fields that are written; "" leaves managedFields as they are (callers inside the process)."""
    field_validation: FieldValidation = "Warn"
    user: UserInfo = SYSTEM
    force: bool = False
    """Server-side apply takes over fields of other managers."""
    warn: Callable[[str], None] = ignore_warning
    """Called with the text of each Warning header."""
    owned: bool = False
    """The object was made for this request alone (parsed from a body): it need not be copied."""
    duplicate_fields: tuple[str, ...] = ()
    """`spec.replicas`: fields that stood twice in the body."""
    api_version: str = ""
    """The version that the client wrote in, if it is not the stored one."""
    origin: Origin | None = None
    """None: a caller inside the API server."""


@dataclass(frozen=True)
class DeleteOptions:
    """Of delete and delete_collection."""

    propagation_policy: str = ""
    orphan_dependents: bool | None = None
    grace_period_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    user: UserInfo = SYSTEM

    def check(self) -> None:
        """Raise Invalid for options that make no sense (ValidateDeleteOptions)."""
        errors: list[FieldError] = []
        if self.propagation_policy and self.orphan_dependents is not None:
            text = "orphanDependents and deletionPropagation cannot be both set"
            errors.append(invalid("propagationPolicy", self.propagation_policy, text))
        if self.propagation_policy and self.propagation_policy not in POLICIES:
            errors.append(unsupported("propagationPolicy", self.propagation_policy, (*POLICIES, "nil")))
        if errors:
            raise status.invalid_kind("meta.k8s.io", "DeleteOptions", "", errors)


WRITE = WriteOptions()
DELETE = DeleteOptions()
