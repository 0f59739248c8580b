"""The only writer of the store: what every kind's storage does, told by its Resource.

Order of a write as upstream: decode, default, admit, prepare, validate, allocate, store. Follows
k8s.io/apiserver/pkg/registry/generic/registry/store.go and pkg/endpoints/handlers/{create,update,patch,delete}.go.
Callers inside the process pay the same way as those outside.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from seatrial.api import meta_v1
from seatrial.api.resource import Resource
from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver import (
    decoding,
    deletion,
    field_ownership,
    generated_names,
    paging,
    patching,
    store_errors,
    strategy,
)
from seatrial.apiserver.admission import chain
from seatrial.apiserver.admission.base import Attributes, Operation, Plugin, Stamp, no_stamp
from seatrial.apiserver.allocation import NO_CLAIM, Allocator, Claim
from seatrial.apiserver.mirror import Mirror
from seatrial.apiserver.options import DELETE, WRITE, DeleteOptions, WriteOptions, ignore_warning
from seatrial.apiserver.paging import Listing as Listing
from seatrial.apiserver.paging import ListOptions
from seatrial.apiserver.registry_watch import Lines, RegistryWatch
from seatrial.apiserver.selection import ALL, Selection
from seatrial.base.env import Env
from seatrial.base.errors import KeyExists, RevisionMismatch, StatusError, StoreError
from seatrial.base.types import JSON
from seatrial.machinery import objects, status
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.validation import FieldError
from seatrial.store import keys
from seatrial.store.base import Record, Store

Change = Callable[[Record | None], JSON]
"""From what is there to what shall be there: a private object of the kind, decoded and defaulted."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a DELETE answers: the object (still there, or of a kind that is returned), or else a Status."""

    record: Record | None
    status: JSON
    gone: bool
    """Whether the object was taken out (or would have been, in a dry run)."""


