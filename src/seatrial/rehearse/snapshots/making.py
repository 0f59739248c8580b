"""Who makes ConfigMaps and Secrets that manifests name and don't bring: what can be read off the manifests. Pure.

A custom resource of which the name is asked for, or that names it (Certificate, SealedSecret, ExternalSecret, …), makes
it through a controller that is not rehearsed. A Role lets a program of the application make it, as an init container
or a Job does.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from seatrial.api import old_versions
from seatrial.base.types import JSON
from seatrial.machinery import objects

PLURALS = {"ConfigMap": "configmaps", "Secret": "secrets"}


def maker(kind: str, namespace: str, name: str, known: Sequence[JSON]) -> str:
    """`Certificate shop-tls` or `Role shop`, or "" where nobody is known to make it."""
    for obj in known:
        if objects.namespace(obj) in ("", namespace) and (_names(obj, name) or _allows(obj, kind, name)):
            return f"{obj['kind']} {objects.name(obj)}"
    return ""


def is_custom(obj: JSON) -> bool:
    """Whether its kind does not belong to Kubernetes, whose groups have no dot or end in k8s.io."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return "." in group and not group.endswith("k8s.io") and old_versions.stored_as(obj) is None


def _names(obj: JSON, name: str) -> bool:
    """Whether it is a custom resource that has this name, or names it."""
    return is_custom(obj) and (objects.name(obj) == name or name in _texts(obj.get("spec")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _allows(obj: JSON, kind: str, name: str) -> bool:
    """Whether it is a Role that may make it."""
    rules = obj.get("rules") if obj.get("kind") == "Role" else None
    return any(
        not {"create", "*"}.isdisjoint(rule.get("verbs") or ())
        and not {PLURALS[kind], "*"}.isdisjoint(rule.get("resources") or ())
        and name in (rule.get("resourceNames") or [name])
        for rule in rules or ()
        if isinstance(rule, dict)
    )
