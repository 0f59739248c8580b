"""Which Pods a node takes that no scheduler has placed there, and what it says to the others."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.node import admission


def a_pod(name: str = "p", cpu: str = "", **spec: Any) -> JSON:
    container: JSON = {"name": "c", **({"resources": {"requests": {"cpu": cpu}}} if cpu else {})}
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"nodeName": "n", "containers": [container], **spec}}


def with_port(name: str = "p", **port: Any) -> JSON:
    return a_pod(name, containers=[{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80, **port}]}])


def asking(**requests: str) -> JSON:
    names = {name.replace("_", "."): amount for name, amount in requests.items()}
    return a_pod(containers=[{"name": "c", "resources": {"requests": names}}])


def a_node(taints: tuple[JSON, ...] = (), **allocatable: str) -> JSON:
    given = {"cpu": "2", "memory": "1Gi", "pods": "3", **allocatable}
    labels = {"disk": "ssd"}
    return {
        "metadata": {"name": "n", "labels": labels},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": given},
    }


NO_EXECUTE = {"key": "gone", "effect": "NoExecute"}
NO_SCHEDULE = {"key": "later", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("pod", "node", "others", "reason", "message"),
    [
        pytest.param(
            a_pod(cpu="1500m"), a_node(), [a_pod("o", cpu="1")], "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000", id="cpu",
        ),
        pytest.param(
            asking(memory="2Gi"), a_node(), [], "OutOfmemory",
            "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
            id="memory",
        ),
        pytest.param(
            a_pod(), a_node(pods="1"), [a_pod("o")], "OutOfpods",
            "Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1", id="Pods",
        ),
        pytest.param(
            a_pod(nodeSelector={"disk": "hdd"}), a_node(), [], "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector", id="labels",
        ),
        pytest.param(
            with_port(), a_node(), [with_port("o")], "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports", id="port",
        ),
        pytest.param(
            a_pod(), a_node(taints=(NO_EXECUTE,)), [], "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate", id="taint",
        ),
        pytest.param(
            a_pod(os={"name": "windows"}), a_node(), [], "PodOSNotSupported",
            "Failed to admit pod as the OS field doesn't match node OS", id="system",
        ),
        pytest.param(
            a_pod(cpu="3", nodeSelector={"disk": "hdd"}), a_node(), [], "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000", id="the first reason",
        ),
    ],
)  # fmt: skip
def test_a_pod_that_does_not_fit_is_refused(
    pod: JSON, node: JSON, others: list[JSON], reason: str, message: str
) -> None:
    assert admission.refusal(pod, node, others) == (reason, message)


@pytest.mark.parametrize(
    ("pod", "node", "others"),
    [
        (a_pod(cpu="1"), a_node(), [a_pod("o", cpu="1")]),
        (a_pod(nodeSelector={"disk": "ssd"}), a_node(), []),
        (with_port(hostIP="10.0.0.1"), a_node(), [with_port("o", hostIP="10.0.0.2")]),
        (a_pod(), a_node(taints=(NO_SCHEDULE,)), []),
        (a_pod(tolerations=[{"operator": "Exists"}]), a_node(taints=(NO_EXECUTE,)), []),
        (a_pod(containers=[{"name": "c", "resources": {"requests": {"x.io/gpu": "1"}}}]), a_node(), []),
    ],
    ids=["room", "labels", "another address", "only for schedulers", "tolerated", "a resource that no node knows"],
)
def test_a_pod_that_fits_is_taken(pod: JSON, node: JSON, others: list[JSON]) -> None:
    assert admission.refusal(pod, node, others) is None


@pytest.mark.parametrize(
    ("status", "due"),
    [
        ({}, True),
        ({"conditions": [{"type": "PodScheduled", "status": "True"}]}, False),
        ({"startTime": "2025-01-01T00:00:00Z"}, False),
    ],
    ids=["bound by whoever made it", "a scheduler has seen to it", "it was taken"],
)
def test_only_pods_that_nobody_has_looked_at_are_looked_at(status: JSON, due: bool) -> None:
    assert admission.is_due({**a_pod(), "status": status}) is due
