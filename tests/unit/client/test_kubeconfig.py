"""Kubeconfig files: several merged, paths, what is missing, and writing without losing anything."""

import os
from pathlib import Path

import pytest
import yaml

from seatrial.base.errors import ToolError
from seatrial.client import kubeconfig

ONE = """
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: "https://dev:6443/", certificate-authority: pki/ca.crt}
contexts:
- name: dev
  context: {cluster: dev, user: me, namespace: team}
users:
- name: me
  user: {token: secret}
"""
TWO = """
current-context: prod
clusters:
- {name: prod, cluster: {server: "https://prod:6443", insecure-skip-tls-verify: true}}
- {name: dev, cluster: {server: "https://other:6443"}}
contexts:
- {name: prod, context: {cluster: prod, user: robot}}
users:
- name: robot
  user:
    exec: {command: login, args: [now], env: [{name: A, value: b}], apiVersion: client.authentication.k8s.io/v1beta1}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    one, two = tmp_path / "one" / "config", tmp_path / "two" / "config"
    for path, text in ((one, ONE), (two, TWO)):
        path.parent.mkdir()
        path.write_text(text)
    (tmp_path / "one" / "pki").mkdir()
    (tmp_path / "one" / "pki" / "ca.crt").write_bytes(b"authority")
    return one, two


def test_the_current_context_says_all(files: tuple[Path, Path]) -> None:
    access = kubeconfig.load(files[0])
    assert (access.server, access.namespace, access.token) == ("https://dev:6443", "team", "secret")
    assert access.ca_data == b"authority"


def test_of_several_files_the_first_to_say_something_wins(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
    assert kubeconfig.load().server == "https://dev:6443"
    prod = kubeconfig.load(context="prod")
    assert (prod.server, prod.insecure, prod.namespace) == ("https://prod:6443", True, "default")
    assert prod.exec_plugin is not None
    assert prod.exec_plugin.command == ("login", "now")
    assert prod.exec_plugin.environment == {"A": "b"}


@pytest.mark.parametrize(
    ("text", "context", "problem"),
    [
        pytest.param("clusters: [", "", "while parsing", id="no YAML"),
        pytest.param("[]", "", "is not a mapping", id="no mapping"),
        pytest.param("kind: Config", "", "no current-context", id="no context"),
        pytest.param(ONE, "nope", "context 'nope' does not exist", id="unknown context"),
        pytest.param(ONE.replace("cluster: dev,", "cluster: gone,"), "", "cluster 'gone' does not exist", id="cluster"),
        pytest.param(ONE, "", "certificate-authority", id="missing file"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, context: str, problem: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ToolError, match=problem) as caught:
        kubeconfig.load(path, context)
    assert "\n" not in str(caught.value)


def test_a_file_named_explicitly_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="does not exist"):
        kubeconfig.load(tmp_path / "nothing")


def test_a_context_is_added_beside_what_is_there_and_taken_out_again(files: tuple[Path, Path]) -> None:
    before = yaml.safe_load(files[0].read_text())
    kubeconfig.write_context(files[0], "seatrial-x", "https://127.0.0.1:1", b"ca", "t")
    access = kubeconfig.load(files[0])
    assert (access.context, access.server, access.ca_data, access.token) == (
        "seatrial-x", "https://127.0.0.1:1", b"ca", "t",
    )  # fmt: skip
    assert kubeconfig.load(files[0], "dev").token == "secret"
    assert files[0].stat().st_mode & 0o777 == 0o600
    kubeconfig.remove_context(files[0], "seatrial-x")
    after = yaml.safe_load(files[0].read_text())
    for part in ("clusters", "contexts", "users"):
        assert after[part] == before[part]
    assert after["current-context"] == ""


def test_writing_twice_replaces(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config"
    for number in (1, 2):
        kubeconfig.write_context(path, "x", f"https://127.0.0.1:{number}", b"ca", "t")
    assert len(yaml.safe_load(path.read_text())["clusters"]) == 1
    assert kubeconfig.load(path).server == "https://127.0.0.1:2"
    assert [entry.name for entry in path.parent.iterdir()] == ["config"]


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("clusters: [")
    with pytest.raises(ToolError):
        kubeconfig.write_context(path, "x", "https://127.0.0.1:1", b"ca", "t")
    assert path.read_text() == "clusters: ["
