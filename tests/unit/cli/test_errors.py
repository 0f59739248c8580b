"""Errors that end a command are a line and an exit code."""

import click
import pytest

from seatrial.base.errors import StatusError, ToolError
from seatrial.cli import main
from seatrial.machinery import status


def test_wrong_usage_ends_with_1_in_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["bogus"], *([name, "--bogus"] for name in main.COMMANDS)):
        monkeypatch.setattr("sys.argv", ["seatrial", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert ended.value.code == 1, words


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
