"""PodDisruptionBudgets: what is refused, what new ones look like, columns."""

from typing import Any

import pytest

from seatrial.api.registry import POD_DISRUPTION_BUDGETS as RESOURCE
from seatrial.base.types import JSON


def a_budget(**spec: Any) -> JSON:
    made: JSON = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "x"}}, **spec}}
    RESOURCE.default(made)
    RESOURCE.prepare_for_create(made)
    return made


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        pytest.param({"minAvailable": -1}, "must be greater than or equal to 0", id="negative"),
        pytest.param({"maxUnavailable": "101%"}, "must not be greater than 100%", id="more than all"),
        pytest.param({"minAvailable": "x"}, "a valid percent string must be", id="no number"),
        pytest.param(
            {"minAvailable": 1, "maxUnavailable": 1}, "minAvailable and maxUnavailable cannot be both set", id="both"
        ),
        pytest.param(
            {"unhealthyPodEvictionPolicy": "Never"},
            'supported values: "AlwaysAllow", "IfHealthyBudget"',
            id="an unknown policy",
        ),
        pytest.param(
            {"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}},
            "not a valid selector operator",
            id="an unknown operator",
        ),
    ],
)
def test_a_budget_that_can_not_be_is_refused(spec: JSON, error: str) -> None:
    (found,) = RESOURCE.validate(a_budget(**spec))
    assert error in str(found)


@pytest.mark.parametrize("spec", [{}, {"minAvailable": 0}, {"maxUnavailable": "100%"}], ids=str)
def test_a_budget_with_at_most_one_limit_is_good(spec: JSON) -> None:
    assert not RESOURCE.validate(a_budget(**spec))


def test_a_new_budget_allows_nothing_yet() -> None:
    made = a_budget(minAvailable="50%")
    assert set(made["status"].values()) == {0}
    made["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    assert list(RESOURCE.row(made, 1_735_689_660.0)) == ["web", "50%", "N/A", 0, "60s"]
