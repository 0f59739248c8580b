"""Guides as they are executed: every command of their console blocks, and what each prints."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:]+Z"), "TIME"),
    (re.compile(r"(?<=\s)(\d+[smh])+(?=\s|$)"), "AGE"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(:\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b(demo-nginx-v0\.\d|deployment-demo)-[a-z0-9]{5,10}(-[a-z0-9]{5})?\b"), r"\1-NAME"),
    (re.compile(r"\bnode-\d\b"), "NODE"),
    (re.compile(r"(?<=MinReadySeconds: )\s*\d+"), "SOME"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Command:
    """A command, and the lines that the guide shows below it; `...` stands for any lines."""

    text: str
    shown: tuple[str, ...]


def commands(guide: Path) -> list[Command]:
    """All commands of a guide, in order."""
    return [command for block in _BLOCK.findall(guide.read_text()) for command in _of_block(block)]


def _of_block(block: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        text, *shown = part.rstrip("\n").split("\n")
        yield Command(text, tuple(shown))


def masked(line: str) -> str:
    """The line without what differs from run to run."""
    for pattern, replacement in _MASKS:
        line = pattern.sub(replacement, line)
    return line.strip()


class Terminal:
    """Runs commands one after the other; `cd` and `export` last."""

    def __init__(self, folder: Path, environment: dict[str, str], substitutions: dict[str, str]) -> None:
        self._folder, self._environment, self._substitutions = folder, environment, substitutions
        self._kept: list[str] = []

    def run(self, command: Command) -> list[str]:
        """What it wrote to stdout. It has to succeed."""
        text = command.text
        for before, after in self._substitutions.items():
            text = text.replace(before, after)
        script = [*self._kept, text]
        if text.startswith(("cd ", "export ")):
            self._kept.append(text)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-ec", "\n".join(script)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command.text}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()


def require_shown(command: Command, printed: list[str]) -> None:
    """The lines of the guide stand in what was printed, in order; without `...` nothing else does."""
    lines = [masked(line) for line in printed if line.strip()]
    shown = [masked(line) for line in command.shown if line.strip()]
    position = 0
    for number, line in enumerate(shown):
        if line == "...":
            continue
        gap = number > 0 and shown[number - 1] == "..."
        found = next((i for i in range(position, len(lines)) if _same(line, lines[i])), None)
        assert found is not None, f"$ {command.text}\nshown in the guide, not printed: {line}\n" + "\n".join(lines)
        assert gap or found == position, f"$ {command.text}\nprinted before {line!r}: {lines[position:found]}"
        position = found + 1
    assert (shown and shown[-1] == "...") or position == len(lines), (
        f"$ {command.text}\nalso printed: {lines[position:]}"
    )


def _same(shown: str, printed: str) -> bool:
    return shown == printed
