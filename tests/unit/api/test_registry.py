"""The list of kinds."""

import pytest

from seatrial.api import registry


def test_paths_and_kinds_find_every_resource():
    for resource in registry.ALL:
        assert registry.find(resource.group, resource.version, resource.plural) is resource
        assert registry.for_kind(resource.group, resource.version, resource.kind) is resource
        assert registry.for_object({"apiVersion": resource.api_version, "kind": resource.kind}) is resource


@pytest.mark.parametrize(
    ("word", "plural"),
    [
        ("po", "pods"),
        ("pod", "pods"),
        ("Pods", "pods"),
        ("deploy", "deployments"),
        ("deployments.apps", "deployments"),
        ("deployments.v1.apps", "deployments"),
        ("rc", "replicationcontrollers"),
        ("svc", "services"),
        ("ep", "endpoints"),
        ("ev", "events"),
        ("no", "nodes"),
        ("ns", "namespaces"),
        ("cm", "configmaps"),
        ("sa", "serviceaccounts"),
        ("rs", "replicasets"),
        ("replicaset", "replicasets"),
        ("endpointslices", "endpointslices"),
        ("lease", "leases"),
        ("pdb", "poddisruptionbudgets"),
    ],
)
def test_people_name_resources_in_several_ways(word, plural):
    found = registry.for_word(word)
    assert found is not None
    assert found.plural == plural


@pytest.mark.parametrize("word", ["", "foo", "deployments.extensions", "pods.apps"])
def test_other_words_name_nothing(word):
    assert registry.for_word(word) is None


@pytest.mark.parametrize("resource", registry.ALL, ids=lambda resource: resource.plural)
def test_every_kind_has_a_singular_and_as_many_cells_as_columns(resource):
    assert resource.singular == resource.kind.lower()
    assert resource.columns
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "x", "namespace": "d"}}
    resource.default(obj)
    assert len(resource.row(obj, 0.0)) == len(resource.columns)


@pytest.mark.parametrize("resource", registry.ALL, ids=lambda resource: resource.plural)
def test_defaulting_twice_changes_nothing_more(resource):
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "x"}}
    resource.default(obj)
    once = repr(obj)
    resource.default(obj)
    assert repr(obj) == once


def test_group_versions_come_once_and_core_first():
    assert registry.group_versions() == (
        ("", "v1"),
        ("apps", "v1"),
        ("autoscaling", "v2"),
        ("batch", "v1"),
        ("coordination.k8s.io", "v1"),
        ("discovery.k8s.io", "v1"),
        ("node.k8s.io", "v1"),
        ("policy", "v1"),
        ("scheduling.k8s.io", "v1"),
        ("storage.k8s.io", "v1"),
    )
