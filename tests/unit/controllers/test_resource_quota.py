"""What the quota controller counts."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.controllers import resource_quota
from seatrial.machinery import times
from unit.controllers import caches

NOW = times.parse_time("2025-01-01T00:01:00Z")


def quota(hard: dict[str, str], status: JSON | None = None, **spec: Any) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": caches.meta("q"),
        "spec": {"hard": hard, **spec},
        "status": status or {},
    }


def a_pod(name: str, cpu: str = "100m", phase: str = "Running", **meta: Any) -> JSON:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": caches.meta(name, **meta),
        "spec": {"containers": [container]},
        "status": {"phase": phase},
    }


def counted(hard: dict[str, str], *standing: JSON, **spec: Any) -> JSON:
    obj = quota(hard, **spec)
    view = caches.run(resource_quota.gather(("ns", "q"), caches.lister(obj, *standing)))
    assert view is not None
    status = resource_quota.decide(view, NOW).status
    assert status is not None
    used: JSON = status["status"]["used"]
    return used


GOING = {"deletionTimestamp": "2025-01-01T00:00:50Z", "deletionGracePeriodSeconds": 30}
OVERDUE = {"deletionTimestamp": "2025-01-01T00:00:20Z", "deletionGracePeriodSeconds": 30}


@pytest.mark.parametrize(
    ("standing", "used"),
    [
        pytest.param([], {"pods": "0", "requests.cpu": "0", "count/pods": "0"}, id="nothing"),
        pytest.param(
            [a_pod("a"), a_pod("b", "1")], {"pods": "2", "requests.cpu": "1100m", "count/pods": "2"}, id="two"
        ),
        pytest.param(
            [a_pod("a", phase="Succeeded"), a_pod("b", phase="Failed")],
            {"pods": "0", "requests.cpu": "0", "count/pods": "2"},
            id="ended Pods are only objects",
        ),
        pytest.param(
            [a_pod("a", **GOING)],
            {"pods": "1", "requests.cpu": "100m", "count/pods": "1"},
            id="one that is going still counts",
        ),
        pytest.param(
            [a_pod("a", **OVERDUE)],
            {"pods": "0", "requests.cpu": "0", "count/pods": "1"},
            id="one that should have gone does not",
        ),
    ],
)
def test_pods_count_as_long_as_they_use_something(standing: list[JSON], used: JSON) -> None:
    assert counted({"pods": "5", "requests.cpu": "2", "count/pods": "9"}, *standing) == used


def test_each_quota_counts_what_is_in_its_scopes() -> None:
    best_effort = a_pod("b")
    best_effort["spec"]["containers"] = [{"name": "c"}]
    assert counted({"pods": "5"}, a_pod("a"), best_effort, scopes=["BestEffort"]) == {"pods": "1"}
    assert counted({"pods": "5"}, a_pod("a"), best_effort, scopes=["NotBestEffort"]) == {"pods": "1"}


def test_objects_of_any_kind_are_counted_by_their_resource() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": caches.meta("d"), "spec": {}}
    assert counted({"count/deployments.apps": "2", "count/nothing.example.com": "1"}, deployment) == {
        "count/deployments.apps": "1"
    }


def test_a_quota_whose_count_is_right_is_left_alone() -> None:
    status = {"hard": {"pods": "5"}, "used": {"pods": "1"}}
    view = caches.run(resource_quota.gather(("ns", "q"), caches.lister(quota({"pods": "5"}, status), a_pod("a"))))
    assert view is not None
    assert resource_quota.decide(view, NOW).status is None


def a_service(kind: str) -> JSON:
    return {"kind": "Service", "metadata": caches.meta("s"), "spec": {"type": kind}}


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        pytest.param(a_service("NodePort"), a_service("ClusterIP"), True, id="a Service gives back its node ports"),
        pytest.param(a_service("LoadBalancer"), a_service("NodePort"), True, id="its load balancer"),
        pytest.param(a_service("ClusterIP"), a_service("ExternalName"), False, id="nothing to give back"),
        pytest.param(a_pod("a"), a_pod("a", phase="Failed"), True, id="a Pod ends"),
        pytest.param(a_pod("a", phase="Pending"), a_pod("a"), False, id="a Pod begins"),
        pytest.param(None, a_pod("a"), False, id="what comes is charged by admission"),
        pytest.param({"kind": "PersistentVolumeClaim", "metadata": caches.meta("c")}, None, True, id="a claim goes"),
    ],
)
def test_what_may_give_something_back_is_counted_anew(old: JSON | None, new: JSON | None, again: bool) -> None:
    kind = (new or old or {})["kind"]
    watch = next(each for each in resource_quota.CONTROLLER.watches if each.resource.kind == kind)
    assert watch.interesting is not None
    assert watch.interesting(old, new) is again
