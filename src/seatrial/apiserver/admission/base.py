"""What an admission plugin sees of a request (k8s.io/apiserver/pkg/admission Attributes)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from seatrial.api.resource import Resource
from seatrial.apiserver.options import WriteOptions, ignore_warning
from seatrial.apiserver.users import UserInfo
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import objects, status
from seatrial.machinery.gvk import ResourceRef
from seatrial.store.base import Record

Operation = Literal["CREATE", "UPDATE", "DELETE"]


class Lookup(Protocol):
    """Reads the newest state of other objects."""

    async def __call__(self, resource: ResourceRef, namespace: str, name: str) -> JSON | None: ...


class Cluster(Protocol):
    """What else there is, for plugins that look at more than the object (the API server's registry)."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def select(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        """The objects of a namespace, in key order."""
        ...

    async def rewrite(
        self, resource: Resource, namespace: str, name: str, change: Callable[[Record], JSON], *, dry_run: bool = False
    ) -> Record:
        """Write what `change` makes of the newest state, without admission."""
        ...


@dataclass(frozen=True, slots=True)
class Attributes:
    """One write. `obj` is a private object that plugins may change (for DELETE: the state that is there)."""

    operation: Operation
    resource: Resource
    namespace: str
    obj: JSON
    old: JSON | None
    lookup: Lookup
    cluster: Cluster
    user: UserInfo
    subresource: str = ""
    dry_run: bool = False
    warn: Callable[[str], None] = ignore_warning
    """Tell the client something that is no error."""

    @property
    def is_new_pod(self) -> bool:
        """Whether this creates a Pod."""
        return self.operation == "CREATE" and self.concerns_pods

    @property
    def concerns_pods(self) -> bool:
        """Whether this writes Pods themselves, none of their subresources."""
        return self.resource.plural == "pods" and not self.resource.group and not self.subresource

    def forbidden(self, why: str, causes: tuple[JSON, ...] = ()) -> StatusError:
        """403, naming the object as far as it has a name yet."""
        metadata = self.obj.get("metadata") or {}
        name = objects.name(self.obj) or metadata.get("generateName") or "Unknown"
        return status.forbidden(self.resource, name, why, causes)


class Plugin(Protocol):
    """Changes or refuses a write; one file each."""

    async def __call__(self, attributes: Attributes) -> None:
        """Raises StatusError when it refuses."""
        ...


Stamp = Callable[[Resource, JSON, JSON | None, WriteOptions], None]
"""(resource, new, old): what the server adds to a write when the owners of fields are settled."""


def no_stamp(resource: Resource, new: JSON, old: JSON | None, options: WriteOptions) -> None:
    """Add nothing, as Kubernetes does."""
