"""Limits of CSI drivers: which nodes have room for a Pod's volumes."""

import pytest

from seatrial.api.registry import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from seatrial.base.types import JSON
from seatrial.scheduler.snapshot import PodInfo, Snapshot
from seatrial.scheduler.volume_limits import volume_limits
from unit.scheduler.builders import node
from unit.scheduler.storage import Storage, claim, using, volume

DRIVER = "ebs.csi.aws.com"


def csi_node(count: int | None) -> JSON:
    driver: JSON = {"name": DRIVER, "nodeID": "i-1"} | ({} if count is None else {"allocatable": {"count": count}})
    return {"metadata": {"name": "n1"}, "spec": {"drivers": [driver]}}


def of_driver(name: str, driver: str = DRIVER) -> JSON:
    return volume(name, csi={"driver": driver, "volumeHandle": f"vol-{name}"})


def attachment(name: str) -> JSON:
    spec = {"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": name}}
    return {"metadata": {"name": f"csi-{name}"}, "spec": spec}


@pytest.mark.parametrize(
    ("limit", "there", "attached", "wanted", "fits"),
    [
        (2, ["a", "b"], [], ["c"], False),
        (3, ["a", "b"], [], ["c"], True),
        (2, ["a", "b"], [], ["a"], True),
        (2, ["a"], ["b"], ["c"], False),
        (2, ["a"], ["a"], ["c"], True),
        (2, ["a"], [], ["c", "d"], False),
        (1, ["a"], [], ["other"], True),
        (1, ["a"], [], ["later"], False),
        (1, ["a"], [], ["lost"], False),
        (None, ["a", "b"], [], ["c"], True),
        (0, [], [], ["c"], False),
        (0, [], [], [], True),
    ],
    ids=[
        "as many as it can have",
        "one is left",
        "a volume counts once however many Pods use it",
        "what is attached without a Pod counts",
        "what is attached for a Pod counts once",
        "two at a time",
        "another driver has no limit",
        "one that is still to be made",
        "one whose volume is gone",
        "no limit is told",
        "none at all",
        "a Pod without volumes",
    ],
)
def test_a_node_takes_as_many_volumes_as_its_driver_can_attach(
    limit: int | None, there: list[str], attached: list[str], wanted: list[str], fits: bool
) -> None:
    claims = [
        *(claim(each, each) for each in "abcd"),
        claim("other", "other"),
        claim("later", storageClassName="gp3"),
        claim("lost", "gone", storageClassName="gp3"),
    ]
    snapshot = Snapshot(
        Storage(
            {
                CSI_NODES: [csi_node(limit)],
                PERSISTENT_VOLUME_CLAIMS: claims,
                PERSISTENT_VOLUMES: [*map(of_driver, "abcd"), of_driver("other", "other.example.com")],
                STORAGE_CLASSES: [{"metadata": {"name": "gp3"}, "provisioner": DRIVER}],
                VOLUME_ATTACHMENTS: list(map(attachment, attached)),
            }
        )
    )
    snapshot.put_node(node("n1"))
    for number, each in enumerate(there):
        snapshot.put_pod(PodInfo(using(f"old-{number}", each)), "n1")
    check = volume_limits(PodInfo(using("new", *wanted)), snapshot)
    [info] = snapshot.nodes
    rejection = check(info) if check else None
    assert (rejection is None) == fits
    if rejection is not None:
        assert rejection.reasons == ("node(s) exceed max volume count",)
        assert not rejection.final
