"""Fixtures for tests with the real command line: every test has a state directory and clusters of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from e2e import kubectl_world
from e2e.kubectl_world import Kubectl
from seatrial import RunningCluster

SEATRIAL = str(Path(sys.executable).with_name("seatrial"))


@dataclass
class Shell:
    """Runs `seatrial` as a user would, in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    names: list[str] = field(default_factory=list)

    def run(self, *arguments: str, timeout: float = 60, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [SEATRIAL, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"seatrial {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def up(self, *arguments: str, name: str = "test") -> "subprocess.CompletedProcess[str]":
        self.names.append(name)
        return self.run("up", "--name", name, "--detach", *arguments)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell whose clusters are stopped when the test ends."""
    environment = {**os.environ, "SEATRIAL_STATE_DIR": str(tmp_path / "state")}
    it = Shell(tmp_path, environment)
    yield it
    for name in it.names:
        it.run("down", "--name", name, check=False)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[RunningCluster]:
    """A cluster that the tests of a file share."""
    with RunningCluster(nodes=2) as cluster:
        yield cluster


@pytest.fixture
def kubectl(two_nodes: RunningCluster, request: pytest.FixtureRequest, tmp_path: Path) -> Kubectl:
    """kubectl in a namespace of the test's own."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    return kubectl_world.user_of(two_nodes, words[:60].strip("-"), tmp_path)
