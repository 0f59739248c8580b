"""Storage classes that manifests leave to the cluster, and volumes that drivers make."""

from seatrial.base.types import JSON
from seatrial.rehearse.snapshots import storage

SET = "StatefulSet"


def claim(name: str = "data", **spec: object) -> JSON:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def volume(name: str, made_by: str = "", **spec: object) -> JSON:
    annotations = {"pv.kubernetes.io/provisioned-by": made_by} if made_by else {}
    return {"kind": "PersistentVolume", "metadata": {"name": name, "annotations": annotations}, "spec": spec}


def names(*known: JSON) -> list[str]:
    return [obj["metadata"]["name"] for obj in storage.classes(known)[0]]


def test_claims_and_templates_have_the_classes_that_they_name_and_the_default_one() -> None:
    templates = {"kind": SET, "metadata": {"name": "db"}, "spec": {"volumeClaimTemplates": [claim()]}}
    made, told = storage.classes([claim(storageClassName="fast"), templates])
    assert [(obj["metadata"]["name"], bool(obj["metadata"]["annotations"])) for obj in made] == [
        ("fast", False),
        ("standard", True),
    ]
    assert told == ["no StorageClass is known: fast, standard assumed to make volumes that every node can mount"]


def test_ephemeral_volumes_of_pods_and_templates_have_the_classes_that_their_claims_name() -> None:
    pods = {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "fast"}}}}]}
    assert names({"kind": "Pod", "spec": pods}) == ["fast"]
    assert names({"kind": "Deployment", "spec": {"template": {"spec": pods}}}) == ["fast"]


def test_where_a_class_is_known_there_are_no_others() -> None:
    assert storage.classes([claim(), {"kind": "StorageClass", "metadata": {"name": "slow"}}]) == ([], [])


def test_claims_for_volumes_made_by_hand_and_bound_claims_need_no_class() -> None:
    assert names(claim(storageClassName="")) == []
    assert names(claim(), volume("pv")) == []
    assert names(claim(storageClassName="manual"), volume("pv", storageClassName="manual")) == []
    assert names(claim(storageClassName="fast", volumeName="pv")) == []
    assert names(claim(storageClassName="fast"), volume("pv", "ebs", storageClassName="fast")) == ["fast"]


def test_volumes_that_a_driver_makes_in_a_rehearsal_are_told() -> None:
    new = {"csi": {"driver": "ebs.csi.aws.com"}, "claimRef": {"name": "data-db-2"}}
    before = volume("a", "ebs.csi.aws.com", csi={"driver": "ebs.csi.aws.com"})
    assert storage.made([before], [before, volume("b", "ebs.csi.aws.com", **new)]) == [
        "ebs.csi.aws.com assumed to make volumes at once that every node can mount: for data-db-2"
    ]
    assert storage.made([], [volume("c", "assumed", csi={"driver": "assumed"})]) == [], "its class was told of"


def test_by_whom_volumes_of_in_tree_kinds_are_taken_to_be_mounted_is_told() -> None:
    disks = [volume(name, awsElasticBlockStore={"volumeID": "v"}) for name in ("b", "a")]
    assert storage.mounted([*disks, volume("c", iscsi={}), volume("d", nfs={}), volume("e", csi={}), claim()]) == [
        "awsElasticBlockStore volumes assumed to be mounted by ebs.csi.aws.com: a, b",
        "iscsi volumes assumed to be mounted by every node: c",
    ]
