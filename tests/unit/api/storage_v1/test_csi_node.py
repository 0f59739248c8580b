"""CSINodes: what is refused, and what `kubectl get` shows."""

import pytest

from seatrial.api.storage_v1 import csi_node
from seatrial.base.types import JSON


def of(*drivers: JSON) -> JSON:
    return {"metadata": {"name": "n1"}, "spec": {"drivers": list(drivers)}}


EBS: JSON = {"name": "ebs.csi.aws.com", "nodeID": "i-1", "allocatable": {"count": 25}}


@pytest.mark.parametrize(
    ("obj", "fields"),
    [
        (of(), []),
        (of(EBS), []),
        (of({"name": "x", "nodeID": ""}), ["spec.drivers[0].nodeID"]),
        (of({"nodeID": "i-1"}), ["spec.drivers[0].name"]),
        (of({**EBS, "allocatable": {"count": -1}}), ["spec.drivers[0].allocatable.count"]),
        (of(EBS, EBS), ["spec.drivers[1].name"]),
    ],
)
def test_a_driver_has_a_name_of_its_own_an_id_and_no_negative_limit(obj: JSON, fields: list[str]) -> None:
    assert [error.field for error in csi_node.validate(obj)] == fields


def test_a_driver_comes_and_goes_and_does_not_change() -> None:
    other: JSON = {"name": "x", "nodeID": "i-1"}
    assert csi_node.validate_update(of(EBS, other), of(EBS)) == []
    assert csi_node.validate_update(of(other), of(EBS)) == []
    changed = csi_node.validate_update(of({**EBS, "nodeID": "i-2"}), of(EBS))
    assert [error.field for error in changed] == ["spec.drivers"]


def test_the_drivers_are_counted() -> None:
    obj = of(EBS)
    obj["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    assert csi_node.row(obj, 1_735_689_660.0) == ("n1", 1, "60s")
