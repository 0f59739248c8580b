"""Autoscalers: defaults, validation, the cells of `kubectl get hpa`, and their old version."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.autoscaling_v1 import horizontal_pod_autoscaler as v1
from seatrial.api.autoscaling_v2 import horizontal_pod_autoscaler as v2
from seatrial.api.autoscaling_v2 import metric_targets
from seatrial.base.types import JSON


def an_autoscaler(**spec: Any) -> JSON:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    made: JSON = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": reference, "maxReplicas": 5, **spec}}
    v2.default(made)
    return made


def test_without_metrics_it_is_eighty_percent_of_the_cpu() -> None:
    spec = an_autoscaler()["spec"]
    assert (spec["minReplicas"], spec["metrics"]) == (1, [metric_targets.cpu(80)])
    assert "behavior" not in spec


def test_a_behavior_gets_what_it_leaves_out() -> None:
    behavior = an_autoscaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 60}})["spec"]["behavior"]
    assert behavior["scaleDown"] == {
        "stabilizationWindowSeconds": 60,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    }
    assert [policy["value"] for policy in behavior["scaleUp"]["policies"]] == [4, 100]


def external(**target: Any) -> JSON:
    return {"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        ({"minReplicas": 0}, "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"),
        ({"minReplicas": 9}, "spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"),
        ({"scaleTargetRef": {"kind": "Deployment"}}, "spec.scaleTargetRef.name: Required value"),
        (
            {"metrics": [{"type": "Luck"}]},
            'spec.metrics[0].type: Unsupported value: "Luck": supported values: "ContainerResource", "External", '
            '"Object", "Pods", "Resource"',
        ),
        (
            {"metrics": [{"type": "Resource"}]},
            "spec.metrics[0].resource: Required value: must populate information for the given metric source",
        ),
        (
            {"metrics": [metric_targets.cpu(0)]},
            "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
        ),
        (
            {"metrics": [external(type="Value", value="0")]},
            'spec.metrics[0].external.target.value: Invalid value: "0": must be positive',
        ),
        (
            {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601}}},
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
        ),
        (
            {"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]}}},
            "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        ),
        (
            {"behavior": {"scaleDown": {"selectPolicy": "Best"}}},
            'spec.behavior.scaleDown.selectPolicy: Unsupported value: "Best": supported values: "Disabled", "Max", '
            '"Min"',
        ),
    ],
)
def test_what_is_wrong_is_told(spec: JSON, told: str) -> None:
    assert told in [str(error) for error in v2.validate(an_autoscaler(**spec))]


def test_a_good_one_has_no_errors() -> None:
    metrics = [metric_targets.cpu(50), external(type="AverageValue", averageValue="30")]
    assert v2.validate(an_autoscaler(metrics=metrics, behavior={})) == []


@pytest.mark.parametrize(
    ("metrics", "measured", "cell"),
    [
        ([metric_targets.cpu(80)], [], "cpu: <unknown>/80%"),
        (
            [metric_targets.cpu(80)],
            [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 45}}}],
            "cpu: 45%/80%",
        ),
        (
            [external(type="AverageValue", averageValue="30")],
            [{"type": "External", "external": {"current": {"averageValue": "12"}}}],
            "12/30 (avg)",
        ),
        ([metric_targets.cpu(n) for n in (1, 2, 3)], [], "cpu: <unknown>/1%, cpu: <unknown>/2% + 1 more..."),
    ],
)
def test_the_cell_of_targets(metrics: list[JSON], measured: list[JSON], cell: str) -> None:
    assert metric_targets.shown(metrics, measured) == cell


def test_the_old_version_has_the_share_of_the_cpu_as_a_field() -> None:
    old = {"metadata": {"name": "web"}, "spec": {"maxReplicas": 5, "targetCPUUtilizationPercentage": 60}}
    stored = v1.RESOURCE.to_stored(old)
    assert stored["spec"]["metrics"] == [metric_targets.cpu(60)]
    assert v1.RESOURCE.from_stored(stored)["spec"] == old["spec"]


METRICS = st.lists(
    st.one_of(
        st.integers(1, 100).map(metric_targets.cpu),
        st.integers(1, 9).map(lambda value: external(type="Value", value=str(value))),
    ),
    min_size=1,
    max_size=3,
)


@given(METRICS, st.booleans())
def test_nothing_is_lost_on_the_way_through_the_old_version(metrics: list[JSON], behaves: bool) -> None:
    stored = an_autoscaler(metrics=metrics, **({"behavior": {}} if behaves else {}))
    back = v1.RESOURCE.to_stored(v1.RESOURCE.from_stored(stored))
    assert back["spec"].get("behavior") == stored["spec"].get("behavior")
    assert sorted(map(repr, back["spec"]["metrics"])) == sorted(map(repr, metrics))
