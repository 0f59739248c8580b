"""What a rehearsal starts from: nodes in a word, dumps in files, what is missing and what is broken."""

import json
from pathlib import Path

import pytest
import yaml

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.snapshots import assuming, consistency, dump, snapshot
from seatrial.rehearse.snapshots import nodes as nodes_of

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": True}


def pod(name: str, version: int = 1, **more: object) -> JSON:
    metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version), **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": "n1", "containers": []}}


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("3x8cpu,32Gi", [("8", "32Gi", "110")] * 3),
        ("1x500mcpu,512Mi,20pods", [("500m", "512Mi", "20")]),
        ("2x4cpu,8Gi+1x16cpu,64Gi", [("4", "8Gi", "110")] * 2 + [("16", "64Gi", "110")]),
    ],
)
def test_nodes_are_written_in_a_word(text: str, amounts: list[tuple[str, str, str]]) -> None:
    nodes = nodes_of.parse(text)
    assert [objects.name(node) for node in nodes] == [f"node-{i + 1}" for i in range(len(amounts))]
    assert [tuple(node["status"]["allocatable"][k] for k in ("cpu", "memory", "pods")) for node in nodes] == amounts


@pytest.mark.parametrize(
    "text", ["3", "3x8", "x8cpu,1Gi", "3x8cpu,32Gi,pods", "0x8cpu,32Gi", "1x8..cpu,1Gi", "1x8cpu,1T1"]
)
def test_what_are_no_nodes_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="--nodes"):
        nodes_of.parse(text)


def test_a_dump_of_several_files_has_each_object_once_in_its_newest_state(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [pod("web", 1)]}))
    newer = pod("web", 2, labels={"new": "yes"})
    (tmp_path / "b.yaml").write_text(json.dumps(newer))
    found = [obj for obj in dump.read([tmp_path]).objects if obj["kind"] == "Pod"]
    assert [objects.labels(obj) for obj in found] == [{"new": "yes"}]


def test_a_folder_of_cluster_info_dump_is_read_with_all_its_namespaces(tmp_path: Path) -> None:
    (tmp_path / "shop" / "web").mkdir(parents=True)
    bare = {key: value for key, value in pod("web").items() if key not in ("apiVersion", "kind")}
    (tmp_path / "shop" / "pods.json").write_text(json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [bare]}))
    (tmp_path / "shop" / "web" / "logs.txt").write_text("==== START logs ====")
    found = dump.read([tmp_path])
    assert [objects.name(obj) for obj in found.objects if obj["kind"] == "Pod"] == ["web"]
    assert "shop" in [objects.name(obj) for obj in found.objects if obj["kind"] == "Namespace"]
    assert found.assumptions == (
        "nodes: only the names of n1 are known; room enough and no taints are assumed",
        "namespaces: only the names of shop are known; no limits are assumed",
    )


def node(name: str, **status: object) -> JSON:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name}, "status": status}


def test_nodes_that_only_own_something_are_known_by_their_names() -> None:
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n2", "uid": "2"}
    metadata = {"name": "n2", "uid": "csi", "ownerReferences": [owner]}
    csi_node = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": metadata, "spec": {"drivers": []}}
    found = snapshot.complete([pod("web"), csi_node], snapshot.BEGINNING)
    assert found.assumptions[0] == "nodes: only the names of n1, n2 are known; room enough and no taints are assumed"
    kept = next(obj for obj in found.objects if obj["kind"] == "CSINode")
    assert objects.owner_references(kept) == [owner]
    assert {objects.uid(obj) for obj in found.objects if obj["kind"] == "Node"} >= {"2"}


