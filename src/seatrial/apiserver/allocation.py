"""What some kinds get from a limited supply when they are written (upstream: BeginCreate, BeginUpdate, AfterDelete)."""

from collections.abc import Iterable
from typing import Protocol

from seatrial.api.resource import Resource
from seatrial.base.types import JSON


class Claim(Protocol):
    """Something taken for one write, which then either happens or doesn't."""

    def keep(self) -> None:
        """The write happened."""
        ...

    def give_back(self) -> None:
        """It did not."""
        ...


class Allocator(Protocol):
    """A supply, such as addresses for Services."""

    def claim(self, resource: Resource, new: JSON, old: JSON | None, dry_run: bool) -> Claim:
        """Fill into `new` what it has to get; raises StatusError. In a dry run nothing is taken."""
        ...

    def restore(self, objs: Iterable[JSON]) -> None:
        """What stored objects have is taken."""
        ...

    def release(self, obj: JSON) -> None:
        """The object is gone: what it had is free again."""
        ...


class _NoClaim:
    def keep(self) -> None:
        """Nothing was taken."""

    def give_back(self) -> None:
        """Nothing was taken."""


NO_CLAIM: Claim = _NoClaim()
