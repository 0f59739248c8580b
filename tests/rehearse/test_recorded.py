"""Recordings of a real control plane: a rehearsal ends as they did, and says where it does not."""

import json
from pathlib import Path

from click.testing import CliRunner

from seatrial.cli.commands.rehearse import command
from seatrial.rehearse import recorded
from seatrial.rehearse.compared import compare

FOLDER = Path(__file__).parent / "recorded"


def test_the_command_compares_a_folder_of_recordings() -> None:
    result = CliRunner().invoke(command, ["--recorded", str(FOLDER), "-o", "json"], standalone_mode=False)
    told = json.loads(result.output)
    assert [each["name"] for each in told] == sorted(file.stem for file in FOLDER.glob("*.json"))
    assert [each["differences"] for each in told] == [[]] * len(told)
    assert result.return_value == 0


def test_what_was_recorded_otherwise_is_named(tmp_path: Path) -> None:
    told = recorded.read(FOLDER / "dep-r1-s0-u1-ready2.json")
    other = {**told, "outcome": "stalled", "max_pods": [7], "durations": [60.0]}
    (tmp_path / "other.json").write_text(json.dumps(other))
    found = compare(tmp_path / "other.json", recorded.RELEASE)
    assert {each.what for each in found.differences} == {"outcome", "max_pods", "duration"}
    result = CliRunner().invoke(command, ["--recorded", str(tmp_path)], standalone_mode=False)
    assert "0 of 1 as recorded" in result.output
    assert result.return_value == 4


def test_a_file_that_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    result = CliRunner().invoke(command, ["--recorded", str(tmp_path / "x.json")], standalone_mode=False)
    assert "this is no recording" in str(result.exception)
