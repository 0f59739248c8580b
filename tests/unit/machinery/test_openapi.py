"""The OpenAPI documents, as far as kubectl reads them."""

import re
from typing import Any

import pytest

from seatrial.api import schema_set
from seatrial.api.registry import ALL
from seatrial.machinery import openapi

SCHEMAS = schema_set.load()
DEPLOYMENT = {"group": "apps", "version": "v1", "kind": "Deployment"}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()


def test_the_index_names_every_group_version_with_a_hash() -> None:
    paths = openapi.v3_index(ALL, "1.32")["paths"]
    assert {"api/v1", "apis/apps/v1"} <= paths.keys()
    assert re.fullmatch(r"/openapi/v3/apis/apps/v1\?hash=[0-9A-F]+", paths["apis/apps/v1"]["serverRelativeURL"])
    assert paths != openapi.v3_index(ALL, "1.31")["paths"]


@pytest.mark.parametrize("group_version", openapi.group_versions(ALL))
def test_every_reference_of_a_document_leads_somewhere(group_version: str) -> None:
    document = openapi.v3_document(group_version, ALL, SCHEMAS)
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_every_reference_of_the_old_document_leads_somewhere() -> None:
    document = openapi.v2_document(ALL, SCHEMAS)
    assert references(document) <= {f"#/definitions/{name}" for name in document["definitions"]}


def test_patch_operations_tell_their_kind_and_the_parameters_that_kubectl_looks_for() -> None:
    paths = openapi.v3_document("apps/v1", ALL, SCHEMAS)["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == DEPLOYMENT
    assert {"dryRun", "fieldValidation", "fieldManager", "force"} == {one["name"] for one in patch["parameters"]}
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]


def test_definitions_carry_kinds_patch_strategies_and_descriptions() -> None:
    schemas = openapi.v3_document("apps/v1", ALL, SCHEMAS)["components"]["schemas"]
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [DEPLOYMENT]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    assert containers["description"].startswith("List of containers belonging to the pod.")


def test_scale_has_its_own_kind() -> None:
    paths = openapi.v3_document("apps/v1", ALL, SCHEMAS)["paths"]
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    assert scale["get"]["x-kubernetes-group-version-kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
