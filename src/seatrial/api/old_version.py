"""A kind in a group version that it has outgrown: served as clients knew it, stored in the newest version.

Follows the conversions and defaults of pkg/apis/{extensions/v1beta1,apps/v1beta1,apps/v1beta2} as Kubernetes had them
up to 1.15. The defaults of an old version are its own, so that its manifests mean what they meant.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.api.resource import Propagation, Resource
from seatrial.base.types import JSON
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.validation import FieldError

Conversion = Callable[[JSON], JSON]
"""From one version's fields to the other's; what it gives shares with what it is given all that stays the same."""


def _same(obj: JSON) -> JSON:
    return obj


@dataclass(frozen=True)
class OldVersion(Resource):
    """A Resource of an old version. All of it that is not about conversion is used on objects in the old form."""

    __hash__ = ResourceRef.__hash__

    stored: Resource = field(kw_only=True)
    """The kind as it is stored, with this version's rules for updates and deletion."""
    fields_to_stored: Conversion = _same
    fields_from_stored: Conversion = _same

    def to_stored(self, obj: JSON) -> JSON:
        """The object as it is stored."""
        return self._as(self.stored, self.fields_to_stored(obj))

    def from_stored(self, obj: JSON) -> JSON:
        """The object as this version shows it; `obj` stays as it is."""
        return self._as(self, self.fields_from_stored(obj))

    def _as(self, resource: Resource, obj: JSON) -> JSON:
        rest = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
        return {"kind": resource.kind, "apiVersion": resource.api_version, **rest}


def of(
    stored: Resource,
    group: str,
    version: str,
    *,
    default: Callable[[JSON], None] | None = None,
    fields_to_stored: Conversion = _same,
    fields_from_stored: Conversion = _same,
    subresources: tuple[str, ...] | None = None,
    free_selector: bool = False,
    propagation: Propagation = "Orphan",
) -> OldVersion:
    """An old version of a kind. `free_selector`: its selector may change.

    It has no short names and categories: with those, kubectl would warn of, or list, every object twice.
    """
    taken: dict[str, Any] = {one.name: getattr(stored, one.name) for one in dataclasses.fields(stored)}
    taken |= {"group": group, "version": version, "short_names": (), "categories": ()}
    taken["default"] = default or stored.default
    if subresources is not None:
        taken["subresources"] = subresources
    stored = dataclasses.replace(stored, default_propagation=propagation)
    if free_selector:
        stored = dataclasses.replace(stored, validate_update=_any_update)
    return OldVersion(**taken, stored=stored, fields_to_stored=fields_to_stored, fields_from_stored=fields_from_stored)


def _any_update(new: JSON, old: JSON) -> Sequence[FieldError]:
    return ()


def default_from_template(obj: JSON) -> JSON:
    """Selector and labels from the template's labels; returns the spec, which is there afterwards."""
    spec: JSON = obj.get("spec") or {}
    obj["spec"] = spec
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if spec.get("selector") is None:
            spec["selector"] = {"matchLabels": dict(labels)}
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    return spec


def default_fields(into: JSON, **values: object) -> None:
    """Fill in what is left out."""
    for name, value in values.items():
        if into.get(name) is None:
            into[name] = value


def field_from_annotation(obj: JSON, annotation: str, name: str, make: Callable[[str], object]) -> JSON:
    """What is stored in an annotation, as the field of the spec that it was."""
    annotations = obj["metadata"].get("annotations") or {}
    if annotation not in annotations:
        return obj
    value = make(annotations[annotation])
    left = {key: text for key, text in annotations.items() if key != annotation}
    metadata = {**obj["metadata"], "annotations": left}
    if not left:
        del metadata["annotations"]
    result = {**obj, "metadata": metadata}
    if value is not None:
        result["spec"] = {**(obj.get("spec") or {}), name: value}
    return result


def annotation_from_field(obj: JSON, name: str, annotation: str, make: Callable[[JSON], str | None]) -> JSON:
    """The way back: without the field the annotation goes, too."""
    spec = obj.get("spec") or {}
    value = make(spec[name]) if spec.get(name) is not None else None
    annotations = {key: text for key, text in (obj["metadata"].get("annotations") or {}).items() if key != annotation}
    if value is not None:
        annotations[annotation] = value
    metadata = {**obj["metadata"], "annotations": annotations}
    if not annotations:
        del metadata["annotations"]
    return {**obj, "metadata": metadata, "spec": {key: inner for key, inner in spec.items() if key != name}}
