"""Claims and disks: which nodes are left for a Pod with volumes, and what is said of the others."""

from collections.abc import Sequence
from typing import Any

import pytest

from seatrial.api.registry import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler import decide, profile, volume_filters
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from unit.scheduler.builders import node, places, told
from unit.scheduler.storage import Storage, claim, only_on, using, volume, with_volumes

ZONE, OLD_ZONE = "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"
NOT_HELPFUL = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
LATER = {"metadata": {"name": "later"}, "provisioner": "x.io/disks", "volumeBindingMode": "WaitForFirstConsumer"}
LOCAL = {**LATER, "metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner"}
IN_ZONE_2 = {
    **LATER,
    "metadata": {"name": "zonal"},
    "allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["2"]}]}],
}
NOW = {"metadata": {"name": "now"}, "provisioner": "x.io/disks", "volumeBindingMode": "Immediate"}


def world(claims: Sequence[JSON] = (), volumes: Sequence[JSON] = ()) -> Snapshot:
    """Node a in zone 1, b in zone 2."""
    held = {
        PERSISTENT_VOLUME_CLAIMS: claims,
        PERSISTENT_VOLUMES: volumes,
        STORAGE_CLASSES: [LATER, LOCAL, IN_ZONE_2, NOW],
    }
    made = Snapshot(Storage(held))
    for name, zone in (("a", "1"), ("b", "2")):
        made.put_node(node(name, labels={ZONE: zone}))
    return made


