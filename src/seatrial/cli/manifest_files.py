"""The manifests that a command is given with -f: files, folders, and `-` for standard input."""

import sys
from collections.abc import Sequence
from pathlib import Path

from seatrial.base.types import JSON
from seatrial.rollout import manifests


def read(files: Sequence[str]) -> list[JSON]:
    """All objects, in the order of the files. Raises ToolError that names file and position."""
    found: list[JSON] = []
    for file in files:
        found += manifests.parse(sys.stdin.read(), "stdin") if file == "-" else manifests.read(Path(file))
    return found
