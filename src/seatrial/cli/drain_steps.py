"""How the steps of cordon, uncordon and drain are printed: kubectl's lines, or a JSON object a line."""

import json
from typing import TYPE_CHECKING

import click

from seatrial.machinery import times

if TYPE_CHECKING:
    from seatrial.rollout.draining import Step


class Shown:
    """Prints each step that it is called with."""

    def __init__(self, form: str, dry_run: bool) -> None:
        self._json, self._dry_run = form == "json", dry_run

    def __call__(self, step: "Step") -> None:
        if self._json:
            self.event(step.kind, step.subject, step.message)
        elif step.kind == "warning":
            click.echo(f"Warning: {step.message}", err=True)
        elif step.kind == "refused":
            click.echo(f"{step.subject}: {step.message}", err=True)
        elif step.kind in ("evicting", "deleting"):
            click.echo(f"{step.kind} pod {step.subject}{self._suffix}")
        else:
            pod = "" if step.subject.startswith("node/") else "pod/"
            click.echo(f"{pod}{step.subject.rpartition('/')[2] if pod else step.subject} {step.kind}{self._suffix}")

    def event(self, kind: str, subject: str, message: str) -> None:
        """One line for scripts."""
        from seatrial.base.env import SystemEnv

        fields = {"type": kind, "time": times.format_time(SystemEnv().now()), "subject": subject, "message": message}
        click.echo(json.dumps({**fields, "dry_run": self._dry_run}))

    @property
    def _suffix(self) -> str:
        return " (server dry run)" if self._dry_run else ""
