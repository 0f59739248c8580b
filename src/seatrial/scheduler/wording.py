"""How a release of kube-scheduler puts things into words: why a node is out, why a Pod had to go."""

import re
from collections.abc import Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.scheduler.framework import Rejection

_SINCE_1_20 = (
    (re.compile(r"^node\(s\) had untolerated taint (\{.*\})$"), r"node(s) had taint \1, that the pod didn't tolerate"),
    (re.compile(r"^node\(s\) didn't match Pod's node affinity/selector$"), "node(s) didn't match Pod's node affinity"),
    (re.compile(r"^node\(s\) didn't match the requested node name$"), "node(s) didn't match the requested hostname"),
)
_AFFINITY = "node(s) didn't match pod affinity/anti-affinity"


def current(rejection: Rejection) -> Sequence[str]:
    """As 1.32 says it, which is how rejections are written here."""
    return rejection.reasons


def of_1_20(rejection: Rejection) -> Sequence[str]:
    """Affinity between Pods gave two reasons then."""
    reasons = [_older(reason) for reason in rejection.reasons]
    return [_AFFINITY, *reasons] if rejection.filter == "InterPodAffinity" else reasons


def preempted(pod: JSON, node: str) -> str:
    """What is told of a victim of `pod`."""
    return f"Preempted by pod {objects.uid(pod)} on node {node}"


def preempted_1_20(pod: JSON, node: str) -> str:
    """By name, where later releases have the uid."""
    return f"Preempted by {'/'.join(objects.key(pod))} on node {node}"


def _older(reason: str) -> str:
    for pattern, older in _SINCE_1_20:
        if pattern.match(reason):
            return pattern.sub(older, reason)
    return reason
