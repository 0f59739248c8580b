"""The OpenAPI documents of the API server: v3, one per group version, and v2, one for all.

As far as clients need them: kubectl reads from them which PATCH operations take `fieldValidation` and `dryRun`, how
fields merge, and what `kubectl explain` tells. JSON only. Follows k8s.io/kube-openapi (builder, builder3, handler3)
and the documents that a kube-apiserver publishes; limits: response codes are the usual ones, and groups' discovery
paths are not listed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from seatrial.base.types import JSON
from seatrial.machinery import openapi_paths, openapi_schemas
from seatrial.machinery.openapi_paths import Served


class Definitions(Protocol):
    """The schemas of a release."""

    @property
    def release(self) -> str: ...
    @property
    def definitions(self) -> Mapping[str, JSON]: ...
    @property
    def docs(self) -> Mapping[str, tuple[str, Mapping[str, str]]]: ...
    @property
    def kinds(self) -> Mapping[tuple[str, str, str], str]: ...


_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SECURITY = {"BearerToken": {"description": "Bearer Token authentication", "in": "header", "name": "authorization"}}


def v3_index(resources: Sequence[Served], release: str) -> JSON:
    """`/openapi/v3`: where the document of each group version is."""
    paths: JSON = {}
    for group_version in group_versions(resources):
        root = _root(group_version)
        paths[root] = {"serverRelativeURL": f"/openapi/v3/{root}?hash={_hash(group_version, resources, release)}"}
    return {"paths": paths}


def group_versions(resources: Iterable[Served]) -> list[str]:
    """`v1`, `apps/v1`, … in order."""
    return sorted({_group_version(one) for one in resources})


def v3_document(group_version: str, resources: Sequence[Served], schemas: Definitions) -> JSON:
    """`/openapi/v3/apis/apps/v1` (or `api/v1` for "v1")."""
    mine = [one for one in resources if _group_version(one) == group_version]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{schemas.release}.0"},
        "paths": openapi_paths.build(mine, schemas.kinds, openapi_paths.V3),
        "components": {
            "schemas": openapi_schemas.build(_needed(mine, schemas), schemas, openapi_schemas.V3),
            "securitySchemes": {"BearerToken": {"type": "apiKey", **_SECURITY["BearerToken"]}},
        },
    }


def v2_document(resources: Sequence[Served], schemas: Definitions) -> JSON:
    """`/openapi/v2`: everything in one Swagger 2.0 document."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": f"v{schemas.release}.0"},
        "paths": openapi_paths.build(resources, schemas.kinds, openapi_paths.V2),
        "definitions": openapi_schemas.build(_needed(resources, schemas), schemas, openapi_schemas.V2),
        "securityDefinitions": {"BearerToken": {"type": "apiKey", **_SECURITY["BearerToken"]}},
        "security": [{"BearerToken": []}],
    }


def _needed(resources: Sequence[Served], schemas: Definitions) -> list[str]:
    """The definitions that the operations on these resources speak of."""
    names = [_META + name for name in ("DeleteOptions", "Patch", "Status", "WatchEvent", "APIResourceList")]
    for one in resources:
        kinds = [(one.group, one.version, one.kind), (one.group, one.version, one.kind + "List")]
        kinds += [openapi_paths.subresource_kind(one, subresource) for subresource in one.subresources]
        names += [schemas.kinds[kind] for kind in kinds if kind in schemas.kinds]
    return names


def _group_version(resource: Served) -> str:
    return f"{resource.group}/{resource.version}" if resource.group else resource.version


def _root(group_version: str) -> str:
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"


def _hash(group_version: str, resources: Iterable[Served], release: str) -> str:
    """Changes whenever the document does, as far as clients' caches are concerned."""
    told: list[Any] = [release]
    for one in resources:
        if _group_version(one) == group_version:
            told.append((one.plural, one.kind, one.namespaced, one.verbs, one.subresources))
    return hashlib.sha256(repr(told).encode()).hexdigest().upper()
