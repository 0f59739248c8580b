"""Server-side apply, and the bookkeeping of field managers for every other write.

`apply` merges a configuration into the live object and prunes what its manager no longer wants; `update_managers`
records who wrote what in a create, update or patch. Follows k8s.io/apimachinery/pkg/util/managedfields and
sigs.k8s.io/structured-merge-diff/v4/merge. Nothing is changed in place.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from seatrial.base.types import JSON
from seatrial.machinery import field_set, last_applied, managed_fields, objects, times, typed
from seatrial.machinery.field_schema import FieldSchema
from seatrial.machinery.field_set import FieldSet
from seatrial.machinery.managed_fields import Conflicts, Entry, Identity, InvalidManagedFields, Managers

__all__ = ["ApplyError", "Conflicts", "apply", "update_managers"]

KUBECTL = "kubectl"


class ApplyError(ValueError):
    """The configuration can't be applied. `code` is the HTTP status: 400 for a bad request, else 500."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def apply(
    live: JSON | None,
    applied: JSON,
    manager: str,
    schema: FieldSchema,
    now: float,
    force: bool = False,
    subresource: str = "",
    ignored: Sequence[str] = (),
) -> tuple[JSON, list[JSON]]:
    """The merged object without managedFields, and its managedFields; raises Conflicts or ApplyError.

    `live` is None if there is no object yet. `ignored` are top-level fields that this endpoint resets, so that nobody
    comes to own them: ("status",) for a kind with a status subresource, ("spec",) for that subresource.
    """
    _check(applied, schema)
    before = without_managed_fields(live or {})
    managers = _readable((live or {}).get("metadata", {}).get("managedFields"))
    if not managers and live:
        managers = _before_first_apply(before, applied["apiVersion"], schema, now, subresource)
    try:
        merged, managers = _apply(before, applied, manager, schema, now, force, subresource, ignored, managers)
    except Conflicts as conflicts:
        if manager != KUBECTL:
            raise
        _only_allowed(conflicts, _owned_by_client_side_apply(before, schema))
        merged, managers = _apply(before, applied, manager, schema, now, True, subresource, ignored, managers)
    if manager == KUBECTL and last_applied.ANNOTATION in objects.annotations(merged):
        merged = _with_last_applied(merged, applied)
    return merged, managed_fields.encode(managed_fields.cap(managers))


def update_managers(
    old: JSON | None,
    new: JSON,
    manager: str,
    schema: FieldSchema,
    now: float,
    subresource: str = "",
    ignored: Sequence[str] = (),
) -> list[JSON]:
    """The managedFields of `new` after a create (`old` is None), update or patch; [] if they aren't tracked.

    managedFields of `[{}]` in `new` strip them, and an object without them stays so until it is applied. Where nothing
    was written the old entries come back unchanged.
    """
    managers = _given_or_live(old, new, subresource)
    if old is not None and not managers:
        return []
    if old is None:
        compared = typed.compare_created(schema, _comparable(new))
    else:
        compared = typed.compare(schema, _comparable(old), _comparable(new))
    if ignored:
        compared = _excluding(compared, ignored)
    if compared.changed:
        identity = managed_fields.identify(manager or managed_fields.UNKNOWN, "Update", new["apiVersion"], subresource)
        managers = _recorded(managers, compared, identity, new["apiVersion"], now)
        if len(managers) > managed_fields.MAX_UPDATE_MANAGERS:
            managers = managed_fields.cap(managers)
    return managed_fields.encode(managers)


