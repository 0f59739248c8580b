"""Where a workload's Pods may run, whatever room there is."""

from seatrial.api.registry import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from seatrial.base.types import JSON
from seatrial.machinery import conditions, objects
from seatrial.rehearse.rules.base import Case
from seatrial.workloads import node_affinity, taints, volume_matching


def eligible(case: Case) -> list[JSON]:
    """The nodes that report, are not cordoned, and have the labels, and no other taints than the template allows."""
    pod = {"spec": case.newest_pod_spec}
    return [
        node
        for node in case.course.all(NODES)
        if conditions.is_true(node, "Ready")
        and not objects.get(node, "spec", "unschedulable", default=False)
        and node_affinity.required_matches(pod, node)
        and taints.first_untolerated(pod, taints.of_node(node)) is None
    ]


def with_volume(case: Case, claim: str) -> list[JSON]:
    """Of the eligible nodes those that the claim's volume can be used on."""
    claims = (each for each in case.there(PERSISTENT_VOLUME_CLAIMS) if objects.name(each) == claim)
    name = next((objects.get(each, "spec", "volumeName", default="") for each in claims), "")
    volume = next((each for each in case.course.all(PERSISTENT_VOLUMES) if objects.name(each) == name), None)
    return [node for node in eligible(case) if volume is None or volume_matching.reaches(volume, node)]
