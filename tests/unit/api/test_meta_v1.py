"""The rules for metadata."""

import pytest

from seatrial.api import meta_v1
from seatrial.api.registry import CONFIG_MAPS, NAMESPACES, NODES, SERVICES

GOOD = {"name": "a", "namespace": "d"}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}


def texts(errors):
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"namespace": "d"}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "a"}, ["metadata.namespace: Required value"]),
        ({**GOOD, "generateName": "a-"}, []),
        ({**GOOD, "generation": -1}, ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {**GOOD, "annotations": {"a": "x" * (256 * 1024)}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        ({**GOOD, "annotations": {"Example.com/A": "any text\n"}}, []),
        (
            {**GOOD, "ownerReferences": [{**OWNER, "uid": "", "apiVersion": ""}]},
            [
                'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
                'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
            ],
        ),
        ({**GOOD, "ownerReferences": [OWNER, {**OWNER, "uid": "v", "controller": True}]}, []),
        (
            {**GOOD, "finalizers": ["mine"]},
            [
                'metadata.finalizers[0]: Invalid value: "mine": '
                "name is neither a standard finalizer name nor is it fully qualified"
            ],
        ),
        ({**GOOD, "finalizers": ["foregroundDeletion", "example.com/mine"]}, []),
        (
            {**GOOD, "finalizers": ["orphan", "foregroundDeletion"]},
            [
                'metadata.finalizers: Invalid value: []string{"orphan", "foregroundDeletion"}: '
                "finalizer orphan and foregroundDeletion cannot be both set"
            ],
        ),
    ],
    ids=[
        "no name",
        "no namespace",
        "prefix ending in a dash",
        "generation",
        "annotations too long",
        "annotation key in capitals",
        "owner incomplete",
        "owners",
        "finalizer unqualified",
        "finalizers",
        "finalizers at odds",
    ],
)
def test_new_metadata_is_checked(metadata, expected):
    assert texts(meta_v1.validate({"metadata": metadata}, CONFIG_MAPS)) == expected


def test_two_controllers_are_one_too_many():
    owners = [{**OWNER, "controller": True}, {**OWNER, "uid": "v", "name": "q", "controller": True}]
    (error,) = meta_v1.validate({"metadata": {**GOOD, "ownerReferences": owners}}, CONFIG_MAPS)
    assert error.field == "metadata.ownerReferences"
    assert error.body.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for Pod/p and Pod/q'
    )


@pytest.mark.parametrize(
    ("resource", "name", "good"),
    [
        (CONFIG_MAPS, "a.b", True),
        (CONFIG_MAPS, "A", False),
        (NAMESPACES, "a.b", False),
        (NAMESPACES, "1a", True),
        (SERVICES, "1a", False),
        (NODES, "a.b", True),
    ],
)
def test_each_kind_has_its_rule_for_names(resource, name, good):
    assert (not meta_v1.validate_name(resource, name)) is good


def test_cluster_scoped_objects_have_no_namespace():
    (error,) = meta_v1.validate({"metadata": GOOD}, NODES)
    assert str(error) == "metadata.namespace: Forbidden: not allowed on this type"


def test_an_update_may_leave_out_what_it_can_not_change():
    old = {"metadata": {**GOOD, "uid": "u", "creationTimestamp": "t", "resourceVersion": "5", "generation": 2}}
    new = {"metadata": {**GOOD, "resourceVersion": "5", "labels": {"a": "b"}}}
    meta_v1.fill_from_old(new, old)
    assert new["metadata"] == {**old["metadata"], "labels": {"a": "b"}}
    assert meta_v1.validate_update(new, old) == []


def test_an_update_can_not_change_identity():
    old = {"metadata": {**GOOD, "uid": "u", "creationTimestamp": "t", "resourceVersion": "5"}}
    new = {"metadata": {"name": "b", "namespace": "d", "uid": "v", "creationTimestamp": "t", "resourceVersion": "5"}}
    assert texts(meta_v1.validate_update(new, old)) == [
        'metadata.name: Invalid value: "b": field is immutable',
        'metadata.uid: Invalid value: "v": field is immutable',
    ]


def test_nobody_adds_finalizers_to_a_terminating_object():
    old = {"metadata": {**GOOD, "deletionTimestamp": "t", "finalizers": ["x.io/a"], "resourceVersion": "5"}}
    new = {"metadata": {**old["metadata"], "finalizers": ["x.io/a", "x.io/b"]}}
    assert texts(meta_v1.validate_update(new, old)) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"x.io/b"}'
    ]
    less = {"metadata": {**old["metadata"], "finalizers": []}}
    assert meta_v1.validate_update(less, old) == []


def test_equal_owner_references_are_dropped_with_a_warning():
    obj = {"metadata": {"ownerReferences": [OWNER, dict(OWNER)]}}
    assert meta_v1.duplicate_owners_warning(obj).endswith("duplicate UID(s): u")
    assert meta_v1.remove_duplicate_owners(obj)
    assert obj["metadata"]["ownerReferences"] == [OWNER]
    assert not meta_v1.remove_duplicate_owners(obj)


def test_a_generated_name_has_room_for_its_suffix():
    assert meta_v1.generate_name("web-", "x7k2p") == "web-x7k2p"
    assert len(meta_v1.generate_name("a" * 100, "x7k2p")) == 63
