"""What CI systems take: a JUnit report, a GitHub action and a pre-commit hook that call the command as it is."""

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


def test_the_action_and_the_hook_use_options_that_are_there() -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    called = action["runs"]["steps"][-1]["run"]
    assert {word for word in called.split() if word.startswith("--")} <= options
    assert hook["entry"] in called
