"""What `seatrial rollout service` refuses before it looks at any cluster."""

import pytest
from click.testing import CliRunner

from seatrial.base.errors import ToolError
from seatrial.cli.commands import rollout_service


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one Service"),
        (["a", "b", "--image", "x"], "name one Service"),
        (["service/", "--image", "x"], "name one Service"),
        (["web"], "either --image or -f"),
        (["web", "--image", "x", "-f", "y"], "either --image or -f"),
        (["web", "--image", "x", "--wait", "30s"], "say how many Pods it has, as in --canary 1"),
        (["web", "--image", "x", "--max-unavailable", "half"], "a number of Pods or a percentage"),
        (["web", "--image", "x", "--max-unavailable", "101%"], "a number of Pods or a percentage"),
        (["web", "--image", "x", "--probe-threshold", "2"], "give a share, as in 1% or 0.01"),
        (["web", "--image", "x", "--probe-threshold", "many"], "give a share, as in 1% or 0.01"),
        (["web", "--image", "x", "--timeout", "5"], "missing unit in duration"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(rollout_service.command, arguments)
    assert isinstance(result.exception, ToolError)
    assert message in str(result.exception)
