"""What a running cluster tells about itself: `state.json` in its state directory, true as long as its lock is held.

The lock (flock) goes with the process, however it ends, so a stale file is never taken for a running cluster.
"""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from seatrial.base.errors import ToolError


@dataclass(frozen=True)
class ClusterState:
    """Where a running cluster is to be found."""

    name: str
    pid: int
    url: str
    insecure_url: str
    kubeconfig: str
    nodes: list[str]
    runtime: str
    data_dir: str
    kubernetes_version: str
    started_at: str
    images: str = ""
    """Where its RBD images are, and how they are mounted."""


class StateLock:
    """Held by a running cluster; a second cluster of the same name is refused."""

    def __init__(self, directory: Path, name: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._file: IO[str] = (directory / "lock").open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ToolError(
                f"a cluster named {name} runs already; stop it (seatrial down --name {name}) or choose another --name"
            ) from None

    def publish(self, state: ClusterState) -> None:
        """Make the cluster known; readers see the old file or the new one, never half of it."""
        temporary = self._directory / "state.json.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(state), file, indent=2)
        temporary.replace(self._directory / "state.json")

    def release(self) -> None:
        """The cluster is no more."""
        (self._directory / "state.json").unlink(missing_ok=True)
        self._file.close()


def read(directory: Path) -> ClusterState | None:
    """The running cluster of this state directory, or None. Raises ToolError when the file can't be understood."""
    if not _is_locked(directory):
        return None
    path = directory / "state.json"
    try:
        return ClusterState(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise ToolError(f"{path} can't be read; it was written by another version of Seatrial") from None


def _is_locked(directory: Path) -> bool:
    try:
        with (directory / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
