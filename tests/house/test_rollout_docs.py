"""docs/rollout.md says what the code does."""

import re
from pathlib import Path

from seatrial.cli.commands import rollout_service
from seatrial.rollout.service import ending

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rollout.md").read_text()


def test_every_exit_code_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z]\w+) \|", TEXT, re.MULTILINE)
    assert {reason: int(code) for code, reason in rows} == ending.EXIT_CODES
    bare = {int(code) for code in re.findall(r"^\| (\d+) \|  ?\|", TEXT, re.MULTILINE)}
    assert {ending.ROLLED, ending.ERROR, ending.UNDO_FAILED, rollout_service.INTERRUPTED} == bare


def test_every_option_of_rollout_service_is_documented() -> None:
    options = {option for param in rollout_service.command.params for option in param.opts if option.startswith("--")}
    short = {"--filename": "-f", "--output": "-o", "--namespace": "-n"}
    assert [option for option in sorted(options) if short.get(option, option) not in TEXT] == []
