"""The new controller as a file describes it: which object, is it valid, what it leaves out. Pure.

Follows pkg/kubectl/cmd/rollingupdate.go and pkg/kubectl/validation (schema errors, up to 1.17).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.api import schema_set
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects, status
from seatrial.machinery.field_schema import FieldSchema, Struct
from seatrial.rollout.rolling_update.validation import UsageError

_TYPES: Mapping[str, type] = {"string": str, "integer": int, "number": float, "array": list, "map": dict}
_EXPECTED = {
    "struct": "map",
    "map": "map",
    "list": "array",
    "string": "string",
    "bytes": "string",
    "time": "string",
    "micro_time": "string",
    "boolean": "boolean",
    "int32": "integer",
    "int64": "integer",
    "number": "number",
}


def only_controller(found: Sequence[JSON], filename: str, namespace: str, enforced: bool) -> JSON:
    """The one ReplicationController that a file holds. `enforced`: the namespace was given with -n."""
    for obj in found:
        named = objects.namespace(obj)
        if enforced and named and named != namespace:
            raise ToolError(
                f'the namespace from the provided object "{named}" does not match the namespace "{namespace}". '
                f"You must pass '--namespace={named}' to perform this operation."
            )
    if len(found) > 1:
        raise UsageError(f"{filename} specifies multiple items")
    if not found:
        raise UsageError(f"please make sure {filename} exists and is not empty")
    rc = found[0]
    if (rc["apiVersion"], rc["kind"]) != ("v1", "ReplicationController"):
        group, _, version = str(rc["apiVersion"]).rpartition("/")
        raise UsageError(f"{filename} contains a {group}/{version}, Kind={rc['kind']} not a ReplicationController")
    return rc


def defaulted(rc: JSON, namespace: str, replicas: int) -> JSON:
    """With what the server would fill in and the update has to know: selector, size (`replicas` if the file has none).

    Raises StatusError when the file names another namespace.
    """
    if objects.namespace(rc) not in ("", namespace):
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    spec = dict(rc.get("spec") or {})
    if not spec.get("selector"):
        spec["selector"] = dict(objects.labels(spec.get("template") or {}))
    if spec.get("replicas") is None:
        spec["replicas"] = replicas
    return {**objects.with_metadata(rc, namespace=namespace), "spec": spec}


def check_schema(rc: JSON, filename: str) -> None:
    """Raises ToolError with all that the schema doesn't allow."""
    group, _, version = str(rc["apiVersion"]).rpartition("/")
    schemas = schema_set.load()
    if not schemas.knows(group, version, rc["kind"]):
        return
    schema = schemas.field_schema(group, version, rc["kind"])
    assert schema.struct is not None
    errors = list(_struct_errors(schema.struct, rc, str(rc["kind"])))
    if errors:
        text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
        raise ToolError(
            f'error validating "{filename}": error validating data: {text}; if you choose to ignore these errors, '
            "turn validation off with --validate=false"
        )


def _struct_errors(struct: Struct, value: JSON, path: str) -> Iterator[str]:
    for name, inner in sorted(value.items()):
        field = struct.fields.get(name)
        if field is None:
            yield f'ValidationError({path}): unknown field "{name}" in {struct.definition}'
        else:
            yield from _errors(field, inner, f"{path}.{name}", f"{struct.definition}.{name}")
    for name in sorted(struct.required - value.keys()):
        yield f'ValidationError({path}): missing required field "{name}" in {struct.definition}'


def _errors(field: FieldSchema, value: Any, path: str, definition: str) -> Iterator[str]:
    expected = _EXPECTED.get(field.kind)
    if value is None or expected is None:
        return
    got = _type_of(value)
    if got != expected and not (expected == "number" and got == "integer"):
        yield f'ValidationError({path}): invalid type for {definition}: got "{got}", expected "{expected}"'
    elif field.struct is not None:
        yield from _struct_errors(field.struct, value, path)
    elif field.item is not None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _errors(field.item, item, f"{path}[{index}]", definition)
    elif field.item is not None and isinstance(value, dict):
        for key, item in sorted(value.items()):
            yield from _errors(field.item, item, f"{path}.{key}", definition)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return next((name for name, type_ in _TYPES.items() if isinstance(value, type_)), "string")
