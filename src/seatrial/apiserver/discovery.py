"""What there is: groups, versions and resources, in the legacy and the aggregated form (spec: api.md §2).

Follows k8s.io/apiserver/pkg/endpoints/discovery and k8s.io/api/apidiscovery.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from seatrial.api.old_versions import OLD
from seatrial.api.registry import ALL
from seatrial.api.resource import Resource
from seatrial.base.types import JSON


@dataclass(frozen=True)
class Subresource:
    """One entry below a resource; group and version "" are those of the resource, kind "" its kind."""

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


REVIEWS = {
    "selfsubjectaccessreviews": ("authorization.k8s.io", "SelfSubjectAccessReview"),
    "selfsubjectrulesreviews": ("authorization.k8s.io", "SelfSubjectRulesReview"),
    "selfsubjectreviews": ("authentication.k8s.io", "SelfSubjectReview"),
}
"""plural → (group, kind); all of version v1, created and never stored."""

READ_WRITE = ("get", "patch", "update")
SUBRESOURCES = {
    "attach": Subresource(("create", "get"), "PodAttachOptions"),
    "binding": Subresource(("create",), "Binding"),
    "ephemeralcontainers": Subresource(READ_WRITE),
    "eviction": Subresource(("create",), "Eviction", "policy", "v1"),
    "exec": Subresource(("create", "get"), "PodExecOptions"),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "portforward": Subresource(("create", "get"), "PodPortForwardOptions"),
    "proxy": Subresource(("create", "delete", "get", "patch", "update"), "PodProxyOptions"),
    "resize": Subresource(READ_WRITE),
    "rollback": Subresource(("create",), "DeploymentRollback"),
    "scale": Subresource(READ_WRITE, "Scale", "autoscaling", "v1"),
    "status": Subresource(READ_WRITE),
    "token": Subresource(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
}


@dataclass(frozen=True)
class Entry:
    """A resource as discovery lists it."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()


@cache
def entries() -> tuple[Entry, ...]:
    """All resources: those that are stored, bindings, the reviews, and last the old versions of what is stored."""
    stored = [_entry(resource) for resource in ALL]
    bindings = Entry("", "v1", "bindings", "binding", "Binding", True, ("create",))
    reviews = [
        Entry(group, "v1", plural, kind.lower(), kind, False, ("create",)) for plural, (group, kind) in REVIEWS.items()
    ]
    return (*stored, bindings, *reviews, *(_entry(resource) for resource in OLD))


def _entry(resource: Resource) -> Entry:
    return Entry(
        resource.group,
        resource.version,
        resource.plural,
        resource.singular or resource.kind.lower(),
        resource.kind,
        resource.namespaced,
        resource.verbs,
        resource.short_names,
        resource.categories,
        tuple(name for name in resource.subresources if name in SUBRESOURCES),
    )


def groups() -> dict[str, list[str]]:
    """Group → its versions, the preferred one first; "" is core."""
    found: dict[str, list[str]] = {}
    for entry in entries():
        versions = found.setdefault(entry.group, [])
        if entry.version not in versions:
            versions.append(entry.version)
    return found


def paths() -> list[str]:
    """What `GET /` lists."""
    found = ["/api", "/api/v1", "/apis"]
    for group, versions in groups().items():
        if group:
            found += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
    return [*found, "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]


def legacy(path: str) -> JSON | None:
    """The document at /api, /apis, /apis/GROUP or a group version; None if there is none."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
    if parts == ["apis"]:
        listed = [_group(name, versions) for name, versions in groups().items() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    if len(parts) == 2 and parts[0] == "api":
        return _resource_list("", parts[1])
    if len(parts) == 2 and parts[0] == "apis" and parts[1] in groups():
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups()[parts[1]])}
    if len(parts) == 3 and parts[0] == "apis":
        return _resource_list(parts[1], parts[2])
    return None


def _group(name: str, versions: Sequence[str]) -> JSON:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(group: str, version: str) -> JSON | None:
    if version not in groups().get(group, ()):
        return None
    resources: list[JSON] = []
    for entry in _of(group, version):
        resources.append(_legacy_entry(entry))
        resources += [_legacy_subresource(entry, name) for name in entry.subresources]
    group_version = f"{group}/{version}" if group else version
    resources.sort(key=lambda resource: resource["name"])
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _of(group: str, version: str) -> Iterator[Entry]:
    return (entry for entry in entries() if (entry.group, entry.version) == (group, version))


def _legacy_entry(entry: Entry) -> JSON:
    shown: JSON = {
        "name": entry.plural,
        "singularName": entry.singular,
        "namespaced": entry.namespaced,
        "kind": entry.kind,
        "verbs": list(entry.verbs),
    }
    if entry.short_names:
        shown["shortNames"] = list(entry.short_names)
    if entry.categories:
        shown["categories"] = list(entry.categories)
    return shown


def _legacy_subresource(entry: Entry, name: str) -> JSON:
    sub = _subresource(entry, name)
    shown: JSON = {"name": f"{entry.plural}/{name}", "singularName": "", "namespaced": entry.namespaced}
    if sub.version:
        shown |= {"group": sub.group, "version": sub.version}
    return {**shown, "kind": _subresource_kind(entry, name), "verbs": list(sub.verbs)}


def _subresource(entry: Entry, name: str) -> Subresource:
    """Old group versions have a Scale of their own."""
    if name == "scale" and entry.version.startswith("v1beta"):
        return Subresource(READ_WRITE, "Scale")
    return SUBRESOURCES[name]


def _subresource_kind(entry: Entry, name: str) -> str:
    if name == "proxy":
        return f"{entry.kind}ProxyOptions"
    return SUBRESOURCES[name].kind or entry.kind


def aggregated(path: str, form: str) -> JSON:
    """Everything in one document: core at /api, all other groups at /apis."""
    items = [
        _aggregated_group(name, versions) for name, versions in groups().items() if (name == "") == (path == "/api")
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{form}",
        "metadata": {},
        "items": items,
    }


def _aggregated_group(name: str, versions: Sequence[str]) -> JSON:
    metadata: JSON = {"name": name} if name else {}
    listed = [
        {
            "version": version,
            "resources": [_aggregated_entry(entry) for entry in sorted(_of(name, version), key=lambda one: one.plural)],
            "freshness": "Current",
        }
        for version in versions
    ]
    return {"metadata": {**metadata, "creationTimestamp": None}, "versions": listed}


def _aggregated_entry(entry: Entry) -> JSON:
    shown: JSON = {
        "resource": entry.plural,
        "responseKind": {"group": entry.group, "version": entry.version, "kind": entry.kind},
        "scope": "Namespaced" if entry.namespaced else "Cluster",
        "singularResource": entry.singular,
        "verbs": list(entry.verbs),
    }
    if entry.short_names:
        shown["shortNames"] = list(entry.short_names)
    if entry.categories:
        shown["categories"] = list(entry.categories)
    if entry.subresources:
        shown["subresources"] = [_aggregated_subresource(entry, name) for name in entry.subresources]
    return shown


def _aggregated_subresource(entry: Entry, name: str) -> JSON:
    sub = _subresource(entry, name)
    kind = {
        "group": sub.group if sub.version else entry.group,
        "version": sub.version or entry.version,
        "kind": _subresource_kind(entry, name),
    }
    return {"subresource": name, "responseKind": kind, "verbs": list(sub.verbs)}
