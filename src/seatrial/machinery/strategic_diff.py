"""The difference of two objects as a strategic merge patch, as `kubectl apply` makes it.

Follows k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (diffMaps and what it calls).
"""

from dataclasses import dataclass, replace
from typing import Any

from seatrial.base.types import JSON
from seatrial.machinery import go_format
from seatrial.machinery.merge_patch import same
from seatrial.machinery.strategic_merge import (
    DELETE_FROM_LIST,
    ELEMENT_ORDER,
    MARKER,
    RETAIN_KEYS,
    PatchError,
    Schema,
    sort_by,
)


@dataclass(frozen=True)
class Diff:
    """What to tell of the differences."""

    deletions: bool = True
    changes: bool = True
    """Also additions."""
    element_order: bool = True
    retain_keys: bool = False
    """Whether the map at hand is patched with `$retainKeys`."""

    def maps(self, original: JSON, modified: JSON, schema: Schema) -> JSON:
        """diffMaps."""
        patch: JSON = {}
        for name, value in modified.items():
            if name not in original:
                if self.changes:
                    patch[name] = value
            else:
                self._field(patch, name, original[name], value, schema)
        if self.deletions:
            patch.update({name: None for name in original if name not in modified})
        if self.retain_keys and modified and (patch or any(name not in modified for name in original)):
            patch[RETAIN_KEYS] = sorted(modified)
        return patch

    def _field(self, patch: JSON, name: str, before: Any, after: Any, schema: Schema) -> None:
        field = schema.child(name) if schema else None
        strategies = field.strategies if field else frozenset()
        options = replace(self, retain_keys="retainKeys" in strategies)
        if isinstance(before, dict) and isinstance(after, dict):
            if "replace" in strategies:
                if self.changes:
                    patch[name] = after
            elif inner := options.maps(before, after, field):
                patch[name] = inner
        elif isinstance(before, list) and isinstance(after, list) and "merge" in strategies:
            options.lists(patch, name, before, after, field)
        elif self.changes and not same(before, after):
            patch[name] = after

    def lists(self, patch: JSON, name: str, before: list[Any], after: list[Any], field: Schema) -> None:
        """handleSliceDiff for a list that merges."""
        if not before:
            if after and self.changes:
                patch[name] = after
            return
        kinds = {type(item) for item in [*before, *after]}
        if list in kinds:
            raise PatchError("lists of lists are not supported", 422)
        if any(issubclass(kind, dict) for kind in kinds):
            self._maps_of(patch, name, before, after, field)
        else:
            self._scalars_of(patch, name, before, after)

    def _maps_of(self, patch: JSON, name: str, before: list[Any], after: list[Any], field: Schema) -> None:
        key = field.merge_key if field else ""
        changed, deleted = self._elements(_sorted(before, key), _sorted(after, key), key, field.item if field else None)
        elements = [*sort_by(changed, after, key), *deleted]
        if elements:
            patch[name] = elements
        in_order = [item[key] for item in before] == [item[key] for item in after]
        if self.element_order and (elements or not in_order):
            patch[f"{ELEMENT_ORDER}/{name}"] = [{key: item[key]} for item in after]

    def _elements(self, before: list[JSON], after: list[JSON], key: str, item: Schema) -> tuple[list[JSON], list[JSON]]:
        """diffListsOfMaps: both lists are sorted by key; changed or new elements, and deletions."""
        changed: list[JSON] = []
        deleted: list[JSON] = []
        i = j = 0
        while i < len(before) or j < len(after):
            left = go_format.value(before[i][key]) if i < len(before) else None
            right = go_format.value(after[j][key]) if j < len(after) else None
            if left is not None and left == right:
                if inner := self.maps(before[i], after[j], item):
                    changed.append({**inner, key: after[j][key]})
                i, j = i + 1, j + 1
            elif left is None or (right is not None and left > right):
                if self.changes:
                    changed.append(after[j])
                j += 1
            else:
                if self.deletions:
                    deleted.append({MARKER: "delete", key: before[i][key]})
                i += 1
        return changed, deleted

    def _scalars_of(self, patch: JSON, name: str, before: list[Any], after: list[Any]) -> None:
        added = [item for item in dict.fromkeys(after) if item not in before] if self.changes else []
        deleted = sorted(set(before) - set(after), key=go_format.value) if self.deletions else []
        if added:
            patch[name] = added
        if deleted:
            patch[f"{DELETE_FROM_LIST}/{name}"] = deleted
        if self.element_order and after and not same(before, after):
            patch[f"{ELEMENT_ORDER}/{name}"] = after


def _sorted(items: list[Any], key: str) -> list[JSON]:
    for item in items:
        if key not in item:
            raise PatchError(f"map: {go_format.value(item)} does not contain declared merge key: {key}")
    return sorted(items, key=lambda item: go_format.value(item[key]))