class Registry:
    """Reads and writes of every kind."""

    def __init__(
        self,
        store: Store,
        env: Env,
        schemas: SchemaSet,
        *,
        service_network: Allocator | None = None,
        plugins: Sequence[Plugin] = chain.PLUGINS,
        stamp: Stamp = no_stamp,
    ) -> None:
        self.store, self.env, self.schemas = store, env, schemas
        self._allocators: dict[tuple[str, str], Allocator] = {}
        if service_network is not None:
            self._allocators["", "services"] = service_network
        self._plugins, self._validating, self._stamp = tuple(plugins), chain.validating(), stamp
        self._lines = Lines()
        self._mirrors: dict[str, Mirror] = {}

    @property
    def revision(self) -> int:
        """The newest resourceVersion."""
        return self.store.revision

    async def restore(self) -> None:
        """Learn from the stored objects which addresses and ports are taken; before the first write."""
        for (group, plural), allocator in self._allocators.items():
            page = await self.store.list(keys.resource_prefix(group, plural))
            allocator.restore(record.object for record in page.records)

    async def find(self, resource: ResourceRef, namespace: str, name: str) -> Record | None:
        """The object, or None."""
        return await self.store.get(keys.key(resource, namespace, name))

    async def lookup(self, resource: ResourceRef, namespace: str, name: str) -> JSON | None:
        """`find` for those who want the object only."""
        record = await self.store.get(keys.key(resource, namespace, name))
        return record.object if record is not None else None

    async def select(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        """The objects of a namespace, in key order; for kinds that are asked for with every write."""
        mirror = self._mirrors.get(resource.qualified)
        if mirror is None:
            mirror = self._mirrors[resource.qualified] = Mirror(self.store, resource)
        return await mirror.of(namespace)

    def now(self) -> float:
        return self.env.now()

    async def get(self, resource: ResourceRef, namespace: str, name: str) -> Record:
        """The object; raises NotFound."""
        record = await self.store.get(keys.key(resource, namespace, name))
        if record is None:
            raise status.not_found(resource, name)
        return record

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        selection: Selection = ALL,
        *,
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
    ) -> Listing:
        """The objects of a namespace, or of all of them (""), in key order."""
        options = ListOptions(limit, continue_token, resource_version, resource_version_match)
        return await paging.read(self.store, resource, namespace, selection, options)

    def watch(
        self, resource: Resource, namespace: str = "", selection: Selection = ALL, *, resource_version: str = ""
    ) -> RegistryWatch:
        """Changes after `resource_version`; without one (or "0") it begins with what is there."""
        selection.check(resource)
        revision = store_errors.revision_of(resource_version)
        paging.check_not_future(revision, self.store.revision)
        prefix = keys.prefix(resource, namespace)
        return RegistryWatch(self.store, resource, prefix, selection, revision or None, self._lines)

    async def create(self, resource: Resource, namespace: str, obj: JSON, options: WriteOptions = WRITE) -> Record:
        """Store a new object; returns it as stored."""
        new = decoding.decode(self.schemas, resource, obj, options)
        return await self._create(resource, namespace, new, options)

    async def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: JSON,
        options: WriteOptions = WRITE,
        *,
        subresource: str = "",
    ) -> tuple[Record, bool]:
        """Replace an object, or its part behind a subresource; whether that created it."""
        decoded = decoding.decode(self.schemas, resource, obj, options)
        strategy.check_addressed(decoded, namespace, name)
        if not strategy.is_part(subresource):
            resource.default(decoded)
        version = store_errors.revision_of(objects.get(decoded, "metadata", "resourceVersion", default=""))

        def change(current: Record | None) -> JSON:
            if current is not None:
                strategy.check_replaceable(resource, decoded, current, version)
            return decoded if version else objects.copy(decoded)

        return await self.modify(resource, namespace, name, change, options, subresource=subresource, version=version)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Any,
        patch_type: str,
        options: WriteOptions = WRITE,
        *,
        subresource: str = "",
    ) -> tuple[Record, bool]:
        """Change an object by a patch; server-side apply creates it if it isn't there."""
        patch = patching.Patch(
            self.schemas, resource, namespace, name, body, patch_type, options, subresource, self.env
        )
        return await self.modify(
            resource,
            namespace,
            name,
            patch.apply,
            patch.write_options,
            subresource=subresource,
            creates=patch.creates,
        )

    async def modify(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Change,
        options: WriteOptions = WRITE,
        *,
        subresource: str = "",
        version: int = 0,
        creates: bool | None = None,
    ) -> tuple[Record, bool]:
        """Read, `change`, write; again from the start if somebody else wrote in between, unless `version` is given."""
        key = keys.key(resource, namespace, name)
        while True:
            current = await self.store.get(key)
            if current is None:
                may_create = resource.create_on_update and not version if creates is None else creates
                if not may_create or subresource:
                    raise status.not_found(resource, name)
                return await self._create(resource, namespace, change(None), options), True
            new = strategy.begin_update(resource, change(current), current.object, subresource)
            try:
                return await self._replace(resource, namespace, current, new, options, subresource), False
            except RevisionMismatch as error:
                if version:
                    raise store_errors.refused(error, resource, name) from None
            except StoreError as error:
                raise store_errors.refused(error, resource, name) from None

    async def rewrite(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Record], JSON],
        *,
        dry_run: bool = False,
    ) -> Record:
        """`modify` without admission and validation, for subresources with rules of their own.

        `change` returns a new object with new metadata; all else may be shared with the current one.
        """
        while True:
            current = await self.get(resource, namespace, name)
            new = change(current)
            try:
                return await self._put(resource, current, new, dry_run)
            except RevisionMismatch:
                continue
            except StoreError as error:
                raise store_errors.refused(error, resource, name) from None

    async def load(self, resource: Resource, obj: JSON) -> None:
        """Store an object as another cluster had it: its identity and status stay, nobody is asked whether it may be.

        Only the resourceVersion is new. Raises BadRequest for what has not the shape of its kind, Invalid for what no
        API server would have taken; one that an API server has taken lacks nothing that is required, at the least.
        """
        was_stored = bool(objects.get(obj, "metadata", "resourceVersion"))
        loaded = decoding.decode(self.schemas, resource, obj, WRITE)
        strategy.fill_loaded(resource, loaded, self.env)
        resource.default(loaded)
        errors = [*meta_v1.validate(loaded, resource), *resource.validate(loaded)]
        if was_stored:
            errors = [error for error in errors if error.type == "FieldValueRequired"]
        self._require_valid(resource, objects.name(loaded), errors)
        key = keys.key(resource, objects.namespace(loaded), objects.name(loaded))
        current = await self.store.get(key)
        if current is None:
            await self.store.create(key, loaded)
        else:
            await self.store.update(key, loaded, current.revision)

    async def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DELETE) -> Deleted:
        """Begin or complete the deletion of an object, as its grace period and finalizers allow."""
        options.check()
        key = keys.key(resource, namespace, name)
        while True:
            current = await self.store.get(key)
            if current is None:
                raise status.not_found(resource, name)
            await self._admit(self._plugins, "DELETE", resource, namespace, current.object, None, options)
            try:
                return await self._delete(resource, current, options)
            except RevisionMismatch:
                continue
            except StoreError as error:
                raise store_errors.refused(error, resource, name) from None

    async def delete_collection(
        self, resource: Resource, namespace: str = "", selection: Selection = ALL, options: DeleteOptions = DELETE
    ) -> Sequence[Record]:
        """Delete all that is selected; returns what was there."""
        options.check()
        found = await self.list(resource, namespace, selection)
        deleted: list[Record] = []
        for record in found.records:
            try:
                answer = await self.delete(
                    resource, objects.namespace(record.object), objects.name(record.object), options
                )
            except StatusError as error:
                if error.reason != "NotFound":
                    raise
            else:
                deleted.append(answer.record or record)
        return deleted

    async def _admit(
        self,
        plugins: Sequence[Plugin],
        operation: Operation,
        resource: Resource,
        namespace: str,
        obj: JSON,
        old: JSON | None,
        options: WriteOptions | DeleteOptions,
        subresource: str = "",
    ) -> None:
        warn = options.warn if isinstance(options, WriteOptions) else ignore_warning
        attributes = Attributes(
            operation,
            resource,
            namespace,
            obj,
            old,
            self.lookup,
            self,
            options.user,
            subresource,
            options.dry_run,
            warn,
        )
        await chain.admit(plugins, attributes)

    async def _create(self, resource: Resource, namespace: str, new: JSON, options: WriteOptions) -> Record:
        strategy.begin_create(resource, namespace, new)
        resource.default(new)
        await self._admit(self._plugins, "CREATE", resource, namespace, new, None, options)
        field_ownership.track(self.schemas, resource, new, None, options, "", self.env.now())
        self._stamp(resource, new, None, options)
        self._warn_of_duplicate_owners(new, options)
        strategy.fill_create(resource, new, self.env)
        if not generated_names.wanted(new["metadata"]):
            return await self._store_new(resource, namespace, new, options)
        for _ in range(generated_names.ATTEMPTS):
            generated_names.fill(new["metadata"], self.env)
            try:
                return await self._store_new(resource, namespace, new, options)
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
        raise status.generate_name_conflict(resource, objects.name(new))

    async def _store_new(self, resource: Resource, namespace: str, new: JSON, options: WriteOptions) -> Record:
        resource.prepare_for_create(new)
        new["metadata"] = strategy.ordered(new["metadata"])
        name = objects.name(new)
        self._require_valid(resource, name, (*meta_v1.validate(new, resource), *resource.validate(new)))
        await self._admit(self._validating, "CREATE", resource, namespace, new, None, options)
        key = keys.key(resource, namespace, name)
        claim = self._claim(resource, new, None, options.dry_run)
        try:
            record = await self._put_new(key, new, options.dry_run)
        except StoreError as error:
            claim.give_back()
            if isinstance(error, KeyExists):
                raise await self._exists(resource, key, name) from None
            raise store_errors.refused(error, resource, name) from None
        claim.keep()
        return record

    async def _put_new(self, key: str, new: JSON, dry_run: bool) -> Record:
        if not dry_run:
            return await self.store.create(key, new)
        if await self.store.get(key) is not None:
            raise KeyExists(key)
        return Record(key, 0, new, orjson.dumps(new))

    async def _exists(self, resource: Resource, key: str, name: str) -> StatusError:
        found = await self.store.get(key)
        return status.already_exists(
            resource, name, terminating=found is not None and objects.is_terminating(found.object)
        )

    async def _replace(
        self, resource: Resource, namespace: str, current: Record, new: JSON, options: WriteOptions, subresource: str
    ) -> Record:
        old, name = current.object, objects.name(current.object)
        await self._admit(self._plugins, "UPDATE", resource, namespace, new, old, options, subresource)
        field_ownership.track(self.schemas, resource, new, old, options, subresource, self.env.now())
        self._stamp(resource, new, old, options)
        self._warn_of_duplicate_owners(new, options)
        if not strategy.is_part(subresource):
            resource.prepare_for_update(new, old)
            strategy.bump_generation(resource, new, old)
        if new == old:
            return current
        self._require_valid(resource, name, self._update_errors(resource, new, old, subresource))
        await self._admit(self._validating, "UPDATE", resource, namespace, new, old, options, subresource)
        claim = self._claim(resource, new, old, options.dry_run)
        try:
            record = await self._put(resource, current, new, options.dry_run)
        except StoreError:
            claim.give_back()
            raise
        claim.keep()
        return record

    async def _put(self, resource: Resource, current: Record, new: JSON, dry_run: bool) -> Record:
        """Write the new state; if nothing keeps the object any more, take it out instead."""
        if dry_run:
            return Record(current.key, current.revision, new, orjson.dumps(new))
        if not strategy.is_finished(resource, new):
            return await self.store.update(current.key, new, current.revision)
        removed = await self._remove(resource, current)
        new["metadata"]["resourceVersion"] = str(removed.revision)
        return Record(current.key, removed.revision, new, orjson.dumps(new))

    def _update_errors(self, resource: Resource, new: JSON, old: JSON, subresource: str) -> Sequence[FieldError]:
        errors = meta_v1.validate_update(new, old)
        if subresource == "status":
            return [*errors, *resource.validate_status_update(new, old)]
        if subresource != "finalize":
            errors += resource.validate(new)
        return [*errors, *resource.validate_update(new, old)]

    def _require_valid(self, resource: Resource, name: str, errors: Sequence[FieldError]) -> None:
        if errors:
            raise status.invalid(resource, name, errors)

    def _warn_of_duplicate_owners(self, new: JSON, options: WriteOptions) -> None:
        text = meta_v1.duplicate_owners_warning(new) if new["metadata"].get("ownerReferences") else ""
        if meta_v1.remove_duplicate_owners(new):
            options.warn(text)

    def _claim(self, resource: Resource, new: JSON, old: JSON | None, dry_run: bool) -> Claim:
        allocator = self._allocators.get((resource.group, resource.plural))
        return NO_CLAIM if allocator is None else allocator.claim(resource, new, old, dry_run)

    async def _delete(self, resource: Resource, current: Record, options: DeleteOptions) -> Deleted:
        planned = deletion.plan(resource, current.object, options, self.env.now())
        nothing_new = planned.step == "mark" and planned.object == current.object
        if planned.step == "keep" or nothing_new:
            return self._answer(resource, current, gone=False)
        if options.dry_run:
            obj = planned.object or current.object
            return self._answer(
                resource, dataclasses.replace(current, object=obj, data=orjson.dumps(obj)), planned.step == "remove"
            )
        if planned.object is not None:
            current = await self.store.update(current.key, planned.object, current.revision)
        if planned.step == "mark":
            return self._answer(resource, current, gone=False)
        try:
            return self._answer(resource, await self._remove(resource, current), gone=True)
        except RevisionMismatch:
            if planned.object is None or await self.store.get(current.key) is not None:
                raise
            return self._answer(resource, current, gone=True)  # who was told of the mark has been faster

    async def _remove(self, resource: Resource, current: Record) -> Record:
        record = await self.store.delete(current.key, current.revision)
        allocator = self._allocators.get((resource.group, resource.plural))
        if allocator is not None:
            allocator.release(record.object)
        return record

    def _answer(self, resource: Resource, record: Record, gone: bool) -> Deleted:
        obj = record.object
        told = status.success(resource, objects.name(obj), objects.uid(obj))
        return Deleted(None if gone and not resource.returns_deleted else record, told, gone)
