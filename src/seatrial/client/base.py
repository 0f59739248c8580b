"""The client's interfaces: who reads, who writes, and what carries the requests.

A signature that takes a `Reader` can't write. Everything above floor 6 talks to a cluster through these, whether the
cluster is in this process or behind a kubeconfig. All methods raise `base.errors.StatusError` with the server's Status.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent

PatchType = Literal[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
]
JSON_PATCH: PatchType = "application/json-patch+json"
MERGE_PATCH: PatchType = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH: PatchType = "application/strategic-merge-patch+json"
APPLY_PATCH: PatchType = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """One API request. `body` is JSON data (not bytes) so that an in-process transport need not encode it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: JSON | list[JSON] | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer (2xx). `object` must not be changed. `warnings` are the texts of Warning headers."""

    code: int
    object: JSON
    warnings: tuple[str, ...] = ()


class Transport(Protocol):
    """Carries requests; errors of the API come out as StatusError, a lost connection as ConnectionError."""

    async def request(self, request: Request) -> Response: ...

    def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        """The events of a watch until the server ends it; ERROR events are raised as StatusError."""
        ...

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """A body that is not JSON, as it comes (logs)."""
        ...

    async def aclose(self) -> None: ...


class Reader(Protocol):
    """get, list and watch. `namespace` "" means all namespaces (list, watch) or cluster scope (get)."""

    async def get(
        self,
        resource: ResourceRef,
        name: str,
        namespace: str = "",
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> JSON: ...

    async def list(
        self,
        resource: ResourceRef,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> JSON:
        """The List object: `items` have no kind and apiVersion of their own, as on the wire."""
        ...

    def watch(
        self,
        resource: ResourceRef,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int = 0,
        allow_bookmarks: bool = True,
    ) -> AsyncIterator[WatchEvent]: ...


class Writer(Protocol):
    """All changes. An object's own metadata says name and namespace."""

    async def create(
        self,
        resource: ResourceRef,
        obj: JSON,
        *,
        dry_run: bool = False,
        field_manager: str = "",
        field_validation: str = "",
    ) -> JSON: ...

    async def update(
        self, resource: ResourceRef, obj: JSON, *, subresource: str = "", dry_run: bool = False, field_manager: str = ""
    ) -> JSON:
        """PUT; subresource "status" writes only the status."""
        ...

    async def patch(
        self,
        resource: ResourceRef,
        name: str,
        namespace: str,
        patch: JSON | list[JSON],
        *,
        patch_type: PatchType = STRATEGIC_MERGE_PATCH,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
        force: bool = False,
    ) -> JSON: ...

    async def delete(
        self,
        resource: ResourceRef,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        propagation_policy: str = "",
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> JSON: ...

    async def delete_collection(
        self,
        resource: ResourceRef,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
        grace_period_seconds: int | None = None,
    ) -> JSON: ...

    async def create_subresource(
        self, resource: ResourceRef, name: str, namespace: str, subresource: str, body: JSON
    ) -> JSON:
        """POST to `binding`, `eviction`, `rollback`, …"""
        ...


class Client(Reader, Writer, Protocol):
    """Reader and Writer in one, plus what is neither."""

    async def server_version(self) -> JSON:
        """GET /version."""
        ...

    async def raw(self, request: Request) -> Response:
        """Any request, for paths that are no resources."""
        ...

    def logs(self, name: str, namespace: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """GET pods/NAME/log."""
        ...

    async def aclose(self) -> None: ...
