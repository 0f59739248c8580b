"""How many Pods a metric asks for, and how fast they may come and go."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.autoscaling_v2 import horizontal_pod_autoscaler
from seatrial.base.types import JSON
from seatrial.machinery import times
from seatrial.workloads import autoscaling, load, scaling_rules
from seatrial.workloads.autoscaling import CannotTell, Sample
from seatrial.workloads.scaling_rules import Moment

NOW = times.parse_time("2025-01-01T01:00:00Z")
LONG_AGO, JUST_NOW = "2025-01-01T00:00:00Z", "2025-01-01T00:59:55Z"


def a_pod(name: str, ready: bool = True, since: str = LONG_AGO, phase: str = "Running", **meta: Any) -> JSON:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
    container = {"name": "c", "resources": {"requests": {"cpu": "100m"}}}
    return {
        "metadata": {"name": name, **meta},
        "spec": {"containers": [container]},
        "status": {"phase": phase, "startTime": since, "conditions": [condition]},
    }


def proposed(pods: list[JSON], used: dict[str, int], current: int = 0, percent: int = 50) -> tuple[int, int | None]:
    samples = {name: Sample(milli, NOW, 15) for name, milli in used.items()}
    found = autoscaling.by_utilization(current or len(pods), percent, "cpu", pods, samples, NOW)
    return found.replicas, found.utilization


A, B, C, D = (a_pod(name) for name in "abcd")


@pytest.mark.parametrize(
    ("pods", "used", "expected"),
    [
        pytest.param([A, B], {"a": 100, "b": 100}, (4, 100), id="twice the target: twice the Pods"),
        pytest.param([A, B], {"a": 50, "b": 54}, (2, 52), id="within the tolerance"),
        pytest.param([A, B, C, D], dict.fromkeys("abcd", 20), (2, 20), id="down"),
        pytest.param([A, B, a_pod("new", since=JUST_NOW)], {"a": 100, "b": 100, "new": 0}, (4, 100),
                     id="one that has just begun counts as idle on the way up"),
        pytest.param([A, B, a_pod("p", phase="Pending")], {"a": 100, "b": 100}, (4, 100), id="pending"),
        pytest.param([A, B, C, D], {"a": 10, "b": 10}, (4, 10), id="missing ones count as busy on the way down"),
        pytest.param([A, B, C], {"a": 100, "b": 100}, (4, 100), id="missing ones count as idle on the way up"),
        pytest.param([A, B, a_pod("going", deletionTimestamp=LONG_AGO)], {"a": 100, "b": 100, "going": 100}, (4, 100),
                     id="a Pod that goes does not count"),
    ],
)  # fmt: skip
def test_so_many_pods_bring_utilisation_to_the_target(
    pods: list[JSON], used: dict[str, int], expected: tuple[int, int]
) -> None:
    assert proposed(pods, used) == expected


@pytest.mark.parametrize(
    ("pods", "used", "why"),
    [
        pytest.param([], {}, "no pods returned by selector while calculating replica count", id="no Pods"),
        pytest.param([A], {}, r"did not receive metrics for targeted pods \(pods might be unready\)", id="no samples"),
        pytest.param(
            [{**A, "spec": {"containers": [{"name": "c"}]}}],
            {"a": 5},
            "missing request for cpu in container c of Pod a",
            id="no request",
        ),
    ],
)
def test_what_can_not_be_told(pods: list[JSON], used: dict[str, int], why: str) -> None:
    with pytest.raises(CannotTell, match=why):
        proposed(pods, used)


def test_exactly_at_the_target_a_pod_without_a_word_counts_as_idle_for_amounts_only() -> None:
    """As calcPlainMetricReplicas and GetResourceReplicas differ."""
    samples = {name: Sample(50, NOW, 15) for name in "ab"}
    assert autoscaling.by_average(3, 50, "cpu", [A, B, C], samples, NOW).replicas == 2
    assert autoscaling.by_utilization(3, 50, "cpu", [A, B, C], samples, NOW).replicas == 3


@given(st.integers(1, 20), st.integers(0, 400), st.integers(10, 90))
def test_with_as_many_pods_as_proposed_utilisation_is_within_tolerance(count: int, milli: int, percent: int) -> None:
    pods = [a_pod(f"p{i}") for i in range(count)]
    replicas, _ = proposed(pods, {f"p{i}": milli for i in range(count)}, percent=percent)
    assert replicas * percent >= count * milli / (1 + autoscaling.TOLERANCE) - percent


def spec(behavior: JSON | None = None, least: int = 1, most: int = 100) -> JSON:
    reference = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    obj: JSON = {"spec": {"minReplicas": least, "maxReplicas": most, "scaleTargetRef": reference}}
    if behavior is not None:
        obj["spec"]["behavior"] = behavior
    horizontal_pod_autoscaler.default(obj)
    made: JSON = obj["spec"]
    return made


PODS_PER_MINUTE = {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}
TENTH = {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}


@pytest.mark.parametrize(
    ("rules", "current", "wanted", "past", "expected"),
    [
        pytest.param(spec(), 3, 20, {}, (6, "ReadyForNewScale", "ScaleUpLimit"), id="at most twice as many"),
        pytest.param(spec(), 1, 20, {}, (4, "ReadyForNewScale", "ScaleUpLimit"), id="but four at least"),
        pytest.param(spec(most=5), 3, 20, {}, (5, "ReadyForNewScale", "TooManyReplicas"), id="the most"),
        pytest.param(spec(least=2), 3, 1, {}, (2, "ReadyForNewScale", "TooFewReplicas"), id="the least"),
        pytest.param(spec(), 3, 2, {}, (2, "ReadyForNewScale", "DesiredWithinRange"), id="down"),
        pytest.param(
            spec(), 3, 2, {"recommended": [(200, 3)]}, (3, "ScaleDownStabilized", "DesiredWithinRange"), id="not yet"
        ),
        pytest.param(
            spec(), 3, 2, {"recommended": [(301, 3)]}, (2, "ReadyForNewScale", "DesiredWithinRange"), id="now"
        ),
        pytest.param(
            spec({"scaleUp": PODS_PER_MINUTE}), 3, 20, {}, (5, "ReadyForNewScale", "ScaleUpLimit"), id="two at a time"
        ),
        pytest.param(
            spec({"scaleUp": PODS_PER_MINUTE}),
            5,
            20,
            {"scaled": [(30, 2)]},
            (5, "ReadyForNewScale", "ScaleUpLimit"),
            id="no more in this minute",
        ),
        pytest.param(
            spec({"scaleDown": {"stabilizationWindowSeconds": 0, **TENTH}}),
            50,
            1,
            {},
            (45, "ReadyForNewScale", "ScaleDownLimit"),
            id="a tenth down",
        ),
        pytest.param(
            spec({"scaleDown": {"selectPolicy": "Disabled"}}),
            5,
            1,
            {"recommended": [(400, 5)]},
            (5, "ReadyForNewScale", "ScaleDownLimit"),
            id="never down",
        ),
        pytest.param(
            spec({"scaleUp": {"stabilizationWindowSeconds": 60}}),
            3,
            6,
            {"recommended": [(30, 4)]},
            (4, "ScaleUpStabilized", "DesiredWithinRange"),
            id="up by the least that was wanted",
        ),
    ],
)
def test_rules_slow_down_what_metrics_want(
    rules: JSON, current: int, wanted: int, past: dict[str, list[tuple[int, int]]], expected: tuple[int, str, str]
) -> None:
    recommended, scaled = ([Moment(NOW - age, n) for age, n in past.get(k, [])] for k in ("recommended", "scaled"))
    found = scaling_rules.allowed(rules, current, wanted, recommended, scaled, NOW)
    assert (found.replicas, found.able.reason, found.told.reason) == expected


@given(
    st.integers(1, 30), st.integers(0, 200), st.lists(st.tuples(st.integers(0, 900), st.integers(0, 99)), max_size=5)
)
def test_whatever_was_wanted_the_size_stays_between_least_and_most(
    current: int, wanted: int, past: list[tuple[int, int]]
) -> None:
    for behavior in (None, {}, {"scaleUp": PODS_PER_MINUTE, "scaleDown": TENTH}):
        rules = spec(behavior, least=1, most=30)
        recommended = [Moment(NOW - age, number) for age, number in past]
        assert 1 <= scaling_rules.allowed(rules, current, wanted, recommended, [], NOW).replicas <= 30


def test_a_load_curve_is_straight_between_its_points_and_level_outside() -> None:
    curve = load.parse_curve("10s=500m, 20s=1.5 1m=0")
    assert [curve.at(at) for at in (0, 10, 15, 20, 40, 60, 999)] == [0.5, 0.5, 1.0, 1.5, 0.75, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no points"),
        ("5", "has no '='"),
        ("20s=1 10s=2", "not in order of time"),
        ("soon=1", "times are written like 90s or 5m"),
        ("5s=much", "amounts like 500m"),
    ],
)
def test_a_curve_that_can_not_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load.parse_curve(text)


def test_loads_from_a_file_count_from_its_beginning() -> None:
    found = load.from_documents([{"target": "web", "points": {"0s": "1", "1m": "3"}}], 1000.0)
    assert found("default", "web", "cpu", 1030.0) == 2.0
    assert found("default", "other", "cpu", 1030.0) is None
    assert found("default", "web", "memory", 1030.0) is None
