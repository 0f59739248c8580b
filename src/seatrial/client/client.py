"""The one implementation of `Client`: turns calls into requests for a transport (k8s.io/client-go/rest, dynamic)."""

import builtins
from collections.abc import AsyncIterator, Mapping

from seatrial.base.types import JSON
from seatrial.client.base import APPLY_PATCH, STRATEGIC_MERGE_PATCH, PatchType, Request, Response, Transport
from seatrial.machinery import status
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent


class ApiClient:
    """A cluster seen through `transport`, which it owns."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(
        self,
        resource: ResourceRef,
        name: str,
        namespace: str = "",
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> JSON:
        query = {"resourceVersion": resource_version} if resource_version else {}
        return await self._send(Request("GET", resource.path(namespace, name, subresource), query))

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
        query = _without_empty(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=str(limit) if limit else "",
            resourceVersion=resource_version,
        )
        if continue_token:
            query["continue"] = continue_token
        path = resource.path(namespace)
        found = await self._send(Request("GET", path, query))
        if "items" not in found or not isinstance(found["items"] or [], list):
            raise status.internal_error(f"GET {path}: the answer is no list: is it an API server?")
        return found if found["items"] is not None else {**found, "items": []}

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
    ) -> AsyncIterator[WatchEvent]:
        query = _without_empty(
            watch="true",
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            timeoutSeconds=str(timeout_seconds) if timeout_seconds else "",
            allowWatchBookmarks="true" if allow_bookmarks else "",
        )
        return self._transport.watch(Request("GET", resource.path(namespace), query))

    async def create(
        self,
        resource: ResourceRef,
        obj: JSON,
        *,
        dry_run: bool = False,
        field_manager: str = "",
        field_validation: str = "",
    ) -> JSON:
        namespace = obj.get("metadata", {}).get("namespace", "")
        query = _write_options(dry_run, field_manager, field_validation)
        return await self._send(Request("POST", resource.path(namespace), query, obj))

    async def update(
        self,
        resource: ResourceRef,
        obj: JSON,
        *,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
    ) -> JSON:
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        return await self._send(Request("PUT", path, _write_options(dry_run, field_manager), obj))

    async def patch(
        self,
        resource: ResourceRef,
        name: str,
        namespace: str,
        patch: JSON | builtins.list[JSON],
        *,
        patch_type: PatchType = STRATEGIC_MERGE_PATCH,
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
        force: bool = False,
    ) -> JSON:
        query = _write_options(dry_run, field_manager)
        if patch_type == APPLY_PATCH and force:
            query["force"] = "true"
        path = resource.path(namespace, name, subresource)
        return await self._send(Request("PATCH", path, query, patch, content_type=patch_type))

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
    ) -> JSON:
        body = _delete_options(propagation_policy, grace_period_seconds, dry_run)
        preconditions = _without_empty(uid=uid, resourceVersion=resource_version)
        if preconditions:
            body["preconditions"] = preconditions
        return await self._send(Request("DELETE", resource.path(namespace, name), body=body))

    async def delete_collection(
        self,
        resource: ResourceRef,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
        grace_period_seconds: int | None = None,
    ) -> JSON:
        query = _without_empty(labelSelector=label_selector, fieldSelector=field_selector)
        body = _delete_options(propagation_policy, grace_period_seconds)
        return await self._send(Request("DELETE", resource.path(namespace), query, body))

    async def create_subresource(
        self, resource: ResourceRef, name: str, namespace: str, subresource: str, body: JSON
    ) -> JSON:
        return await self._send(Request("POST", resource.path(namespace, name, subresource), body=body))

    async def server_version(self) -> JSON:
        return await self._send(Request("GET", "/version"))

    async def raw(self, request: Request) -> Response:
        return await self._transport.request(request)

    def logs(self, name: str, namespace: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        return self._transport.stream(Request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log", query))

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _send(self, request: Request) -> JSON:
        found = (await self._transport.request(request)).object
        if found.keys() == {"text"}:
            raise status.internal_error(f"{request.method} {request.path}: the answer is no JSON: is it an API server?")
        return found


def _without_empty(**fields: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def _write_options(dry_run: bool, field_manager: str, field_validation: str = "") -> dict[str, str]:
    return _without_empty(dryRun="All" if dry_run else "", fieldManager=field_manager, fieldValidation=field_validation)


def _delete_options(propagation_policy: str, grace_period_seconds: int | None, dry_run: bool = False) -> JSON:
    body: JSON = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if grace_period_seconds is not None:
        body["gracePeriodSeconds"] = grace_period_seconds
    if propagation_policy:
        body["propagationPolicy"] = propagation_policy
    if dry_run:
        body["dryRun"] = ["All"]
    return body
