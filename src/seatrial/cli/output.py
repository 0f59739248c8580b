"""What commands print: JSON or YAML for scripts, aligned columns and colours for people."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from seatrial.base.errors import SeatrialError, StatusError, ToolError

GREEN, YELLOW, RED, BLUE, DIM = "green", "yellow", "red", "blue", "bright_black"

output_option = click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Output format.",
)


def data(value: Any, form: str) -> None:
    """Print a value as JSON or YAML."""
    if form == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False), nl=False)
    else:
        click.echo(json.dumps(value, indent=2))


def error_line(error: SeatrialError | ConnectionError) -> str:
    """What people are told of an error that ends a command."""
    if isinstance(error, StatusError):
        return f"Error from server ({error.reason}): {error.message}"
    return f"error: {error}"


def report(file: Path, text: str) -> None:
    """Write a report, for a browser or for CI, and say where it is; raises ToolError where it can't be written."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ToolError(f"the report can't be written to {file}: {error.strerror}") from error
    click.echo(f"report: {file}", err=True)


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows as lines, columns aligned on the left, three blanks between them, none at a line's end."""
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        indent + "   ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


class Live:
    """A block of lines that is drawn again in place on a terminal, and printed only when it changes elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._drawn = 0
        self._last: list[str] = []
        self.on_terminal = self._stream.isatty()

    def show(self, lines: Sequence[str], summary: str) -> None:
        """Draw `lines` in place; where that can't be, print `summary` if it is news."""
        if self.on_terminal:
            width = shutil.get_terminal_size().columns
            clipped = [line if len(click.unstyle(line)) < width else click.unstyle(line)[: width - 1] for line in lines]
            self._stream.write(f"\x1b[{self._drawn}A\x1b[J" if self._drawn else "")
            self._stream.write("\n".join(clipped) + "\n")
            self._stream.flush()
            self._drawn = len(clipped)
        elif [summary] != self._last:
            self._stream.write(summary + "\n")
            self._stream.flush()
            self._last = [summary]

    def clear(self) -> None:
        """Take away what is drawn, so that lines can be printed in its place."""
        if self.on_terminal and self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\x1b[J")
            self._stream.flush()
            self._drawn = 0

    def done(self) -> None:
        """Leave what is drawn where it is; the next output goes below it."""
        self._drawn = 0
