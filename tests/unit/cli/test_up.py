"""Options of `seatrial up`."""

import click
import pytest

from seatrial.cli.commands import up
from seatrial.cluster.config import ClusterConfig


@pytest.mark.parametrize(
    ("given", "seconds"), [("3", 3.0), ("3s", 3.0), ("500ms", 0.5)], ids=["bare", "seconds", "milliseconds"]
)
def test_the_lag_of_endpoints_is_a_duration_and_reaches_a_detached_cluster(given: str, seconds: float) -> None:
    def lag(*arguments: str) -> float:
        context = up.command.make_context("up", list(arguments))
        found: float = context.params["endpoint_lag"]
        return found

    assert lag() == 0
    assert lag("--endpoint-lag", given) == seconds
    passed_on = up._arguments(ClusterConfig(name="x", endpoint_lag=seconds))
    assert lag(*passed_on[1:]) == seconds
    assert "--endpoint-lag" not in up._arguments(ClusterConfig(name="x"))


def test_a_lag_that_is_no_duration_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="not a duration"):
        up.command.make_context("up", ["--endpoint-lag", "soon"])
