"""What the disruption controller makes of a budget and its Pods."""

from typing import Any

import pytest

from seatrial.base.types import JSON
from seatrial.controllers import disruption
from seatrial.controllers.disruption import View
from seatrial.machinery import conditions, times
from seatrial.reconcile.decision import Event
from unit.controllers import caches

NOW = 1_735_689_700.0


def budget(disrupted: dict[str, str] | None = None, **spec: Any) -> JSON:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": caches.meta("pdb", generation=3),
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": {"disruptedPods": disrupted} if disrupted else {},
    }


def counts(view: View) -> tuple[int, int, int, int]:
    """(expected, desired, current, allowed)."""
    status = (disruption.decide(view, NOW).status or view.budget)["status"]
    return tuple(status[name] for name in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"))


def pods(ready: int, unready: int = 0, **more: Any) -> tuple[JSON, ...]:
    return tuple(caches.pod(f"p{number}", "10.0.0.1", number < ready, **more) for number in range(ready + unready))


@pytest.mark.parametrize(
    ("spec", "guarded", "scale", "told"),
    [
        pytest.param({"minAvailable": 2}, pods(3), 0, (3, 2, 3, 1), id="a number of Pods"),
        pytest.param({"minAvailable": 2}, pods(1), 0, (1, 2, 1, 0), id="too few"),
        pytest.param({"minAvailable": "50%"}, pods(5), 5, (5, 3, 5, 2), id="a share, rounded up"),
        pytest.param({"maxUnavailable": 1}, pods(3, 1), 4, (4, 3, 3, 0), id="one is unavailable already"),
        pytest.param({"maxUnavailable": "30%"}, pods(4), 4, (4, 2, 4, 2), id="a share that may be missing"),
        pytest.param({"maxUnavailable": 9}, pods(3), 3, (3, 0, 3, 3), id="more than there are"),
        pytest.param({"minAvailable": 0}, (), 0, (0, 0, 0, 0), id="no Pods"),
        pytest.param({}, pods(3), 0, (0, 0, 3, 0), id="no limit"),
        pytest.param(
            {"minAvailable": 1},
            pods(2, deletionTimestamp="2025-01-01T00:00:00Z"),
            0,
            (2, 1, 0, 0),
            id="Pods that are being deleted",
        ),
    ],
)
def test_healthy_pods_beyond_what_must_stay_may_be_evicted(
    spec: JSON, guarded: tuple[JSON, ...], scale: int, told: tuple[int, int, int, int]
) -> None:
    view = View(budget(**spec), guarded, scale)
    assert counts(view) == told
    status = (disruption.decide(view, NOW).status or {})["status"]
    condition = conditions.find(status, "DisruptionAllowed") or {}
    enough = ("True", "SufficientPods") if told[3] else ("False", "InsufficientPods")
    assert (condition["status"], condition["reason"], condition["observedGeneration"]) == (*enough, 3)


def test_an_allowed_eviction_counts_until_the_pod_goes_and_for_two_minutes_at_most() -> None:
    recent, old = times.format_time(NOW - 20), times.format_time(NOW - 121)
    view = View(budget({"p0": recent, "p1": old, "gone": recent}, minAvailable=1), pods(3))
    decision = disruption.decide(view, NOW)
    assert decision.status is not None
    assert decision.status["status"]["disruptedPods"] == {"p0": recent}
    assert counts(view) == (3, 1, 2, 1)
    assert decision.requeue_after == 100
    assert [each.message for each in decision.actions if isinstance(each, Event)] == [
        "Pod was expected by PDB ns/pdb to be deleted but it wasn't"
    ]


def test_a_budget_in_order_is_left_alone() -> None:
    first = disruption.decide(View(budget(minAvailable=1), pods(3)), NOW).status
    assert first is not None
    assert disruption.decide(View(first, pods(3)), NOW + 60).status is None


def test_pods_of_a_controller_without_a_scale_make_the_budget_fail() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "uid-d", "controller": True}
    guarded = caches.pod("p", "10.0.0.1", ownerReferences=[owner])
    standing = budget(maxUnavailable=1)
    view = caches.run(disruption.gather(("ns", "pdb"), caches.lister(standing, guarded)))
    assert view is not None
    decision = disruption.decide(view, NOW)
    assert decision.status is not None
    condition = conditions.find(decision.status, "DisruptionAllowed") or {}
    assert (condition["reason"], condition["message"]) == (
        "SyncFailed",
        "daemonsets.apps does not implement the scale subresource",
    )
    assert [(each.reason, each.message) for each in decision.actions if isinstance(each, Event)] == [
        (
            "CalculateExpectedPodCountFailed",
            "Failed to calculate the number of expected pods: daemonsets.apps does not implement the scale subresource",
        )
    ]


def owned(kind: str, name: str, group: str = "apps/v1") -> list[JSON]:
    return [{"apiVersion": group, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


@pytest.mark.parametrize(
    ("above", "pod_owner", "scale", "problem"),
    [
        pytest.param(owned("Rollout", "web", "argoproj.io/v1"), owned("ReplicaSet", "rs"), 9, "", id="something else"),
        pytest.param(owned("Deployment", "gone"), owned("ReplicaSet", "rs"), 9, "", id="a Deployment that is gone"),
        pytest.param(
            [], owned("ReplicaSet", "gone"), 0, 'found no controllers for pod "p"', id="a ReplicaSet that is gone"
        ),
        pytest.param(
            [], owned("Fleet", "f", "x.io/v1"), 0, 'no matches for kind "Fleet" in version "x.io/v1"', id="unknown"
        ),
    ],
)
def test_a_replica_set_counts_itself_where_no_deployment_does(
    above: list[JSON], pod_owner: list[JSON], scale: int, problem: str
) -> None:
    made = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": caches.meta("rs", ownerReferences=above),
        "spec": {"replicas": 9},
    }
    guarded = caches.pod("p", ownerReferences=pod_owner)
    standing = budget(maxUnavailable=1)
    view = caches.run(disruption.gather(("ns", "pdb"), caches.lister(standing, made, guarded)))
    assert view is not None
    assert (view.scale, view.problem) == (scale, problem)


def test_pods_without_a_controller_are_told_of_where_the_scale_matters() -> None:
    standing = budget(maxUnavailable=1)
    view = caches.run(disruption.gather(("ns", "pdb"), caches.lister(standing, caches.pod("p", "10.0.0.1"))))
    assert view is not None
    [told] = [each for each in disruption.decide(view, NOW).actions if isinstance(each, Event)]
    assert (told.reason, told.message) == (
        "UnmanagedPods",
        "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},"
        "MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the "
        "PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
        'set ".spec.minAvailable" field of the PDB to an integer value.',
    )


def test_the_scale_is_that_of_the_deployment_above_the_replica_set() -> None:
    sets = [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": caches.meta(name, ownerReferences=owned("Deployment", "web")),
            "spec": {"replicas": 9},
        }
        for name in ("old", "new")
    ]
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": caches.meta("web"), "spec": {"replicas": 4}}
    guarded = [caches.pod(f"p-{name}", ownerReferences=owned("ReplicaSet", name)) for name in ("old", "new")]
    standing = budget(minAvailable="50%")
    view = caches.run(disruption.gather(("ns", "pdb"), caches.lister(standing, web, *sets, *guarded)))
    assert view is not None
    assert (view.scale, view.problem, len(view.pods)) == (4, "", 2)
