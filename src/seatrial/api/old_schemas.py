"""Schemas of the old group versions, made from those of apps/v1: the same fields but for a few.

Follows the definitions that Kubernetes 1.15 published for extensions/v1beta1, apps/v1beta1 and apps/v1beta2.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from seatrial.base.types import JSON

APPS_V1 = "io.k8s.api.apps.v1."
OLD: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("extensions", "v1beta1"): ("DaemonSet", "Deployment", "ReplicaSet"),
    ("apps", "v1beta1"): ("ControllerRevision", "Deployment", "StatefulSet"),
    ("apps", "v1beta2"): ("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
}
_WITH_ROLLBACK = (("extensions", "v1beta1"), ("apps", "v1beta1"))
_INT64: JSON = {"format": "int64", "type": "integer"}
_TEXT: JSON = {"type": "string"}
_TEXTS: JSON = {"additionalProperties": _TEXT, "type": "object"}


def with_old_versions(definitions: Mapping[str, JSON]) -> dict[str, JSON]:
    """All definitions of a release, and those of the old versions."""
    result = dict(definitions)
    for group_version, kinds in OLD.items():
        result |= _definitions(definitions, group_version, kinds)
    return result


def origin(name: str) -> str:
    """The definition of apps/v1 that a definition of an old version was made from."""
    for group, version in OLD:
        prefix = f"io.k8s.api.{group}.{version}."
        if name.startswith(prefix):
            return APPS_V1 + name.removeprefix(prefix)
    return name


def _definitions(source: Mapping[str, JSON], group_version: tuple[str, str], kinds: Iterable[str]) -> dict[str, JSON]:
    group, version = group_version
    prefix = f"io.k8s.api.{group}.{version}."
    found = _reachable(source, [APPS_V1 + kind + form for kind in kinds for form in ("", "List")])
    result = {name.replace(APPS_V1, prefix): _renamed(source[name], prefix, group, version) for name in sorted(found)}
    if group_version in _WITH_ROLLBACK:
        _add_rollback(result, prefix, group, version)
    if (daemon := result.get(prefix + "DaemonSetSpec")) and group == "extensions":
        daemon["properties"]["templateGeneration"] = _INT64
    if version == "v1beta1":
        _free_selectors(result)
    _add_scale(result, prefix, group, version)
    return result


def _reachable(source: Mapping[str, JSON], names: Iterable[str]) -> set[str]:
    """The definitions of apps/v1 that these are made of."""
    found: set[str] = set()
    waiting = [name for name in names if name in source]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one for one in _references(source[name]) if one.startswith(APPS_V1)]
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for one in schema for name in _references(one)]
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    return [*found, *(name for one in schema.values() for name in _references(one))]


def _renamed(schema: Any, prefix: str, group: str, version: str) -> Any:
    """A copy whose references and kinds are of the other group version."""
    if isinstance(schema, list):
        return [_renamed(one, prefix, group, version) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: _renamed(value, prefix, group, version) for name, value in schema.items()}
    if isinstance(result.get("$ref"), str):
        result["$ref"] = result["$ref"].replace(APPS_V1, prefix)
    for one in result.get("x-kubernetes-group-version-kind") or ():
        one["group"], one["version"] = group, version
    return result


def _free_selectors(definitions: Mapping[str, JSON]) -> None:
    """Selectors come from the template when they are left out."""
    for definition in definitions.values():
        required = definition.get("required")
        if required and "selector" in required:
            definition["required"] = [name for name in required if name != "selector"]


def _add_rollback(definitions: dict[str, JSON], prefix: str, group: str, version: str) -> None:
    config = {"$ref": prefix + "RollbackConfig"}
    definitions[prefix + "RollbackConfig"] = {"properties": {"revision": _INT64}, "type": "object"}
    definitions[prefix + "DeploymentSpec"]["properties"]["rollbackTo"] = config
    definitions[prefix + "DeploymentRollback"] = {
        "properties": {
            "apiVersion": _TEXT,
            "kind": _TEXT,
            "name": _TEXT,
            "rollbackTo": config,
            "updatedAnnotations": _TEXTS,
        },
        "required": ["name", "rollbackTo"],
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": group, "kind": "DeploymentRollback", "version": version}],
    }


def _add_scale(definitions: dict[str, JSON], prefix: str, group: str, version: str) -> None:
    count: JSON = {"format": "int32", "type": "integer"}
    definitions[prefix + "ScaleSpec"] = {"properties": {"replicas": count}, "type": "object"}
    definitions[prefix + "ScaleStatus"] = {
        "properties": {"replicas": count, "selector": _TEXTS, "targetSelector": _TEXT},
        "required": ["replicas"],
        "type": "object",
    }
    definitions[prefix + "Scale"] = {
        "properties": {
            "apiVersion": _TEXT,
            "kind": _TEXT,
            "metadata": {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            "spec": {"$ref": prefix + "ScaleSpec"},
            "status": {"$ref": prefix + "ScaleStatus"},
        },
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": group, "kind": "Scale", "version": version}],
    }
