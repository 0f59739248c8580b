"""metadata.managedFields: who manages which fields, and how writes change that.

Follows k8s.io/apimachinery/pkg/util/managedfields/internal (field manager, strip meta, cap of update managers) and
sigs.k8s.io/structured-merge-diff/v4/merge Updater. Limit: fields of another API version of the same kind are read as
if they were of this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from seatrial.base.types import JSON
from seatrial.machinery import field_set
from seatrial.machinery.field_set import FieldSet
from seatrial.machinery.typed import Comparison

MAX_UPDATE_MANAGERS = 10
ANCIENT_CHANGES = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"
UNKNOWN = "unknown"

STRIPPED = field_set.of(
    ("apiVersion",),
    ("kind",),
    ("metadata",),
    *[
        ("metadata", name)
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ],
)
"""Fields that nobody manages."""


class Identity(NamedTuple):
    """What makes two entries one: the API version counts for updates only."""

    manager: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str


@dataclass(frozen=True)
class Entry:
    """One manager's fields."""

    fields: FieldSet
    api_version: str
    time: str = ""
    source: JSON | None = None
    """The entry as it was read, if nothing has changed since."""


Managers = dict[Identity, Entry]


class InvalidManagedFields(ValueError):
    """managedFields that can't be read."""


class Conflict(NamedTuple):
    """A field that somebody else manages, and that an apply would change."""

    identity: Identity
    path: field_set.Path

    @property
    def manager(self) -> str:
        """`"kubectl" with subresource "status" using apps/v1`."""
        text = f'"{self.identity.manager}"'
        if self.identity.subresource:
            text += f' with subresource "{self.identity.subresource}"'
        return f"{text} using {self.identity.api_version}" if self.identity.operation == "Update" else text

    @property
    def field(self) -> str:
        return field_set.show(self.path)


class Conflicts(ValueError):
    """An apply without force met fields of other managers; str() is the message of the 409."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        self.conflicts = tuple(conflicts)
        count = len(conflicts)
        super().__init__(f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {self._text()}")

    def _text(self) -> str:
        if len(self.conflicts) == 1:
            return f"conflict with {self.conflicts[0].manager}: {self.conflicts[0].field}"
        by_manager: dict[str, list[str]] = {}
        for conflict in self.conflicts:
            by_manager.setdefault(conflict.manager, []).append(conflict.field)
        lines: list[str] = []
        for manager in sorted(by_manager):
            lines += [f"conflicts with {manager}:", *(f"- {field}" for field in by_manager[manager])]
        return "\n".join(lines)

    @property
    def causes(self) -> list[JSON]:
        """details.causes of the Status."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {one.manager}", "field": one.field}
            for one in self.conflicts
        ]


def decode(entries: Sequence[JSON] | None) -> Managers:
    """The managers of an object; raises InvalidManagedFields."""
    managers: Managers = {}
    for index, entry in enumerate(entries or ()):
        operation, api_version = entry.get("operation"), entry.get("apiVersion") or ""
        if operation not in ("Apply", "Update"):
            raise InvalidManagedFields("operation must be `Apply` or `Update`")
        if not api_version:
            raise InvalidManagedFields("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise InvalidManagedFields(_wrong_type(entry.get("fieldsType"), index))
        identity = identify(entry.get("manager") or "", operation, api_version, entry.get("subresource") or "")
        managers[identity] = Entry(entry.get("fieldsV1") or {}, api_version, entry.get("time") or "", entry)
    return managers


def _wrong_type(found: object, index: int) -> str:
    if not found:
        return f"missing fieldsType in managed fields entry {index}"
    return f'invalid fieldsType "{found}" in managed fields entry {index}'


def identify(manager: str, operation: Literal["Apply", "Update"], api_version: str, subresource: str) -> Identity:
    """The identity of a manager for this kind of write."""
    return Identity(manager, operation, api_version if operation == "Update" else "", subresource)


def encode(managers: Mapping[Identity, Entry]) -> list[JSON]:
    """managedFields, in Kubernetes' order: applies first, then by time and name."""
    order = sorted(
        managers,
        key=lambda one: (one.operation, managers[one].time, one.manager, managers[one].api_version, one.subresource),
    )
    return [managers[identity].source or _encoded(identity, managers[identity]) for identity in order]


def _encoded(identity: Identity, entry: Entry) -> JSON:
    result: JSON = {
        "manager": identity.manager,
        "operation": identity.operation,
        "apiVersion": entry.api_version,
    }
    if entry.time:
        result["time"] = entry.time
    result |= {"fieldsType": "FieldsV1", "fieldsV1": entry.fields}
    if identity.subresource:
        result["subresource"] = identity.subresource
    return result


def take_away(
    managers: Managers, compared: Comparison, *, keep: Identity | None = None, force: bool = True
) -> Managers:
    """Updater.update: other managers lose what changed; raises Conflicts if that isn't forced. `keep` loses nothing."""
    written = field_set.union(compared.added, compared.modified)
    conflicts: list[Conflict] = []
    result: Managers = {}
    for identity, entry in managers.items():
        if identity == keep:
            result[identity] = entry
            continue
        lost = field_set.intersection(entry.fields, written)
        conflicts += [Conflict(identity, path) for path in field_set.members(lost)] if lost and not force else []
        left = field_set.difference(field_set.difference(entry.fields, lost), compared.removed)
        if left == entry.fields:
            result[identity] = entry
        elif left:
            result[identity] = replace(entry, fields=left, source=None)
    if conflicts:
        raise Conflicts(sorted(conflicts, key=lambda one: one.identity))
    return result


def cap(managers: Managers) -> Managers:
    """At most ten managers of updates: the oldest are folded into one, `ancient-changes`, per API version."""
    updaters = [identity for identity in managers if identity.operation == "Update"]
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    if excess <= 0:
        return managers
    result = dict(managers)
    first: dict[str, Identity] = {}
    for identity in sorted(updaters, key=lambda one: (managers[one].time, one)):
        if excess == 0:
            break
        entry = managers[identity]
        if entry.api_version not in first:
            first[entry.api_version] = identity
            continue
        bucket = Identity(ANCIENT_CHANGES, "Update", entry.api_version, "")
        earlier = result.pop(bucket, None) or result.pop(first[entry.api_version])
        del result[identity]
        result[bucket] = Entry(field_set.union(entry.fields, earlier.fields), entry.api_version, entry.time)
        excess -= 1
    return result
