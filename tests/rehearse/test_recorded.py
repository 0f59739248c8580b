"""Recordings of a real control plane: a rehearsal ends as they did, and says where it does not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from seatrial.base.errors import ToolError
from seatrial.cli.commands.rehearse import command
from seatrial.rehearse.recordings import figures, recorded
from seatrial.rehearse.recordings.compared import compare

FOLDER = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_a_rehearsal_does_what_the_real_control_plane_did(file: Path) -> None:
    found = compare(file, recorded.RELEASE)
    assert not found.differences


def test_only_what_was_recorded_on_a_busy_control_plane_may_be_compared_at_its_pace() -> None:
    quiet, busy = (recorded.read(FOLDER / f"{name}.json") for name in ("dep-crashloop-r4", "dep-rollover-r10"))
    assert recorded.paces(quiet) == ["quiet"]
    assert recorded.paces(busy) == ["quiet", "busy"]
    assert compare(FOLDER / "dep-rollover-r10.json", recorded.RELEASE).pace == "busy"


def test_a_daemon_set_of_a_later_release_wastes_none_of_its_budget() -> None:
    found = compare(FOLDER / "ds-roll-mu50pct-n6.json", "1.32")
    assert {each.what for each in found.differences} == {"duration"}
    assert found.figures.duration is not None
    assert found.figures.duration < 8.5


def test_pods_that_wait_for_a_node_back_off_longer_with_the_scheduler_of_1_20(tmp_path: Path) -> None:
    """It tried again as soon as it had written why a Pod waits: about 5 s a wave instead of 4."""
    told = recorded.read(FOLDER / "dep-antiaffinity-r3-n3.json")
    deployment = next(each for each in told["initial"] if each["kind"] == "Deployment")
    deployment["spec"]["replicas"] = 4
    told["nodes"].append({**told["nodes"][0], "name": "node-3", "labels": {"kubernetes.io/hostname": "node-3"}})
    seconds = {release: figures.of(recorded.play(told, release)).duration for release in ("1.20", "1.32")}
    assert seconds == {"1.20": pytest.approx(19.7, abs=1), "1.32": pytest.approx(16.4, abs=0.5)}


def test_the_command_compares_a_folder_of_recordings(tmp_path: Path) -> None:
    for name in ("dep-noop-and-meta-r3.json", "rs-image-nothing.json"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    result = CliRunner().invoke(command, ["--recorded", str(tmp_path), "-o", "json"], standalone_mode=False)
    told = json.loads(result.output)
    assert [(each["name"], each["differences"]) for each in told] == [
        ("dep-noop-and-meta-r3", []),
        ("rs-image-nothing", []),
    ]
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


def test_a_folder_without_recordings_is_no_success(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--recorded", str(tmp_path)], standalone_mode=False)
    assert "no recording (.json) in this folder" in str(result.exception)


def test_a_step_that_nobody_knows_is_told() -> None:
    told = recorded.read(FOLDER / "dep-r1-s0-u1-ready2.json")
    with pytest.raises(ToolError, match="a step 'pod_of', which is not known"):
        recorded.play({**told, "steps": [{"op": "pod_of", "at": 0}]})


def test_a_step_on_a_pod_that_is_not_there_is_refused_and_noted() -> None:
    told = recorded.read(FOLDER / "dep-r1-s0-u1-ready2.json")
    played = recorded.play({**told, "steps": [{"op": "delete_pod", "owner": "rs1", "nth": 9, "at": 0}]})
    assert played.problems == ['delete_pod: pods "rs1#9" not found']


def test_a_file_that_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    result = CliRunner().invoke(command, ["--recorded", str(tmp_path / "x.json")], standalone_mode=False)
    assert "this is no recording" in str(result.exception)
