"""Errors that end a command are a line and an exit code."""

import click
import pytest

from seatrial.base.errors import StatusError, ToolError
from seatrial.cli import main
from seatrial.machinery import status


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (ToolError("no such file", 5), "error: no such file", 5),
        (StatusError(status.failure(404, "NotFound", "pods is gone")), "Error from server (NotFound): pods is gone", 1),
        (ConnectionError("can't reach it: refused"), "error: can't reach it: refused", 1),
    ],
)
def test_an_error_is_a_line(
    error: Exception, told: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command
    def command() -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["x"])
    with pytest.raises(SystemExit) as ended:
        main.exit_with(command, "x")
    assert (capsys.readouterr().err, ended.value.code) == (f"{told}\n", code)
