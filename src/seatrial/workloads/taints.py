"""Taints of nodes and the tolerations of Pods (k8s.io/component-helpers/scheduling/corev1/helpers.go)."""

from collections.abc import Iterable, Sequence

from seatrial.base.types import JSON

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure"
DISK_PRESSURE = "node.kubernetes.io/disk-pressure"
PID_PRESSURE = "node.kubernetes.io/pid-pressure"
NETWORK_UNAVAILABLE = "node.kubernetes.io/network-unavailable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def of_node(node: JSON) -> Sequence[JSON]:
    return (node.get("spec") or {}).get("taints") or ()


def of_effect(node: JSON, *effects: str) -> list[JSON]:
    return [taint for taint in of_node(node) if taint["effect"] in effects]


def tolerates(toleration: JSON, taint: JSON) -> bool:
    """An empty effect or key tolerates all; operator Exists any value."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")


def tolerated(pod: JSON, taint: JSON) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations(pod))


def first_untolerated(pod: JSON, taints: Iterable[JSON]) -> JSON | None:
    """The first taint that keeps the Pod away."""
    for taint in taints:
        if taint["effect"] != "PreferNoSchedule" and not tolerated(pod, taint):
            return taint
    return None


def tolerations(pod: JSON) -> Iterable[JSON]:
    return pod["spec"].get("tolerations") or ()


def seconds_to_stay(pod: JSON, taint: JSON) -> float | None:
    """How long the Pod stays on a node with this NoExecute taint: 0 = not at all, None = for ever.

    Of several tolerations that match, the shortest counts (getMinTolerationTime); one without seconds is no limit.
    """
    matching = [each for each in tolerations(pod) if tolerates(each, taint)]
    if not matching:
        return 0.0
    limits = [
        max(0.0, float(each["tolerationSeconds"])) for each in matching if each.get("tolerationSeconds") is not None
    ]
    return min(limits, default=None)


def same(one: JSON, other: JSON) -> bool:
    """Taints are told apart by key and effect."""
    return bool(one["key"] == other["key"] and one["effect"] == other["effect"])
