"""Reading, copying and freezing objects."""

import copy
import pickle

import orjson
import pytest

from seatrial.api.registry import REPLICA_SETS
from seatrial.machinery import objects

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u1",
        "resourceVersion": "42",
        "generation": 3,
        "labels": {"app": "web"},
        "ownerReferences": [{"kind": "Node", "uid": "n1"}, {"kind": "ReplicaSet", "uid": "r1", "controller": True}],
    },
    "spec": {"containers": [{"name": "c", "args": ["a", "b"]}]},
}

CHANGES = {
    "set a key": lambda obj: obj.__setitem__("x", 1),
    "delete a key": lambda obj: obj.__delitem__("kind"),
    "update": lambda obj: obj.update(x=1),
    "or-update": lambda obj: obj.__ior__({"x": 1}),
    "setdefault": lambda obj: obj.setdefault("x", 1),
    "pop": lambda obj: obj.pop("kind"),
    "popitem": lambda obj: obj.popitem(),
    "clear": lambda obj: obj.clear(),
    "deep key": lambda obj: obj["metadata"]["labels"].__setitem__("app", "x"),
    "append": lambda obj: obj["spec"]["containers"].append({}),
    "set an item": lambda obj: obj["spec"]["containers"].__setitem__(0, {}),
    "delete an item": lambda obj: obj["spec"]["containers"].__delitem__(0),
    "extend": lambda obj: obj["spec"]["containers"].extend([1]),
    "insert": lambda obj: obj["spec"]["containers"].insert(0, 1),
    "remove": lambda obj: obj["spec"]["containers"][0]["args"].remove("a"),
    "sort": lambda obj: obj["spec"]["containers"][0]["args"].sort(),
    "reverse": lambda obj: obj["spec"]["containers"][0]["args"].reverse(),
    "in-place add": lambda obj: obj["spec"]["containers"].__iadd__([1]),
    "in-place multiply": lambda obj: obj["spec"]["containers"].__imul__(2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_frozen_object_refuses_every_change(change):
    frozen = objects.freeze(POD)
    with pytest.raises(TypeError, match="must not be changed"):
        change(frozen)
    assert frozen == POD


def test_a_frozen_object_is_equal_encodes_alike_and_copies_to_a_mutable_one():
    frozen = objects.freeze(POD)
    assert frozen == POD
    assert orjson.dumps(frozen) == orjson.dumps(POD)
    assert objects.freeze(frozen) is frozen
    for thawed in (objects.copy(frozen), copy.deepcopy(frozen)):
        thawed["metadata"]["labels"]["app"] = "other"
        thawed["spec"]["containers"].append({})
    assert frozen == POD
    assert pickle.loads(pickle.dumps(frozen)) == POD
    assert {**frozen, "kind": "x"}["kind"] == "x"


def test_accessors_read_metadata():
    assert objects.key(POD) == ("shop", "web-1")
    assert (objects.name(POD), objects.namespace(POD), objects.uid(POD)) == ("web-1", "shop", "u1")
    assert (objects.resource_version(POD), objects.generation(POD)) == (42, 3)
    assert objects.labels(POD) == {"app": "web"}
    assert objects.annotations(POD) == {}
    assert objects.controller_of(POD) == {"kind": "ReplicaSet", "uid": "r1", "controller": True}
    assert objects.is_controlled_by(POD, {"metadata": {"uid": "r1"}})
    assert not objects.is_terminating(POD)


@pytest.mark.parametrize("obj", [{}, {"metadata": None}, {"metadata": {}}], ids=["empty", "null", "bare"])
def test_accessors_take_objects_without_metadata(obj):
    assert objects.key(obj) == ("", "")
    assert objects.resource_version(obj) == 0
    assert objects.deletion_timestamp(obj) is None
    assert objects.controller_of(obj) is None
    assert objects.owner_references(obj) == []


def test_an_owner_reference_names_the_owner_and_claims_control():
    owner = {"metadata": {"name": "web", "uid": "r1"}}
    plain = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "r1"}
    assert objects.owner_reference(owner, REPLICA_SETS, controller=False) == plain
    assert objects.owner_reference(owner, REPLICA_SETS) == {**plain, "controller": True, "blockOwnerDeletion": True}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("spec", "containers", 0, "name"), "c"),
        (("spec", "containers", 7, "name"), "none"),
        (("spec", "nope", "deeper"), "none"),
        (("kind", "deeper"), "none"),
    ],
    ids=["there", "index too large", "key missing", "a string on the way"],
)
def test_get_follows_a_path_or_gives_the_default(path, expected):
    assert objects.get(POD, *path, default="none") == expected


def test_with_metadata_replaces_and_removes_without_touching_the_original():
    before = objects.copy(POD)
    changed = objects.with_metadata(objects.freeze(POD), labels={"a": "b"}, ownerReferences=None)
    assert changed["metadata"]["labels"] == {"a": "b"}
    assert "ownerReferences" not in changed["metadata"]
    assert before == POD
