"""What people and scripts see of a Service's roll: lines, a live block on a terminal, or one JSON event a line."""

import sys
from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import SeatrialError, ToolError
from seatrial.cli import event_lines, output

if TYPE_CHECKING:
    from seatrial.rollout.load import Sample
    from seatrial.rollout.service.ending import Ending
    from seatrial.rollout.service.events import Event


class Shown:
    """`form`: text or json."""

    def __init__(self, form: str) -> None:
        self._json, self._live = form == "json", output.Live(sys.stdout)
        self._progress = ""
        self._rows: list[str] = []
        self._note = self._traffic = ""

    def event(self, event: "Event") -> None:
        """Something happened."""
        if event.kind == "progress" and event.text == self._progress:
            return
        if event.kind == "progress":
            self._progress, self._rows = event.text, _rows(event.fields)
        if self._json:
            event_lines.write(event.kind, **event.fields)
        elif event.kind == "progress":
            self._draw(event.text)
        elif event.kind == "waiting" and self._live.on_terminal:
            self._note = event.text
            self._draw(event.text)
        elif not event.text.lower().startswith("waiting for"):  # the counts say as much
            self._line(event)

    def sample(self, sample: "Sample") -> None:
        """How the traffic goes."""
        if self._json or not self._live.on_terminal:
            return
        failed = click.style(str(sample.failed), fg=output.RED if sample.failed else output.GREEN)
        self._traffic = f"  {sample.requests} requests, {failed} failed"
        self._draw(self._progress)

    def ended(self, ending: "Ending", **figures: Any) -> None:
        """The last event, and the last line."""
        if self._json:
            fields = {"outcome": ending.outcome, "reason": ending.reason, "message": ending.message}
            event_lines.write("result", **fields, exit_code=ending.exit_code, **figures)
            return
        self._live.clear()
        good = not ending.reason
        text = ending.outcome if good else f"{ending.outcome} ({ending.reason}): {ending.message}"
        colour = output.GREEN if good else output.RED
        click.echo(click.style(text, fg=colour, bold=True) if self._live.on_terminal else text)
        named = {name.replace("_", " "): value for name, value in figures.items() if value is not None}
        told = [f"{name}: {' '.join(value) if isinstance(value, list) else value}" for name, value in named.items()]
        click.echo("  " + ", ".join(told))

    def failed(self, error: SeatrialError) -> None:
        """It can't be done, or not now; people see the error itself."""
        if self._json:
            code = error.exit_code if isinstance(error, ToolError) else 1
            event_lines.write("result", outcome="error", reason="", message=str(error), exit_code=code)
        else:
            self._live.clear()

    def _line(self, event: "Event") -> None:
        self._live.clear()
        self._note = ""
        colour = output.RED if event.kind == "trouble" else None
        click.echo(click.style(event.text, fg=colour) if colour and self._live.on_terminal else event.text)
        if self._live.on_terminal and self._rows:
            self._draw(self._progress)

    def _draw(self, summary: str) -> None:
        lines = [*self._rows, *([f"  {self._note}"] if self._note else []), *([self._traffic] if self._traffic else [])]
        self._live.show(lines, summary)


def _rows(fields: dict[str, Any]) -> list[str]:
    rows = []
    width = max((len(row["workload"]) for row in fields["workloads"]), default=0)
    for row in fields["workloads"]:
        desired, updated = row["desired"], min(row["updated"], row["desired"])
        length = min(desired, 30)
        done = length * updated // desired if desired else 0
        bar = click.style("█" * done, fg=output.GREEN) + click.style("░" * (length - done), fg=output.DIM)
        rows.append(
            f"  {row['workload']:<{width}}  {bar} {row['updated']} of {desired} updated, {row['available']} available"
        )
    if fields["endpoints"] is not None:
        rows.append(f"  {fields['endpoints']} endpoints")
    return rows