def without_managed_fields(obj: JSON) -> JSON:
    """The object without metadata.managedFields."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _check(applied: JSON, schema: FieldSchema) -> None:
    metadata = applied.get("metadata") or {}
    if metadata.get("managedFields") is not None:
        raise ApplyError("metadata.managedFields must be nil", 400)
    found = typed.problems(schema, applied)
    if found:
        group, _, version = str(applied.get("apiVersion")).rpartition("/")
        gvk = f"{group}/{version}, Kind={applied.get('kind')}"
        listed = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in found)
        name = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
        raise ApplyError(f"failed to create typed patch object ({name}; {gvk}): {listed}", 500)


def _apply(
    live: JSON,
    applied: JSON,
    manager: str,
    schema: FieldSchema,
    now: float,
    force: bool,
    subresource: str,
    ignored: Sequence[str],
    managers: Managers,
) -> tuple[JSON, Managers]:
    """Updater.Apply: merge, prune, settle who owns what."""
    identity = managed_fields.identify(manager, "Apply", "", subresource)
    previous = managers.get(identity)
    wanted = typed.to_set(schema, applied)
    if ignored:
        wanted = field_set.recursive_difference(wanted, field_set.of(*((name,) for name in ignored)))
    claimed = {**managers, identity: Entry(wanted, applied["apiVersion"], previous.time if previous else "")}
    merged = typed.merge(schema, live, applied)
    if previous and previous.fields:
        merged = _prune(schema, merged, claimed, previous.fields)
    merged = _without_nulls(merged)
    compared = typed.compare(schema, live, merged)
    if ignored:
        compared = _excluding(compared, ignored)
    settled = managed_fields.take_away(claimed, compared, keep=identity, force=force)
    fields = field_set.difference(wanted, managed_fields.STRIPPED)
    mine = settled.pop(identity)
    if fields:
        time = times.format_time(now) if live != merged else mine.time
        settled[identity] = replace(mine, fields=fields, time=time)
    return merged, settled


def _prune(schema: FieldSchema, merged: JSON, managers: Managers, last: FieldSet) -> JSON:
    """Remove what the manager applied before and not now, except what somebody else owns."""
    named_last = field_set.named_as_members(last, schema)
    pruned = typed.remove(schema, merged, named_last)
    owned: FieldSet = {}
    for entry in managers.values():
        owned = field_set.union(owned, entry.fields)
    everything = field_set.named_as_members(typed.to_set(schema, merged), schema)
    kept = field_set.named_as_members(typed.to_set(schema, pruned), schema)
    kept = field_set.union(kept, field_set.named_as_members(owned, schema))
    pruned = typed.remove(schema, merged, field_set.difference(everything, kept))
    left = field_set.named_as_members(typed.to_set(schema, pruned), schema)
    gone = field_set.intersection(field_set.difference(everything, left), named_last)
    return typed.remove(schema, merged, gone)


def _recorded(
    managers: Managers, compared: typed.Comparison, identity: Identity, api_version: str, now: float
) -> Managers:
    """Updater.Update: the writer owns what it wrote, the others lose it."""
    written = field_set.union(compared.added, compared.modified)
    written = field_set.difference(written, managed_fields.STRIPPED)
    result = managed_fields.take_away(managers, compared)
    if written:
        before = result.get(identity)
        fields = field_set.union(before.fields, written) if before else written
        result[identity] = Entry(fields, api_version, times.format_time(now))
    return result


def _given_or_live(old: JSON | None, new: JSON, subresource: str) -> Managers:
    """decodeLiveOrNew: the managedFields that the request sent count, unless it sent none or unreadable ones."""
    live = _readable(((old or {}).get("metadata") or {}).get("managedFields"))
    given = (new.get("metadata") or {}).get("managedFields")
    if subresource or not given:
        return live
    if given == [{}]:
        return {}
    try:
        return managed_fields.decode(given) or live
    except InvalidManagedFields:
        return live


def _readable(entries: Sequence[JSON] | None) -> Managers:
    try:
        return managed_fields.decode(entries)
    except InvalidManagedFields:
        return {}


_UNTRACKED = frozenset({"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"})


def _comparable(obj: JSON) -> JSON:
    """The object without the metadata that changes with every write and that nobody manages."""
    metadata = obj.get("metadata")
    if not metadata:
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name not in _UNTRACKED}}


def _excluding(compared: typed.Comparison, ignored: Sequence[str]) -> typed.Comparison:
    fields = {f"f:{name}" for name in ignored}
    return typed.Comparison(*({name: part[name] for name in part if name not in fields} for part in compared))


def _before_first_apply(live: JSON, api_version: str, schema: FieldSchema, now: float, subresource: str) -> Managers:
    """Everything that was there before the first apply, under a manager of its own."""
    version = str(live.get("apiVersion") or api_version)
    identity = Identity(managed_fields.BEFORE_FIRST_APPLY, "Update", version, subresource)
    added = typed.compare(schema, {}, live)
    fields = field_set.difference(field_set.union(added.added, added.modified), managed_fields.STRIPPED)
    return {identity: Entry(fields, version, times.format_time(now))} if fields else {}


def _only_allowed(conflicts: Conflicts, allowed: FieldSet) -> None:
    """Raise what remains of the conflicts, if anything."""
    remaining = [one for one in conflicts.conflicts if field_set.difference(_single(one.path), allowed)]
    if remaining:
        raise Conflicts(remaining)


def _single(path: field_set.Path) -> FieldSet:
    node: FieldSet = {}
    for element in reversed(path):
        node = {element: node}
    return node


def _owned_by_client_side_apply(live: JSON, schema: FieldSchema) -> FieldSet:
    """Fields of the last-applied annotation that still hold the value applied: kubectl may take them over."""
    applied = last_applied.of(live)
    if not applied:
        return {}
    compared = typed.compare(schema, applied, live)
    fields = typed.to_set(schema, applied)
    for part in (compared.modified, compared.added, compared.removed):
        fields = field_set.difference(fields, part)
    return fields


def _with_last_applied(merged: JSON, applied: JSON) -> JSON:
    """lastAppliedUpdater: keep the annotation of client-side apply true."""
    metadata = applied.get("metadata") or {}
    annotations = {
        name: text for name, text in (metadata.get("annotations") or {}).items() if name != last_applied.ANNOTATION
    }
    plain = {**applied, "metadata": {**metadata, "annotations": annotations}}
    if not annotations:
        plain["metadata"].pop("annotations")
    text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    live = merged["metadata"]
    return {**merged, "metadata": {**live, "annotations": {**live["annotations"], last_applied.ANNOTATION: text}}}


def _without_nulls(obj: JSON) -> JSON:
    """Nulls mean absence once a configuration is merged."""
    if not any(value is None or isinstance(value, dict) for value in obj.values()):
        return obj
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in obj.items()
        if value is not None
    }
