"""PATCH: from the current object and a patch to the object that shall be there.

JSON patch, merge patch, strategic merge patch and server-side apply; which error has which form follows
k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

import dataclasses
from typing import Any

import orjson

from seatrial.api.resource import Resource
from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver import decoding, field_ownership, store_errors, strategy
from seatrial.apiserver.options import WriteOptions
from seatrial.base.env import Env
from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.machinery import (
    apply,
    go_format,
    json_patch,
    merge_patch,
    objects,
    status,
    strategic_merge,
    strategic_patch,
)
from seatrial.machinery.schema import DecodeError
from seatrial.machinery.validation import invalid, required
from seatrial.store.base import Record

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
MEDIA_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)


class Patch:
    """One patch request; `apply` is a registry.Change and may run several times, on ever newer states."""

    def __init__(
        self,
        schemas: SchemaSet,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        patch_type: str,
        options: WriteOptions,
        subresource: str,
        env: Env,
    ) -> None:
        self._schemas, self._resource, self._options, self._subresource = schemas, resource, options, subresource
        self._namespace, self._name, self._env = namespace, name, env
        self._body, self._type = body, patch_type
        if patch_type not in MEDIA_TYPES:
            raise status.unsupported_media_type("415: Unsupported Media Type", routed=True)
        self._check_body()

    @property
    def creates(self) -> bool:
        """Whether this may make an object that isn't there."""
        return self._type == APPLY_PATCH

    @property
    def write_options(self) -> WriteOptions:
        """Of the write that follows; an apply has settled the managers of all fields itself."""
        return dataclasses.replace(self._options, field_manager="") if self._type == APPLY_PATCH else self._options

    def apply(self, current: Record | None) -> JSON:
        """The patched object, decoded and defaulted."""
        if self._type == APPLY_PATCH:
            return self._applied(current)
        assert current is not None
        patched = self._patched(current)
        new = self._decode(patched)
        version = store_errors.revision_of(objects.get(new, "metadata", "resourceVersion", default=""))
        strategy.check_replaceable(self._resource, new, current, version or current.revision)
        if not strategy.is_part(self._subresource):
            self._resource.default(new)
        return new

    def _patched(self, current: Record) -> Any:
        doc = orjson.loads(current.data)
        try:
            if self._type == JSON_PATCH:
                return json_patch.apply(doc, self._body)
            if self._type == MERGE_PATCH:
                return merge_patch.apply(doc, self._body)
            resource = self._resource
            meta = self._schemas.patch_meta(resource.group, resource.version, resource.kind)
            return strategic_patch.apply(doc, self._body, meta)
        except json_patch.PatchError:
            raise status.generic_invalid() from None
        except strategic_merge.PatchError as error:
            raise _strategic_error(error) from None

    def _applied(self, current: Record | None) -> JSON:
        """Server-side apply; the object need not be there."""
        resource, subresource = self._resource, self._subresource
        schema = self._schemas.field_schema(resource.group, resource.version, resource.kind)
        live: JSON | None = orjson.loads(current.data) if current is not None else None
        uid = objects.uid(self._body)
        if current is None and uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise status.conflict(resource, self._name, why)
        ignored = field_ownership.reset_fields(resource, subresource)
        manager, now, force = self._options.field_manager, self._env.now(), self._options.force
        try:
            merged, entries = apply.apply(live, self._body, manager, schema, now, force, subresource, ignored)
        except apply.Conflicts as conflicts:
            raise status.apply_conflict(str(conflicts), conflicts.causes) from None
        except apply.ApplyError as error:
            raise _apply_error(error) from None
        new = self._decode(merged)
        if current is not None:
            version = store_errors.revision_of(objects.get(new, "metadata", "resourceVersion", default=""))
            strategy.check_replaceable(resource, new, current, version or current.revision)
        new["metadata"] = {**new["metadata"], "managedFields": entries}
        if current is not None and not strategy.is_part(subresource):
            resource.default(new)
        return new

    def _check_apply(self) -> None:
        if not self._options.field_manager:
            error = required("fieldManager", "is required for apply patch")
            raise status.invalid_kind("meta.k8s.io", "PatchOptions", "", [error])
        body, resource = self._body, self._resource
        version = body.get("apiVersion")
        if version != resource.api_version:
            raise status.bad_request(
                f"Incorrect version specified in apply patch. Specified patch version: {version or ''}, "
                f"expected: {resource.api_version}"
            )
        decoding.check_type(resource, body)
        metadata = {"name": self._name, **(body.get("metadata") or {})}
        if resource.namespaced:
            metadata.setdefault("namespace", self._namespace)
        self._body = {**body, "kind": resource.kind, "metadata": metadata}
        strategy.check_addressed(objects.copy(self._body), self._namespace, self._name)

    def _check_body(self) -> None:
        """Raise for a body that is no patch of its type."""
        if self._type == APPLY_PATCH and isinstance(self._body, dict):
            self._check_apply()
        elif self._type == JSON_PATCH:
            self._check_json_patch()
        elif not isinstance(self._body, dict):
            text = f"json: cannot unmarshal {_json_type(self._body)} into Go value of type map[string]interface {{}}"
            raise status.bad_request(text if self._type == STRATEGIC_MERGE_PATCH else f"error decoding patch: {text}")

    def _check_json_patch(self) -> None:
        try:
            json_patch.check(self._body)
        except json_patch.TooManyOperations as error:
            raise StatusError(status.failure(413, "RequestEntityTooLarge", str(error))) from None
        except json_patch.BadPatch as error:
            text = str(error)
            if self._options.field_validation != "Ignore" and not isinstance(self._body, list):
                wanted = "of type []handlers.jsonPatchOp"
                text = f"error decoding patch: {text.replace('of type jsonpatch.Patch', wanted)}"
            raise status.bad_request(text) from None

    def _decode(self, patched: Any) -> JSON:
        resource = self._resource
        if not isinstance(patched, dict):
            patched = {} if patched is None else patched
        try:
            found = self._schemas.validator(resource.group, resource.version, resource.kind).decode(patched)
        except DecodeError as error:
            raise self._undecodable(patched, str(error)) from None
        decoding.check_type(resource, found.object)
        strict = [f'unknown field "{path}"' for path in found.unknown]
        strict += [f'duplicate field "{path}"' for path in self._options.duplicate_fields]
        if strict and self._options.field_validation == "Strict":
            raise self._undecodable(patched, f"strict decoding error: {', '.join(strict)}")
        if strict:
            decoding.tell(resource, strict, self._options)
        return decoding.in_order(resource, found.object)

    def _undecodable(self, patched: Any, why: str) -> StatusError:
        if self._type == STRATEGIC_MERGE_PATCH:
            shown = go_format.value(self._body)
        else:
            shown = orjson.dumps(patched).decode()
        return status.invalid_kind("", "", "", [invalid("patch", shown, why)])


def _strategic_error(error: strategic_merge.PatchError) -> StatusError:
    if error.code == 400:
        return status.bad_request(str(error))
    if error.code == 422:
        return status.generic_invalid()
    return status.plain_error(str(error), error.code)


def _apply_error(error: apply.ApplyError) -> StatusError:
    return status.bad_request(str(error)) if error.code == 400 else status.plain_error(str(error), error.code)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array"
