"""What a workload's status says is believed only as far as its controller has got."""

from seatrial.base.types import JSON
from seatrial.rehearse import target


def deployment(observed: int) -> JSON:
    counted = {"replicas": 4, "updatedReplicas": 4, "availableReplicas": 4, "observedGeneration": observed}
    return {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 4}, "status": counted}


def test_pods_of_a_template_that_nobody_has_seen_are_not_updated() -> None:
    unseen, seen = target.counts(deployment(1)), target.counts(deployment(2))
    assert (unseen.updated, unseen.available, unseen.complete) == (0, 4, False)
    assert (seen.updated, seen.complete) == (4, True)
