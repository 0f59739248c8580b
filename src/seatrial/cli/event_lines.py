"""Events for scripts: one JSON object a line, with `type` and `time`, written as they happen."""

import json
from typing import Any

import click

from seatrial.base.env import SystemEnv
from seatrial.machinery import times


def write(kind: str, **fields: Any) -> None:
    """Print one event."""
    click.echo(json.dumps({"type": kind, "time": times.format_time(SystemEnv().now()), **fields}))
