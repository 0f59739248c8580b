"""docs/rehearse.md says what the code does."""

from pathlib import Path

from seatrial.cli.commands import rehearse
from seatrial.rehearse import faults
from seatrial.rehearse.behaviour import behaviour_file

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rehearse.md").read_text()


def test_every_option_is_documented() -> None:
    options = {option for param in rehearse.command.params for option in param.opts if option.startswith("--")}
    short = {"--filename": "-f", "--output": "-o", "--namespace": "-n"}
    assert [option for option in sorted(options) if short.get(option, option) not in TEXT] == []


def test_every_key_of_a_behaviour_file_is_documented() -> None:
    assert [key for key in behaviour_file.KEYS if f"`{key}`" not in TEXT] == []


def test_every_fault_has_its_row() -> None:
    assert [kind for kind in faults.KINDS if f"| `{kind}" not in TEXT] == []
