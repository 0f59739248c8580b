"""`seatrial`: the group of all commands. Each command is a file in `commands/`, loaded only when it is used.

Every option can also stand in `seatrial.toml` (a table per command) and in a variable SEATRIAL_<COMMAND>_<OPTION>.
This is the one place where errors become text and an exit code.
"""

import importlib
import sys
from pathlib import Path

import click

from seatrial.base.errors import SeatrialError, ToolError
from seatrial.cli import output

COMMANDS = {
    "demo": "A Service rolls from one version to the next while it serves.",
    "up": "Start a cluster on this machine.",
    "down": "Stop a cluster.",
    "status": "What runs, and where its kubeconfig is.",
    "rolling-update": "Roll a ReplicationController, as kubectl did.",
    "rollout": "Status, history, undo, pause, resume and restart of a rollout, on any cluster.",
    "drain": "Empty a node, within the disruption budgets of its Pods, on any cluster.",
    "cordon": "Keep new Pods off a node.",
    "uncordon": "Let a node take Pods again.",
    "node": "Crash, partition, pause or heal a node, to see what happens.",
    "rescue": "Why does a Pod not get its volume, and is the lock stale?",
    "rehearse": "What will this update do?",
    "rbd": "The image store, in rbd's own words.",
    "load": "Send traffic to a URL and report every failed request.",
}


class Commands(click.Group):
    """Commands by name, imported on first use so that each starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"seatrial.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"seatrial {version('seatrial')}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={
        "auto_envvar_prefix": "SEATRIAL",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
    },
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("seatrial.toml"),
    show_default=True,
    help="A file with options, a table per command.",
)
@click.pass_context
def seatrial(ctx: click.Context, config: Path) -> None:
    """Rolling updates on Kubernetes: run a cluster in one process, and roll a Service while it serves."""
    from seatrial.cluster.config import load_file

    if config.exists():
        ctx.default_map = load_file(config)


def main() -> None:
    """The entry point of `seatrial`."""
    exit_with(seatrial)


def exit_with(command: click.Command, prog_name: str | None = None) -> None:
    """Run the command, turn errors into one line and an exit code."""
    try:
        code = command.main(prog_name=prog_name, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        # Click's own 2 has a meaning in several commands; kubectl ends with 1, too.
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (SeatrialError, ConnectionError) as error:
        click.echo(output.error_line(error), err=True)
        sys.exit(error.exit_code if isinstance(error, ToolError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