def test_what_nodes_do_not_say_is_told() -> None:
    whole = {"allocatable": {"cpu": "1"}, "conditions": []}
    found = snapshot.complete([node("b"), node("a"), node("c", **whole), pod("web")], snapshot.BEGINNING)
    assert found.assumptions[:3] == (
        "nodes: how much room there is on a, b is not known; enough is assumed",
        "nodes: a, b without conditions; ready is assumed",
        "nodes: n1 not there, with Pods on them; these are deleted, as of removed nodes",
    )
    ended = {**pod("job"), "status": {"phase": "Succeeded"}}
    assert not [told for told in snapshot.complete([node("c", **whole), ended], 0.0).assumptions if "nodes" in told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ('{"a": ', "not JSON"),
        ("- 1", "a manifest is a mapping"),
        ("kind: Pod", "needs apiVersion"),
        ("apiVersion: v1\nkind: Pod\nmetadata: text", "is no mapping"),
        ("", "no objects in there"),
    ],
)
def test_what_is_no_dump_is_told_with_its_file(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(ToolError, match=told) as caught:
        dump.read([tmp_path / "broken.yaml"])
    assert "broken.yaml" in str(caught.value)


def test_what_is_no_object_in_a_dump_is_left_out_and_told_with_its_place(tmp_path: Path) -> None:
    junk = [{"kind": "Pod", "metadata": {"name": "x"}}, {"apiVersion": "v1", "kind": "Pod", "metadata": "x"}, 1]
    good = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
    content = [{"apiVersion": "v1", "kind": "List", "items": [*junk, good]}, ["a"]]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(content))
    found = dump.read([tmp_path / "all.yaml"])
    assert [obj["metadata"]["name"] for obj in found.objects if obj["kind"] == "ConfigMap"] == ["c"]
    assert [each.partition("all.yaml: ")[2] for each in found.assumptions if each.startswith("left out")] == [
        "items[0]: a manifest needs apiVersion",
        "items[1]: the metadata of a Pod is no mapping",
        "items[2]: a manifest is a mapping with apiVersion and kind, not a int",
        "document 2: a manifest is a mapping with apiVersion and kind, not a list",
    ]


def test_the_clock_of_a_dump_is_the_latest_time_in_it() -> None:
    heartbeat = {"type": "Ready", "lastHeartbeatTime": "2026-05-01T10:00:00Z"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"conditions": [heartbeat]}}
    assert dump.taken_at([node, pod("a", creationTimestamp="2026-04-01T00:00:00Z")]) == 1777629600.0
    assert dump.taken_at([pod("a", creationTimestamp="a long, long time ago")]) == snapshot.BEGINNING


def test_the_clock_of_a_dump_is_late_enough_for_its_pods_to_be_as_available_as_its_statuses_say() -> None:
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": f"2026-05-01T10:00:0{at}Z"} for at in (1, 5, 9)]
    pods = [
        {**pod(f"web-{number}", ownerReferences=[OWNER]), "status": {"conditions": [each]}}
        for number, each in enumerate(ready)
    ]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "rs", "uid": "rs"},
        "spec": {"minReadySeconds": 30},
        "status": {"availableReplicas": 2},
    }
    fifth_second = 1777629605.0
    assert dump.taken_at([*pods, owner]) == fifth_second + 31
    assert dump.taken_at([*pods, {**owner, "spec": {}}]) == fifth_second + 4


def test_objects_whose_owner_went_meanwhile_go_too() -> None:
    other = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "other", "uid": "other"}}
    kept, told = consistency.owned([other, pod("web", ownerReferences=[OWNER])])
    assert kept == [other]
    assert told == ["left out: pod/web, whose owner is not there any more"]


def test_objects_whose_owners_kind_is_unknown_stay_without_it() -> None:
    kept, told = consistency.owned([pod("web", ownerReferences=[OWNER])])
    assert objects.owner_references(kept[0]) == []
    assert told == ["1 Pods belong to a ReplicaSet, a kind that is not known here: nobody replaces them"]


def test_what_pods_use_of_kinds_that_are_not_known_is_taken_as_there() -> None:
    user = pod("web")
    user["spec"]["volumes"] = [
        {"name": "a", "secret": {"secretName": "tls", "items": [{"key": "crt"}]}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "data"}},
    ]
    variable = {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "cfg", "key": "x"}}}
    user["spec"]["containers"] = [{"name": "c", "env": [variable]}]
    made, told = assuming.missing([user])
    assert {(obj["kind"], objects.name(obj)): obj.get("data") for obj in made} == {
        ("ConfigMap", "cfg"): {"x": ""},
        ("Secret", "tls"): {"crt": ""},
        ("PersistentVolume", "assumed-shop-data"): None,
        ("PersistentVolumeClaim", "data"): None,
    }
    assert len(told) == 3


def test_what_is_missing_of_a_known_kind_is_missing() -> None:
    user = pod("web")
    user["spec"]["containers"] = [{"name": "c", "envFrom": [{"configMapRef": {"name": "cfg"}}]}]
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    assert assuming.missing([user, other]) == ([], [])
