"""The paths of an OpenAPI document: one operation per verb of each resource and subresource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.base.types import JSON

GVK = tuple[str, str, str]
JSON_TYPES = ("application/json", "application/yaml")
PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
STATUS = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
PATCH = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"

_QUERY: Mapping[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "allowWatchBookmarks requests watch events with type BOOKMARK."),
    "continue": ("string", "The continue option: the token of the previous page of this list."),
    "dryRun": ("string", "When present, indicates that modifications should not be persisted. Valid: All."),
    "fieldManager": ("string", "The name of the actor or entity that is making these changes."),
    "fieldSelector": ("string", "A selector to restrict the list of returned objects by their fields."),
    "fieldValidation": ("string", "What to do with unknown or duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Force is going to force Apply requests: fields of other managers are taken over."),
    "gracePeriodSeconds": ("integer", "The duration in seconds before the object should be deleted."),
    "labelSelector": ("string", "A selector to restrict the list of returned objects by their labels."),
    "limit": ("integer", "The maximum number of responses to return for a list call."),
    "orphanDependents": ("boolean", "Deprecated: please use the PropagationPolicy."),
    "pretty": ("string", "If 'true', then the output is pretty printed."),
    "propagationPolicy": ("string", "Whether and how garbage collection will be performed."),
    "resourceVersion": ("string", "A constraint on what resource versions a request may be served from."),
    "resourceVersionMatch": ("string", "How resourceVersion is applied to list calls."),
    "sendInitialEvents": ("boolean", "Whether a watch begins with synthetic events for all objects."),
    "timeoutSeconds": ("integer", "Timeout for the list/watch call."),
    "watch": ("boolean", "Watch for changes to the described resources."),
}
_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_SUBRESOURCE_KINDS: Mapping[str, GVK] = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_OF_OLD_VERSIONS = {"rollback": "DeploymentRollback", "scale": "Scale"}
_CONNECT = frozenset({"attach", "exec", "portforward", "proxy"})
_POST = frozenset({"binding", "eviction", "token", "rollback"})


class Served(Protocol):
    """What this module has to know of a resource."""

    @property
    def group(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def namespaced(self) -> bool: ...
    @property
    def verbs(self) -> tuple[str, ...]: ...
    @property
    def subresources(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Style:
    """Where the two versions of OpenAPI differ."""

    prefix: str
    parameter: Callable[[str, str, str, str, bool], JSON]
    with_body: Callable[[JSON, JSON, Sequence[str]], None]
    responses: Callable[[JSON, Sequence[str]], JSON]


@dataclass(frozen=True)
class Operation:
    """One HTTP method on a path."""

    method: str
    action: str
    query: tuple[str, ...]
    body: str = ""
    answer: str = ""
    consumes: Sequence[str] = JSON_TYPES
    codes: tuple[str, ...] = ("200",)


def subresource_kind(resource: Served, subresource: str) -> GVK:
    """The kind that a subresource takes or gives: the resource's own unless it is a special one."""
    if subresource == "rollback" or (subresource == "scale" and resource.version.startswith("v1beta")):
        return resource.group, resource.version, _OF_OLD_VERSIONS[subresource]
    return _SUBRESOURCE_KINDS.get(subresource, (resource.group, resource.version, resource.kind))


def build(resources: Sequence[Served], kinds: Mapping[GVK, str], style: Style) -> JSON:
    """All paths of these resources."""
    paths: JSON = {}
    for one in resources:
        gvk = (one.group, one.version, one.kind)
        definition, listed = kinds.get(gvk, ""), kinds.get((one.group, one.version, one.kind + "List"), "")
        root = f"/apis/{one.group}/{one.version}" if one.group else f"/api/{one.version}"
        base = f"{root}/namespaces/{{namespace}}/{one.plural}" if one.namespaced else f"{root}/{one.plural}"
        _put(paths, base, gvk, _collection(one, definition, listed), style)
        _put(paths, f"{base}/{{name}}", gvk, _single(one, definition), style)
        if one.namespaced and "list" in one.verbs:
            every = Operation("get", "list", _LIST, answer=listed)
            _put(paths, f"{root}/{one.plural}", gvk, [every], style)
        for subresource in one.subresources:
            kind = subresource_kind(one, subresource)
            operations = _subresource(subresource, kinds.get(kind, ""))
            _put(paths, f"{base}/{{name}}/{subresource}", kind, operations, style)
    return dict(sorted(paths.items()))


def _collection(one: Served, definition: str, listed: str) -> list[Operation]:
    operations = {
        "list": Operation("get", "list", _LIST, answer=listed),
        "create": Operation("post", "post", _WRITE, definition, definition, codes=("200", "201", "202")),
        "deletecollection": Operation("delete", "deletecollection", _LIST + _DELETE, DELETE_OPTIONS, STATUS),
    }
    return [operations[verb] for verb in operations if verb in one.verbs]


