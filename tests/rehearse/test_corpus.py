"""The corpus: updates as users write them, and what is known to come of them (corpus/README.md).

Each folder is a scenario that anybody can go into and run: `expected.yaml` has the command and what it has to say.
"""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from seatrial.base.types import JSON
from seatrial.cli.commands.rehearse import command
from seatrial.rehearse.rules import catalogue
from seatrial.rehearse.rules.named_causes import CAUSES

CORPUS = Path(__file__).parent / "corpus"
EXPECTATIONS = {folder.name: yaml.safe_load((folder / "expected.yaml").read_text()) for folder in CORPUS.glob("*/")}
FACTS = ("min_available", "max_pods")
KNOWN = {
    "sentence",
    "command",
    "verdict",
    "reason",
    "rule",
    "warnings",
    "remedy",
    "condition",
    "also",
    "assumption",
    *FACTS,
}


def scenarios() -> list[Any]:
    every = sorted(EXPECTATIONS.items())
    return [pytest.param(CORPUS / name, expected, id=expected["sentence"]) for name, expected in every]


@pytest.mark.parametrize(("folder", "expected"), scenarios())
def test_it_is_foreseen(folder: Path, expected: JSON, monkeypatch: pytest.MonkeyPatch) -> None:
    result = rehearsed(folder, expected["command"], monkeypatch)
    assert result["verdict"] == expected["verdict"], result["headline"]
    facts = [fact for fact in FACTS if fact in expected]
    assert [result[fact] for fact in facts] == [expected[fact] for fact in facts]
    warnings = {each["rule"] for each in result["findings"] if each["severity"] == "warning"}
    assert set(expected.get("warnings", ())) <= warnings
    assert len(set(result["assumptions"])) == len(result["assumptions"]), "each is told once"
    if "assumption" in expected:
        assert [each for each in result["assumptions"] if re.search(expected["assumption"], each)]
    if expected["verdict"] == "hangs":
        assert_explained(result, expected)
    if "condition" in expected:
        of_workload = next(iter(result["conditions"].values()))
        assert expected["condition"] in [[each["type"], each["status"], each["reason"]] for each in of_workload]


def rehearsed(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> JSON:
    monkeypatch.chdir(folder)
    words = shlex.split(line)
    assert words[:2] == ["seatrial", "rehearse"]
    done = CliRunner().invoke(command, [*words[2:], "-o", "json"], standalone_mode=False, catch_exceptions=False)
    found: JSON = json.loads(done.stdout)
    return found


def assert_explained(result: JSON, expected: JSON) -> None:
    """Who hangs is told why, by a rule that has a page, and what would help where something does."""
    cause = next(each for each in result["findings"] if each["severity"] == "problem")
    assert result["decided_by"] == ("refused" if cause["rule"] == "change-refused" else "standstill")
    assert re.search(expected["reason"], result["reason"]), result["reason"]
    assert cause["rule"] == expected["rule"], result["reason"]
    assert result["evidence"]
    assert set(expected.get("also", ())) <= {each["rule"] for each in result["findings"]}
    for remedy in result["remedies"]:
        assert_can_be_pasted(remedy["command"])
    helping = [each["title"] for each in result["remedies"] if each["completes"]]
    assert helping[:1] == ([expected["remedy"]] if "remedy" in expected else [])


def assert_can_be_pasted(command: str) -> None:
    """kubectl's words, and patches that are JSON. What they do is seen in the rehearsal of the remedy."""
    for one in re.split(r" (?:&&|\|) ", command):
        words = shlex.split(one)
        assert words[0] in ("kubectl", "xargs"), command
        assert all(json.loads(patch) for option, patch in pairwise(words) if option == "-p")


def test_every_scenario_says_what_it_is() -> None:
    for name, expected in EXPECTATIONS.items():
        assert set(expected) <= KNOWN, name
        assert name.startswith("stuck-" if expected["verdict"] == "hangs" else "completes-"), name
        assert expected["verdict"] == "completes" or {"reason", "rule"} <= set(expected), name


def test_the_corpus_is_large_enough_to_be_believed() -> None:
    verdicts = [expected["verdict"] for expected in EXPECTATIONS.values()]
    assert verdicts.count("hangs") >= 40
    assert verdicts.count("completes") >= verdicts.count("hangs")
    assert len({expected["sentence"] for expected in EXPECTATIONS.values()}) == len(verdicts)


def test_causes_are_rules_with_a_page() -> None:
    rules = {expected["rule"] for expected in EXPECTATIONS.values() if "rule" in expected}
    assert rules <= {*(each.id for each in CAUSES), *(each.id for each in catalogue.WARNINGS)}
