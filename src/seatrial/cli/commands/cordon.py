"""`seatrial cordon` and, in a file of its own name, `uncordon`: whether a node takes new Pods."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import drain_steps, target
from seatrial.cli.go_flags import GoCommand

if TYPE_CHECKING:
    from seatrial.client.base import Client


@click.command("cordon", cls=GoCommand, short_help="Mark a node as unschedulable.")
@click.argument("nodes", nargs=-1, metavar="NODE...")
@click.option("--dry-run", is_flag=True, help="The server checks it and changes nothing.")
@target.options
def command(nodes: tuple[str, ...], dry_run: bool, **where: Any) -> None:
    """Keep new Pods off these nodes; those that run there stay."""
    switch(nodes, where, "cordon", unschedulable=True, dry_run=dry_run)


def switch(nodes: Sequence[str], where: dict[str, Any], name: str, *, unschedulable: bool, dry_run: bool) -> None:
    """Set or clear spec.unschedulable of these nodes, and say so."""
    from seatrial.rollout import draining

    if not nodes:
        raise ToolError(f"name a node, as in seatrial {name} node-1")
    shown = drain_steps.Shown("text", dry_run)

    async def work(client: "Client", _: str) -> None:
        for node in nodes:
            await draining.cordon(client, node, shown, unschedulable=unschedulable, dry_run=dry_run)

    target.run(work, where["kubeconfig"], where["context"], where["namespace"], f"seatrial-{name}")
