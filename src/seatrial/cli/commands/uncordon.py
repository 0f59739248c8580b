"""`seatrial uncordon`: a node takes Pods again."""

from typing import Any

import click

from seatrial.cli import target
from seatrial.cli.commands.cordon import switch
from seatrial.cli.go_flags import GoCommand


@click.command("uncordon", cls=GoCommand, short_help="Mark a node as schedulable.")
@click.argument("nodes", nargs=-1, metavar="NODE...")
@click.option("--dry-run", is_flag=True, help="The server checks it and changes nothing.")
@target.options
def command(nodes: tuple[str, ...], dry_run: bool, **where: Any) -> None:
    """Let these nodes take Pods again."""
    switch(nodes, where, "uncordon", unschedulable=False, dry_run=dry_run)