def waits(name: str, storage_class: str, node_name: str = "", size: str = "1Gi") -> JSON:
    made = claim(name, storageClassName=storage_class, resources={"requests": {"storage": size}})
    if node_name:
        made["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = node_name
    return made


def local(name: str, where: str, size: str = "1Gi", **more: Any) -> JSON:
    return volume(name, size, storageClassName="local", nodeAffinity=only_on(where), **more)


@pytest.mark.parametrize(
    ("claims", "volumes", "allowed"),
    [
        pytest.param([claim("data", "v")], [volume("v", nodeAffinity=only_on("b"))], {"b"}, id="where its volume is"),
        pytest.param([claim("data", "v")], [volume("v", labels={ZONE: "2"})], {"b"}, id="its volume's zone"),
        pytest.param([claim("data", "v")], [volume("v", labels={ZONE: "1__2"})], {"a", "b"}, id="one of its zones"),
        pytest.param([claim("data", "v")], [volume("v", labels={OLD_ZONE: "2"})], {"b"}, id="the label's old name"),
        pytest.param([claim("data", "v")], [volume("v", labels={ZONE: "1__"})], {"a", "b"}, id="a label that is none"),
        pytest.param([waits("data", "later")], [], {"a", "b"}, id="a volume can be made anywhere"),
        pytest.param([waits("data", "later", "b")], [], {"b"}, id="a volume is being made there"),
        pytest.param([waits("data", "zonal")], [], {"b"}, id="where the class allows it"),
        pytest.param([waits("data", "local")], [local("v", "a")], {"a"}, id="where a volume is free"),
        pytest.param([waits("data", "local", size="2Gi")], [local("v", "a")], set(), id="none is large enough"),
        pytest.param(
            [waits("data", "local"), waits("more", "local")],
            [local("v", "a"), local("w", "b"), local("x", "b")],
            {"b"},
            id="a volume for each claim",
        ),
        pytest.param(
            [waits("data", "local"), waits("more", "local", size="5Gi")],
            [local("v", "a", "5Gi"), local("w", "b", "9Gi"), local("x", "b")],
            {"b"},
            id="the small claim takes no more than it needs",
        ),
    ],
)
def test_a_pod_goes_where_its_volumes_can_be(claims: list[JSON], volumes: list[JSON], allowed: set[str]) -> None:
    each = using("p", *(objects.name(one) for one in claims))
    assert places(world(claims, volumes), each) == allowed


def lost(made: JSON) -> JSON:
    return {**made, "status": {"phase": "Lost"}}


def going(made: JSON) -> JSON:
    return {**made, "metadata": {**made["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.mark.parametrize(
    ("claims", "each", "why", "plugin"),
    [
        pytest.param(
            [], using("p", "data"), 'persistentvolumeclaim "data" not found', "VolumeRestrictions", id="no claim"
        ),
        pytest.param(
            [],
            with_volumes("p", {"ephemeral": {}}),
            'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v0"',
            "VolumeBinding",
            id="a claim that is still to be made",
        ),
        pytest.param(
            [claim("p-v0")],
            with_volumes("p", {"ephemeral": {}}),
            "PVC ns/p-v0 was not created for pod ns/p (pod is not owner)",
            "VolumeBinding",
            id="somebody else's claim",
        ),
        pytest.param(
            [lost(claim("data", "v"))],
            using("p", "data"),
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"',
            "VolumeBinding",
            id="lost",
        ),
        pytest.param(
            [going(claim("data", "v"))],
            using("p", "data"),
            'persistentvolumeclaim "data" is being deleted',
            "VolumeBinding",
            id="going",
        ),
        pytest.param(
            [claim("data", "gone")], using("p", "data"), 'persistentvolume "gone" not found', "VolumeZone",
            id="its volume is gone, and nobody has noticed yet",
        ),
        pytest.param(
            [waits("data", "now")],
            using("p", "data"),
            "pod has unbound immediate PersistentVolumeClaims",
            "VolumeBinding",
            id="unbound",
        ),
        pytest.param(
            [{**waits("data", "later"), "spec": {**waits("data", "later")["spec"], "volumeName": "v"}}],
            using("p", "data"),
            "pod has unbound immediate PersistentVolumeClaims",
            "VolumeBinding",
            id="bound to a volume, but not yet wholly",
        ),
    ],
)  # fmt: skip
def test_claims_that_no_node_can_use(claims: list[JSON], each: JSON, why: str, plugin: str) -> None:
    made = world(claims)
    assert told(made, each) == f"0/2 nodes are available: {why}. {NOT_HELPFUL}"
    checks = decide.checks_for(made, PodInfo(each), profile.CURRENT)
    rejection = decide.first_rejection(checks, made.nodes[0])
    assert rejection is not None
    assert rejection.filter == plugin


def test_a_node_may_have_two_things_against_it() -> None:
    made = world([claim("data", "v"), waits("more", "local")], [volume("v", nodeAffinity=only_on("c"))])
    assert told(made, using("p", "data", "more")).startswith(
        "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind, "
        "2 node(s) had volume node affinity conflict. "
    )


def test_a_volume_that_is_kept_for_another_pod_is_not_counted_on() -> None:
    made = world([waits("one", "local"), waits("two", "local")], [local("v", "a"), local("w", "b")])
    found = volume_filters.bindings(using("p", "one"), "a", made)
    assert [(objects.name(of), objects.name(to)) for of, to in found.matched] == [("one", "v")]
    made.kept |= found.volumes
    assert places(made, using("q", "two")) == {"b"}


def rbd(image: str = "i", *monitors: str, **more: Any) -> JSON:
    return {"rbd": {"monitors": list(monitors or ("10.0.0.1:6789",)), "image": image, "pool": "mioss", **more}}


DISK = "node(s) had no available disk"


@pytest.mark.parametrize(
    ("there", "wanted", "fits"),
    [
        (rbd(), rbd(), False),
        (rbd(), rbd("other"), True),
        (rbd(), rbd(pool="other"), True),
        (rbd(), rbd("i", "10.9.9.9:6789"), True),
        (rbd("i", "10.0.0.1:6789", "10.0.0.2:6789"), rbd("i", "10.0.0.2:6789"), False),
        (rbd(readOnly=True), rbd(readOnly=True), True),
        (rbd(readOnly=True), rbd(), False),
        ({"iscsi": {"iqn": "x"}}, {"iscsi": {"iqn": "x"}}, False),
        ({"gcePersistentDisk": {"pdName": "x"}}, {"gcePersistentDisk": {"pdName": "x", "readOnly": True}}, False),
        ({"awsElasticBlockStore": {"volumeID": "x"}}, {"awsElasticBlockStore": {"volumeID": "x"}}, False),
        ({"emptyDir": {}}, rbd(), True),
    ],
    ids=[
        "the same image",
        "another image",
        "another pool",
        "another Ceph",
        "one monitor in common",
        "both only read",
        "one writes",
        "iSCSI",
        "a disk of GCE",
        "a disk of AWS, whoever reads",
        "no disk",
    ],
)
def test_a_disk_is_used_by_one_pod_of_a_node_at_a_time(there: JSON, wanted: JSON, fits: bool) -> None:
    made = world()
    made.put_pod(PodInfo(with_volumes("old", there)), "a")
    each = with_volumes("new", wanted)
    assert places(made, each) == ({"a", "b"} if fits else {"b"})
    made.put_pod(PodInfo(with_volumes("older", there)), "b")
    if not fits:
        assert told(made, each).startswith(f"0/2 nodes are available: 2 {DISK}. ")


def test_a_claim_for_one_pod_at_a_time_is_refused_on_all_nodes_while_another_has_it() -> None:
    made = world([claim("data", "v", accessModes=["ReadWriteOncePod"])], [volume("v")])
    made.put_pod(PodInfo(using("old", "data")), "a")
    text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    assert told(made, using("new", "data")).startswith(f"0/2 nodes are available: 2 {text}. ")
    made.drop_pod("uid-old")
    assert places(made, using("new", "data")) == {"a", "b"}
