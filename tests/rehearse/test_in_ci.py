"""What CI systems take: a JUnit report, a GitHub action and a pre-commit hook that call the command as it is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

from seatrial.cli.commands.rehearse import COMPLETES, HANGS, command

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize(("image", "code", "failures"), [("app=shop:2", HANGS, "1"), ("app=shop:1", COMPLETES, "0")])
def test_the_report_says_what_people_are_told(tmp_path: Path, image: str, code: int, failures: str) -> None:
    file = tmp_path / "out.xml"
    old = str(CORPUS / "stuck-finalizer" / "old.yaml")
    arguments = ["--old", old, "--nodes", "2x4cpu,8Gi", "deployment/shop", "--image", image, "--junit", str(file)]
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    suite = ElementTree.parse(file).getroot()
    assert (result.return_value, suite.get("failures")) == (code, failures)
    (case,) = suite
    (told,) = case
    assert (told.text or "").splitlines()[0] == result.output.splitlines()[0]
    assert told.get("message") == (result.output.splitlines()[0] if code else None)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--min-available", "4"], "3 Pods available, and --min-available is 4"),
        (["--max-duration", "3s"], r"it takes [678]\.\d+s, and --max-duration is 3s"),
        (
            ["--trials", "2", "--max-duration", "3s"],
            r"the worst of 2 trials takes [6789]\.\d+s, and --max-duration is 3s",
        ),
        (["--image", "shop", "--strict"], "it completes with warnings, and --strict is given: mutable-tag"),
    ],
)
def test_the_report_of_what_was_not_kept_says_what(tmp_path: Path, option: list[str], told: str) -> None:
    file, old = tmp_path / "out.xml", str(CORPUS / "completes-plain" / "old.yaml")
    arguments = ["--old", old, "--restart", *option, "--junit", str(file)]
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    said = result.stderr.splitlines()[-1]
    assert re.fullmatch(f"error: {told}", said)
    (failure,) = ElementTree.parse(file).getroot().iter("failure")
    assert (f"error: {failure.get('message')}", failure.get("type")) == (said, "unkept")
    assert (failure.text or "").splitlines()[-1] == said


def test_what_can_not_be_rehearsed_is_an_error_in_the_report(tmp_path: Path) -> None:
    file, old = tmp_path / "out.xml", str(CORPUS / "completes-plain" / "old.yaml")
    arguments = ["--old", old, "deployment/wbe", "--restart", "--junit", str(file)]
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    suite = ElementTree.parse(file).getroot()
    (error,) = suite.iter("error")
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    assert error.get("message") == f"error: {result.exception}"


def test_a_report_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    old = str(CORPUS / "completes-plain" / "old.yaml")
    for option in ("--junit", "--report"):
        arguments = ["--old", old, "--restart", option, str(tmp_path / "nowhere" / "out")]
        result = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert "can't be written" in str(result.exception)


def test_the_action_and_the_hook_use_options_that_are_there() -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    called = action["runs"]["steps"][-1]["run"]
    assert {word for word in called.split() if word.startswith("--")} <= options
    assert hook["entry"] in called


@pytest.mark.parametrize(("image", "code"), [("app=shop:2", HANGS), ("app=shop:1", COMPLETES)])
def test_the_step_of_the_action_ends_as_the_rehearsal_and_its_summary_has_the_verdict(
    tmp_path: Path, image: str, code: int
) -> None:
    old = CORPUS / "stuck-finalizer" / "old.yaml"
    given = {"arguments": f"--old {old} --nodes 2x4cpu,8Gi\ndeployment/shop\n--image {image}"}
    ended = run_step(tmp_path, given)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout.splitlines()[0] in (tmp_path / "summary.md").read_text().splitlines()
    assert {"seatrial-rehearse.xml", "seatrial-rehearse.html"} <= {file.name for file in tmp_path.iterdir()}


def run_step(folder: Path, given: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The action's last step as GitHub's runner runs it: its inputs in the environment, bash that stops at an error."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    inputs = {name: given.get(name, each.get("default", "")) for name, each in action["inputs"].items()}
    own = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) }}", lambda m: inputs[m[1]], value) for name, value in step["env"].items()
    }
    runner = {"RUNNER_TEMP": str(folder), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [step["shell"], "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, **runner, **own, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
