"""Fixtures for tests with the real command line: every test has a state directory and clusters of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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
