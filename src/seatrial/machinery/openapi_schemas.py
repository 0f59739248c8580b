"""Definitions as OpenAPI publishes them: with descriptions, and references in the way of each version."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from seatrial.base.types import JSON

INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


class Source(Protocol):
    """Definitions and their descriptions."""

    @property
    def definitions(self) -> Mapping[str, JSON]: ...
    @property
    def docs(self) -> Mapping[str, tuple[str, Mapping[str, str]]]: ...


Reference = Callable[[str, JSON], JSON]
"""(definition, what stands beside the reference) → the schema of the field."""


def _v2_reference(name: str, beside: JSON) -> JSON:
    return {"$ref": f"#/definitions/{name}", **beside}


def _v3_reference(name: str, beside: JSON) -> JSON:
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"allOf": [reference], **beside} if beside else reference


V2: Reference = _v2_reference
V3: Reference = _v3_reference


def build(names: Iterable[str], source: Source, reference: Reference) -> JSON:
    """These definitions and all that they refer to, by name."""
    built: JSON = {}
    waiting = sorted(set(names), reverse=True)
    while waiting:
        name = waiting.pop()
        if name in built or name not in source.definitions:
            continue
        built[name] = _definition(name, source, reference)
        waiting.extend(_references(source.definitions[name]))
    return dict(sorted(built.items()))


def _definition(name: str, source: Source, reference: Reference) -> JSON:
    text, fields = source.docs.get(name, ("", {}))
    schema = _published(source.definitions[name], reference, fields)
    if reference is V3 and name == INT_OR_STRING:
        schema = {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
    if reference is V3 and name == QUANTITY:
        schema = {"oneOf": [{"type": "string"}, {"type": "number"}]}
    return {"description": text, **schema} if text else schema


def _published(schema: JSON, reference: Reference, texts: Mapping[str, str]) -> JSON:
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return reference(schema["$ref"], beside)
    result: JSON = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: _field(inner, reference, texts.get(name, "")) for name, inner in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = _published(value, reference, {})
        else:
            result[key] = value
    return result


def _field(schema: JSON, reference: Reference, text: str) -> JSON:
    return _published({"description": text, **schema} if text else schema, reference, {})


def _references(schema: Any) -> list[str]:
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    for inner in [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]:
        found += _references(inner)
    return found
