"""Strategic merge patch: its directives, the order of merged lists, and the patches that kubectl apply makes.

The outcomes were compared with those of kubectl 1.32 (`kubectl patch --local`, and the patches that it sends).
"""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import schema_set
from seatrial.base.types import JSON
from seatrial.machinery import strategic_patch

SCHEMAS = schema_set.load()
POD = SCHEMAS.patch_meta("", "v1", "Pod")
DEPLOYMENT = SCHEMAS.patch_meta("apps", "v1", "Deployment")


def containers(*names: str) -> JSON:
    return {"spec": {"containers": [{"name": name} for name in names]}}


def names(obj: JSON) -> str:
    return "".join(container["name"] for container in obj["spec"]["containers"])


def order(listed: str) -> JSON:
    return {"$setElementOrder/containers": [{"name": name} for name in listed]}


@pytest.mark.parametrize(
    ("server", "patch", "expected"),
    [
        ("ab", containers("c"), "cab"),
        ("abc", containers("b"), "abc"),
        ("abc", containers("c", "a"), "bca"),
        ("abc", {"spec": order("cab")}, "cab"),
        ("abcd", {"spec": order("db")}, "acdb"),
        ("abc", {"spec": {**order("cd"), **containers("d")["spec"]}}, "abcd"),
        ("abc", {"spec": {**order("ca"), "containers": [{"name": "b", "$patch": "delete"}]}}, "ca"),
        ("acdb", {"spec": {**order("fab"), "containers": [{"name": "d", "$patch": "delete"}, {"name": "f"}]}}, "cfab"),
        ("abc", {"spec": {"containers": [{"$patch": "replace"}, {"name": "x"}]}}, "x"),
        ("aab", {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}, "b"),
    ],
    ids=[
        "a new element comes before the server's",
        "a known one stays",
        "the patch's order wins",
        "an order alone",
        "an order for some",
        "a new one after a known one",
        "deletion with an order",
        "a new one takes a deleted one's place",
        "replace",
        "delete all matches",
    ],
)
def test_merged_lists_have_upstreams_order(server: str, patch: JSON, expected: str) -> None:
    doc = containers(*server)
    before = deepcopy((doc, patch))
    assert names(strategic_patch.apply(doc, patch, POD)) == expected
    assert (doc, patch) == before


@pytest.mark.parametrize(
    ("doc", "patch", "expected"),
    [
        ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"a": None, "b": "2"}}}, {"b": "2"}),
        ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}, {"b": "2"}),
        ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"$patch": "delete"}}}, {}),
        ({"metadata": {}}, {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}, None),
        ({"metadata": {}}, {"metadata": {"labels": {"a": None, "b": "2"}}}, {"b": "2"}),
    ],
    ids=["null deletes", "replace", "delete", "a directive that meets nothing", "a null that meets nothing"],
)
def test_maps_merge_or_follow_their_directive(doc: JSON, patch: JSON, expected: Any) -> None:
    assert strategic_patch.apply(doc, patch, POD)["metadata"].get("labels") == expected


@pytest.mark.parametrize(
    ("server", "patch", "expected"),
    [
        (["a", "b"], {"finalizers": ["c", "a"]}, ["c", "a", "b"]),
        (["a", "b"], {"$deleteFromPrimitiveList/finalizers": ["a"]}, ["b"]),
        (["a", "b"], {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}, ["c", "b"]),
        (["a", "b"], {"$setElementOrder/finalizers": ["b", "a"]}, ["b", "a"]),
    ],
    ids=["union", "delete", "delete and add", "order"],
)
def test_primitive_lists_merge_by_value(server: list[str], patch: JSON, expected: list[str]) -> None:
    patched = strategic_patch.apply({"metadata": {"finalizers": server}}, {"metadata": patch}, POD)
    assert patched["metadata"]["finalizers"] == expected


