"""What an autoscaler's metrics say of a workload, and in which words when they say nothing."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.controllers.horizontal_pod_autoscaler import measuring
from seatrial.controllers.horizontal_pod_autoscaler.measuring import Measured, Target
from seatrial.machinery import times
from seatrial.workloads.load import Load, no_load

NOW = times.parse_time("2025-01-01T01:00:00Z")


def a_pod(name: str) -> JSON:
    """Ready for long; the container asks for 100m of CPU, its sidecar for 300m."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}
    sidecar = {"name": "proxy", "restartPolicy": "Always", "resources": {"requests": {"cpu": "300m"}}}
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {
            "containers": [{"name": "app", "resources": {"requests": {"cpu": "100m"}}}],
            "initContainers": [sidecar, {"name": "setup"}],
        },
        "status": {"phase": "Running", "startTime": "2025-01-01T00:00:00Z", "conditions": [ready]},
    }


TARGET = Target("ns", "web", 2, 2, (a_pod("a"), a_pod("b")))


def resource(**target: Any) -> JSON:
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def of_container(name: str, **target: Any) -> JSON:
    return {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": name, "target": target}}


def of_object(**target: Any) -> JSON:
    described = {"apiVersion": "v1", "kind": "Service", "name": "main"}
    return {"type": "Object", "object": {"describedObject": described, "metric": {"name": "rate"}, "target": target}}


def external(selector: JSON | None = None, **target: Any) -> JSON:
    metric = {"name": "queue", **({"selector": selector} if selector is not None else {})}
    return {"type": "External", "external": {"metric": metric, "target": target}}


def measured(*metrics: JSON, load: Load = no_load) -> Measured:
    return measuring.measure(metrics, TARGET, load, NOW)


def always(amount: float) -> Load:
    return lambda namespace, name, metric, moment: amount


@pytest.mark.parametrize(
    ("metric", "replicas", "name", "utilization"),
    [
        pytest.param(
            resource(averageUtilization=50), 2, "cpu resource utilization (percentage of request)", 50,
            id="of all containers and sidecars",
        ),
        pytest.param(
            of_container("app", averageUtilization=50), 8,
            "cpu container resource utilization (percentage of request)", 200, id="of one container",
        ),
        pytest.param(
            of_container("proxy", averageUtilization=50), 3,
            "cpu container resource utilization (percentage of request)", 66, id="of a sidecar",
        ),
        pytest.param(resource(averageValue="100m"), 4, "cpu resource", None, id="an amount"),
    ],
)  # fmt: skip
def test_resources_are_measured_against_what_is_asked_for(
    metric: JSON, replicas: int, name: str, utilization: int | None
) -> None:
    found = measured(metric, load=always(0.4))
    assert (found.replicas, found.name) == (replicas, name)
    [status] = found.statuses
    assert next(iter(status.values())) == metric["type"]
    current = status[f"{metric['type'][0].lower()}{metric['type'][1:]}"]["current"]
    assert current.get("averageUtilization") == utilization
    assert current["averageValue"] == "200m"


NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
NO_CPU = (
    "unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not "
    "find the requested resource (get pods.metrics.k8s.io)"
)
NO_QUEUE = (
    "unable to fetch metrics from external metrics API: the server could not find the requested resource (get "
    "queue.external.metrics.k8s.io)"
)


@pytest.mark.parametrize(
    ("metric", "message", "full"),
    [
        pytest.param(
            resource(averageValue="1"),
            f"failed to get cpu usage: {NO_CPU}",
            f"failed to get cpu resource metric value: failed to get cpu usage: {NO_CPU}",
            id="an amount",
        ),
        pytest.param(
            of_container("app", averageUtilization=50),
            f"failed to get cpu utilization: {NO_CPU}",
            f"failed to get app container metric value: failed to get cpu utilization: {NO_CPU}",
            id="a container",
        ),
        pytest.param(
            {"type": "Pods", "pods": {"metric": {"name": "rate"}, "target": {"averageValue": "1"}}},
            f"unable to get metric rate: {NO_CUSTOM}",
            f"failed to get pods metric value: unable to get metric rate: {NO_CUSTOM}",
            id="Pods",
        ),
        pytest.param(
            of_object(value="1"),
            f"unable to get metric rate: Service on ns main/{NO_CUSTOM}",
            f"failed to get object metric value: unable to get metric rate: Service on ns main/{NO_CUSTOM}",
            id="an object",
        ),
        pytest.param(
            external(value="1"),
            f"unable to get external metric ns/queue/nil: {NO_QUEUE}",
            "failed to get queue external metric value: failed to get external metric queue: unable to get external "
            f"metric ns/queue/nil: {NO_QUEUE}",
            id="external",
        ),
        pytest.param(
            external({"matchLabels": {"q": "jobs", "a": "b"}}, averageValue="1"),
            "unable to get external metric ns/queue/&LabelSelector{MatchLabels:map[string]string{a: b,q: jobs,},"
            f"MatchExpressions:[]LabelSelectorRequirement{{}},}}: {NO_QUEUE}",
            "failed to get queue external metric value: failed to get queue external metric: unable to get external "
            "metric ns/queue/&LabelSelector{MatchLabels:map[string]string{a: b,q: jobs,},"
            f"MatchExpressions:[]LabelSelectorRequirement{{}},}}: {NO_QUEUE}",
            id="external, chosen by labels",
        ),
    ],
)
def test_a_metric_that_nobody_measures_says_so(metric: JSON, message: str, full: str) -> None:
    found = measured(metric)
    [trouble] = found.troubles
    assert (trouble.reason, trouble.message, trouble.full) == (f"FailedGet{metric['type']}Metric", message, full)
    assert found.replicas is None
    assert found.statuses == [{"type": ""}]
    assert found.summary == f"invalid metrics (1 invalid out of 1), first error is: {full}"


def test_an_average_over_an_object_is_called_external_as_upstream_has_it() -> None:
    found = measured(of_object(averageValue="1"), load=always(6))
    assert (found.replicas, found.name) == (6, "external metric rate(nil)")
    assert found.statuses[0]["object"]["describedObject"] == {"kind": "", "name": ""}


def test_one_metric_that_fails_does_not_keep_the_others_from_scaling_up() -> None:
    both = measured(external(value="1"), resource(averageValue="100m"), load=lambda ns, name, metric, at: 0.6
                    if metric == "cpu" else None)  # fmt: skip
    assert both.replicas == 6
    assert [status["type"] for status in both.statuses] == ["", "Resource"]
    down = measured(external(value="1"), resource(averageValue="1"), load=lambda ns, name, metric, at: 0.6
                    if metric == "cpu" else None)  # fmt: skip
    assert down.replicas is None
