"""`seatrial down`: stop a cluster of this machine, its Pods' processes included."""

import os
import select
import signal

import click

from seatrial.base.errors import ToolError
from seatrial.cluster import config as cluster_config
from seatrial.cluster import state

PATIENCE_SECONDS = 60


@click.command("down", short_help="Stop a cluster.")
@click.option("--name", default=cluster_config.DEFAULT_NAME, show_default=True, help="The cluster's name.")
def command(name: str) -> int:
    """Stop a cluster. What it kept on disk stays there for the next `seatrial up`."""
    running = state.read(cluster_config.state_dir(name))
    if running is None:
        raise ToolError(f"no cluster named {name} runs on this machine")
    try:
        process = os.pidfd_open(running.pid)
        signal.pidfd_send_signal(process, signal.SIGTERM)
    except ProcessLookupError:
        return 0
    except PermissionError:
        raise ToolError(f"cluster {name} (pid {running.pid}) belongs to another user") from None
    if not select.select([process], [], [], PATIENCE_SECONDS)[0]:
        raise ToolError(
            f"cluster {name} (pid {running.pid}) did not stop within {PATIENCE_SECONDS} s; it is still stopping"
        )
    click.echo(f"cluster {name} has stopped")
    return 0