def test_retain_keys_clears_the_other_fields() -> None:
    doc = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_patch.apply(doc, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_lists_without_a_strategy_are_replaced() -> None:
    doc = {"spec": {"tolerations": [{"key": "a"}]}}
    assert strategic_patch.apply(doc, {"spec": {"tolerations": [{"key": "b"}]}}, POD)["spec"] == {
        "tolerations": [{"key": "b"}]
    }


def test_without_metadata_all_lists_are_replaced() -> None:
    assert names(strategic_patch.apply(containers("a", "b"), containers("c"), None)) == "c"


@pytest.mark.parametrize(
    ("patch", "code", "text"),
    [
        ({"spec": {"$patch": "merge"}}, 500, "unknown patch type: merge in map: map[$patch:merge]"),
        (
            {"spec": {"containers": [{"image": "x"}]}},
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            {"spec": {"containers": [{"$patch": "delete"}]}},
            500,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        ({"spec": {"containers": [{"$patch": "merge"}]}}, 500, "merging lists cannot yet be specified in the patch"),
        (
            {"spec": {**containers("z")["spec"], **order("a")}},
            500,
            "The order in patch list:\n[map[name:z]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
        ({"spec": {"$setElementOrder/containers": "a"}}, 400, "invalid patch format of setElementOrder list"),
        ({"spec": {"$retainKeys": "a"}}, 400, "invalid patch format of retainKeys"),
        ({"spec": {"$retainKeys": ["a"], "nodeName": "n"}}, 400, "invalid patch format of retainKeys"),
        ({"spec": {"containers": [["a"]]}}, 422, "lists of lists are not supported"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(patch: JSON, code: int, text: str) -> None:
    with pytest.raises(strategic_patch.PatchError) as error:
        strategic_patch.apply(containers("a"), patch, POD)
    assert (error.value.code, str(error.value)) == (code, text)


def deployment(**spec: Any) -> JSON:
    strategy = {"strategy": spec.pop("strategy")} if "strategy" in spec else {}
    return {"metadata": {"name": "web"}, "spec": {**strategy, "template": {"spec": spec}}}


def test_the_patch_of_kubectl_apply_changes_deletes_and_orders() -> None:
    original = deployment(
        containers=[{"name": "a", "image": "1"}, {"name": "b"}], volumes=[{"name": "v", "emptyDir": {}}]
    )
    modified = deployment(
        strategy={"type": "Recreate"},
        containers=[{"name": "a", "image": "2"}, {"name": "n"}],
        volumes=[{"name": "v", "hostPath": {"path": "/"}}],
    )
    current = deployment(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        containers=[{"name": "a", "image": "1", "imagePullPolicy": "Always"}, {"name": "b"}, {"name": "sidecar"}],
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    patch = strategic_patch.three_way(original, modified, current, DEPLOYMENT)
    assert patch == {
        "spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
            "template": {
                "spec": {
                    "$setElementOrder/containers": [{"name": "a"}, {"name": "n"}],
                    "containers": [
                        {"name": "a", "image": "2"},
                        {"name": "n"},
                        {"name": "b", "$patch": "delete"},
                    ],
                    "$setElementOrder/volumes": [{"name": "v"}],
                    "volumes": [
                        {
                            "$retainKeys": ["hostPath", "name"],
                            "name": "v",
                            "emptyDir": None,
                            "hostPath": {"path": "/"},
                        }
                    ],
                }
            },
        }
    }
    patched = strategic_patch.apply(current, patch, DEPLOYMENT)["spec"]
    assert patched["strategy"] == {"type": "Recreate"}
    assert [one["name"] for one in patched["template"]["spec"]["containers"]] == ["a", "sidecar", "n"]
    assert patched["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert patched["template"]["spec"]["volumes"] == [{"name": "v", "hostPath": {"path": "/"}}]


def test_a_three_way_patch_never_renames() -> None:
    with pytest.raises(strategic_patch.PreconditionFailed, match="At least one of apiVersion, kind and name"):
        strategic_patch.three_way({}, {"metadata": {"name": "b"}}, {"metadata": {"name": "a"}}, POD)


ENVS = st.lists(
    st.builds(lambda n, v: {"name": n, "value": v}, st.sampled_from("ABC"), st.sampled_from("12")), max_size=3
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abcd")},
        optional={
            "image": st.sampled_from("xyz"),
            "args": st.lists(st.sampled_from("pq"), min_size=1, max_size=2),
            "env": ENVS.map(lambda items: list({one["name"]: one for one in items}.values())).filter(bool),
        },
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one["name"],
)
PODS = st.builds(
    lambda items, finalizers, labels: {
        "metadata": {"labels": labels, "finalizers": finalizers},
        "spec": {"containers": items},
    },
    CONTAINERS,
    st.lists(st.sampled_from(["f/a", "f/b", "f/c"]), min_size=1, unique=True),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), min_size=1),
)


@given(PODS, PODS)
def test_the_difference_leads_from_one_pod_to_the_other(old: JSON, new: JSON) -> None:
    assert strategic_patch.apply(old, strategic_patch.diff(old, new, POD), POD) == new


@given(PODS, PODS)
def test_applying_again_changes_nothing(current: JSON, modified: JSON) -> None:
    patch = strategic_patch.three_way({}, modified, current, POD)
    once = strategic_patch.apply(current, patch, POD)
    assert strategic_patch.apply(once, patch, POD) == once
