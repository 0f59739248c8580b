"""The schemas of one Kubernetes release, as the wheel carries them (made by `hatch_build.py`).

Loading reads one file of about 20 kB in some 3 ms; validators are compiled when a kind is first used; descriptions
stand in a file of their own that is read only when asked for.
"""

import json
import zlib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any

import orjson

from seatrial.api import old_schemas
from seatrial.base.types import JSON
from seatrial.machinery.field_schema import FieldSchema, SchemaTable
from seatrial.machinery.schema import Validator

DEFAULT_RELEASE = "1.32"
GVK = tuple[str, str, str]


class SchemaSet:
    """Every kind that a release knows, in old group versions, too."""

    def __init__(self, release: str, definitions: Mapping[str, JSON]) -> None:
        self.release = release
        self.definitions: Mapping[str, JSON] = old_schemas.with_old_versions(definitions)
        self.table = SchemaTable(self.definitions)
        self._fields: dict[GVK, FieldSchema] = {}
        self._validators: dict[GVK, Validator] = {}

    @cached_property
    def kinds(self) -> Mapping[GVK, str]:
        """(group, version, kind) → name of the definition."""
        found: dict[GVK, str] = {}
        for name, definition in self.definitions.items():
            for one in definition.get("x-kubernetes-group-version-kind") or ():
                found[one["group"], one["version"], one["kind"]] = name
        return found

    def knows(self, group: str, version: str, kind: str) -> bool:
        """Whether the release has this kind."""
        return (group, version, kind) in self.kinds

    def field_schema(self, group: str, version: str, kind: str) -> FieldSchema:
        """The schema of a kind; KeyError if the release doesn't have it."""
        key = (group, version, kind)
        found = self._fields.get(key)
        if found is None:
            found = self._fields[key] = self.table.definition(self.kinds[key])
        return found

    def patch_meta(self, group: str, version: str, kind: str) -> FieldSchema:
        """What strategic merge patches need: `strategies` and `merge_key` of every field."""
        return self.field_schema(group, version, kind)

    def validator(self, group: str, version: str, kind: str) -> Validator:
        """The compiled validator of a kind; KeyError if the release doesn't have it."""
        key = (group, version, kind)
        found = self._validators.get(key)
        if found is None:
            found = self._validators[key] = Validator(self.field_schema(group, version, kind))
        return found

    @cached_property
    def docs(self) -> Mapping[str, tuple[str, Mapping[str, str]]]:
        """Definition → (description, {field: description}); read on first use."""
        content: dict[str, Any] = orjson.loads(zlib.decompress(_read(f"{self.release}.docs")))
        entries = {name: content.get(old_schemas.origin(name)) for name in self.definitions}
        return {name: (entry[0], entry[1]) for name, entry in entries.items() if entry is not None}


@cache
def load(release: str = DEFAULT_RELEASE) -> SchemaSet:
    """The schemas of a release such as "1.32"; LookupError if they aren't here."""
    if release not in releases():
        raise LookupError(f"no schemas for Kubernetes {release}; there are {', '.join(releases())}")
    return SchemaSet(release, orjson.loads(zlib.decompress(_read(f"{release}.schema"))))


@cache
def releases() -> tuple[str, ...]:
    """Every release that there are schemas for, oldest first."""
    return tuple(json.loads(_read("index.json"))["releases"])


def _read(name: str) -> bytes:
    return (resources.files("seatrial.api") / "schemas" / name).read_bytes()
