"""What a rehearsal prints under "What helps" is pasted into a shell, and the real kubectl takes it."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from e2e import real_clients
from e2e.kubectl_world import JSON, Kubectl
from seatrial.cli.commands.rehearse import command

CORPUS = Path(__file__).parents[1] / "rehearse" / "corpus"
SCENARIOS = {
    "stuck-quota-pods": ["deployment", "deployment", "resourcequota"],
    "stuck-limit-range": ["deployment"],
    "stuck-liveness-loop": ["deployment"],
    "stuck-tainted-nodes": ["deployment"],
    "stuck-missing-key": ["configmap"],
    "stuck-missing-secret": ["secret"],
    "stuck-service-account-missing": ["serviceaccount"],
    "stuck-scaled-beyond-the-nodes": ["deployment"],
    "stuck-budget-refuses-drain": ["poddisruptionbudget"],
    "stuck-on-delete": ["statefulset"],
    "stuck-paused": ["deployment"],
    "stuck-node-selector": ["node"],
}
"""Scenario → the kinds that its remedies change. They stand for all forms that commands have."""


def helping(name: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> list[JSON]:
    monkeypatch.chdir(CORPUS / name)
    words = shlex.split(yaml.safe_load(Path("expected.yaml").read_text())["command"])
    done = CliRunner().invoke(command, [*words[2:], "-n", namespace, "-o", "json"], standalone_mode=False)
    return [each for each in json.loads(done.stdout)["remedies"] if each["completes"]]


def manifests(name: str) -> list[JSON]:
    """What there is before the change; nodes are those of the cluster."""
    found = yaml.safe_load_all((CORPUS / name / "old.yaml").read_text())
    return [obj for obj in found if obj["kind"] != "Node"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_does_what_the_rehearsal_did(kubectl: Kubectl, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl.apply(*manifests(name))
    remedies = helping(name, kubectl.namespace, monkeypatch)
    assert [each["object"].partition("/")[0] for each in remedies] == SCENARIOS[name]
    for remedy in remedies:
        pasted = remedy["command"].replace("kubectl ", f"{real_clients.kubectl()} ")
        done = subprocess.run(
            ["sh", "-c", pasted], env=kubectl.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{remedy['command']}\n{done.stderr}"
        for obj in remedy["manifests"] or [remedy["patch"]]:
            there = kubectl.json("get", remedy["object"])
            assert contained(obj, there, remedy["patch_type"]), remedy["command"]


def contained(patch: object, there: object, patch_type: str, key: str = "") -> bool:
    """Whether it is as a patch says; what is false may be left out, and values are for the reader to fill in."""
    if isinstance(patch, dict):
        given = there if isinstance(there, dict) else {}
        return all(contained(value, given.get(name), patch_type, name) for name, value in patch.items())
    if isinstance(patch, list) and patch_type == "strategic":
        named = {each["name"]: each for each in there} if isinstance(there, list) else {}
        return all(contained(each, named.get(each["name"]), patch_type) for each in patch)
    return patch in (None, False, "") or patch == there
