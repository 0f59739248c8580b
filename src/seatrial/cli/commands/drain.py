"""`seatrial drain`: empties a node within its Pods' disruption budgets, as kubectl does, and says what refuses."""

from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import drain_steps, target
from seatrial.cli.go_flags import Duration, GoCommand

if TYPE_CHECKING:
    from seatrial.client.base import Client
    from seatrial.rollout.draining import Options


@click.command("drain", cls=GoCommand, short_help="Empty a node, within the budgets of its Pods.")
@click.argument("nodes", nargs=-1, metavar="NODE...")
@click.option("--ignore-daemonsets", is_flag=True, help="Leave Pods of DaemonSets where they are.")
@click.option("--delete-emptydir-data", is_flag=True, help="Evict Pods with emptyDir volumes; their data is lost.")
@click.option("--force", is_flag=True, help="Evict Pods without a controller, too: nobody makes them again.")
@click.option("--grace-period", type=int, default=-1, help="Seconds for each Pod to end; negative: the Pod's own.")
@click.option("--timeout", type=Duration(), default="0s", help="The longest time to wait, as in 5m; 0s: for ever.")
@click.option("--pod-selector", default="", help="Only Pods with these labels.")
@click.option("--disable-eviction", is_flag=True, help="Delete instead of evicting: no budget is asked.")
@click.option(
    "--skip-wait-for-delete-timeout",
    type=int,
    default=0,
    help="Don't wait for Pods that have been terminating for longer than so many seconds; 0: wait for all.",
)
@click.option("--dry-run", is_flag=True, help="The server checks every eviction, and nothing happens.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", help="json: a line each.")
@target.options
def command(nodes: tuple[str, ...], form: str, dry_run: bool, **given: Any) -> None:
    """Cordon the nodes, evict their Pods, and wait until these are gone.

    An eviction that a PodDisruptionBudget refuses is asked for again every 5 s.

    Exit codes: 0 all nodes are empty, 1 Pods may not be evicted or an error, 2 Pods were still there after --timeout.
    """
    from seatrial.base.env import SystemEnv
    from seatrial.rollout import draining

    if not nodes:
        raise ToolError("name a node, as in seatrial drain node-1")
    shown = drain_steps.Shown(form, dry_run)

    async def work(client: "Client", _: str) -> None:
        await draining.drain(client, SystemEnv(), nodes, _options(given, dry_run), shown)

    try:
        target.run(work, given["kubeconfig"], given["context"], given["namespace"], "seatrial-drain")
    except ToolError as error:
        if form == "json":
            shown.event("failed", "", str(error))
        raise


def _options(given: dict[str, Any], dry_run: bool) -> "Options":
    from seatrial.rollout.drain_rules import Rules
    from seatrial.rollout.draining import Options

    rules = Rules(
        force=given["force"],
        ignore_daemonsets=given["ignore_daemonsets"],
        delete_emptydir_data=given["delete_emptydir_data"],
        skip_deleted_seconds=given["skip_wait_for_delete_timeout"],
    )
    grace = given["grace_period"]
    return Options(
        rules,
        pod_selector=given["pod_selector"],
        grace_seconds=grace if grace >= 0 else None,
        timeout=given["timeout"],
        evict=not given["disable_eviction"],
        dry_run=dry_run,
    )