def _single(one: Served, definition: str) -> list[Operation]:
    return [operation for verb, operation in _on_object(definition).items() if verb in one.verbs]


def _on_object(definition: str) -> dict[str, Operation]:
    written = ("200", "201")
    return {
        "get": Operation("get", "get", (), answer=definition),
        "update": Operation("put", "put", _WRITE, definition, definition, codes=written),
        "patch": Operation("patch", "patch", (*_WRITE, "force"), PATCH, definition, PATCH_TYPES, written),
        "delete": Operation("delete", "delete", _DELETE, DELETE_OPTIONS, STATUS, codes=("200", "202")),
    }


def _subresource(name: str, definition: str) -> list[Operation]:
    if name == "log":
        return [Operation("get", "get", ())]
    if name in _CONNECT:
        return [Operation("get", "connect", ()), Operation("post", "connect", ())]
    if name in _POST:
        return [Operation("post", "post", _WRITE, definition, definition, codes=("200", "201", "202"))]
    on_object = _on_object(definition)
    return [on_object[verb] for verb in ("get", "update", "patch")]


def _put(paths: JSON, path: str, gvk: GVK, operations: Sequence[Operation], style: Style) -> None:
    if not operations:
        return
    item: JSON = paths.setdefault(path, {"parameters": _path_parameters(path, style)})
    for operation in operations:
        item[operation.method] = _operation(path, gvk, operation, style)


def _path_parameters(path: str, style: Style) -> list[JSON]:
    texts = {"name": "name of the object", "namespace": "object name and auth scope, such as for teams and projects"}
    found = [name for name in texts if f"{{{name}}}" in path]
    parameters = [style.parameter(name, "path", "string", texts[name], True) for name in found]
    kind, text = _QUERY["pretty"]
    return [*parameters, style.parameter("pretty", "query", kind, text, False)]


def _operation(path: str, gvk: GVK, operation: Operation, style: Style) -> JSON:
    group, version, kind = gvk
    result: JSON = {
        "description": f"{operation.action} {kind}",
        "operationId": operation.action + "".join(part.strip("{}").title() for part in path.split("/")[2:]),
        "tags": ["_".join([(group or "core").removesuffix(".k8s.io"), version])],
        "parameters": [style.parameter(name, "query", *_QUERY[name], False) for name in sorted(operation.query)],
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
    }
    if operation.body:
        style.with_body(result, {"$ref": style.prefix + operation.body}, operation.consumes)
    answer: JSON = {"$ref": style.prefix + operation.answer} if operation.answer else {"type": "string"}
    result["responses"] = style.responses(answer, operation.codes)
    if not result["parameters"]:
        del result["parameters"]
    return result


def _texts(code: str) -> str:
    return {"200": "OK", "201": "Created", "202": "Accepted"}[code]


def _v2_parameter(name: str, place: str, kind: str, text: str, required: bool) -> JSON:
    parameter: JSON = {"name": name, "in": place, "type": kind, "description": text, "uniqueItems": True}
    return {**parameter, "required": True} if required else parameter


def _v3_parameter(name: str, place: str, kind: str, text: str, required: bool) -> JSON:
    parameter: JSON = {"name": name, "in": place, "description": text, "schema": {"type": kind, "uniqueItems": True}}
    return {**parameter, "required": True} if required else parameter


def _v2_body(operation: JSON, schema: JSON, consumes: Sequence[str]) -> None:
    operation["consumes"] = list(consumes)
    body: JSON = {"name": "body", "in": "body", "required": True, "schema": schema}
    operation["parameters"] = [body, *operation["parameters"]]


def _v3_body(operation: JSON, schema: JSON, consumes: Sequence[str]) -> None:
    operation["requestBody"] = {"content": {kind: {"schema": schema} for kind in consumes}, "required": True}


def _v2_responses(schema: JSON, codes: Sequence[str]) -> JSON:
    answers: dict[str, Any] = {code: {"description": _texts(code), "schema": schema} for code in codes}
    return {**answers, "401": {"description": "Unauthorized"}}


def _v3_responses(schema: JSON, codes: Sequence[str]) -> JSON:
    content = {kind: {"schema": schema} for kind in JSON_TYPES}
    answers: dict[str, Any] = {code: {"description": _texts(code), "content": content} for code in codes}
    return {**answers, "401": {"description": "Unauthorized"}}


V2 = Style("#/definitions/", _v2_parameter, _v2_body, _v2_responses)
V3 = Style("#/components/schemas/", _v3_parameter, _v3_body, _v3_responses)
