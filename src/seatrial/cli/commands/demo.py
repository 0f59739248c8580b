"""`seatrial demo`: a Service rolls from one version to the next and back, under traffic, and every request is counted.

Nothing here is made for the demo: the cluster is that of `seatrial up`, the manifests are those in
`examples/rolling-update/`, the traffic is that of `seatrial load`, and all else goes through the API over HTTPS.
"""

import asyncio
import signal
from pathlib import Path
from typing import Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import output


@click.command("demo", short_help="A Service rolls from one version to the next while it serves.")
@click.option("--keep", is_flag=True, help="Leave the cluster up until Ctrl-C.")
@click.option("--rate", type=click.IntRange(1, 5000), default=200, show_default=True, help="Requests per second.")
@output.output_option
def command(keep: bool, rate: int, output_format: str) -> int:
    """Roll a Service with four Pods from nginx 1.10.1 to 1.11.9 and back while it is under traffic.

    Exit code 0 only if no request failed and the promised minimum of available Pods held.
    """
    from seatrial.aio import loops
    from seatrial.cli.demo_rolling_update import Story

    return loops.run(_run(Story(examples(), rate), keep, output_format))


def examples() -> Path:
    """The folder with the manifests: inside the installed package, or in the checkout."""
    for folder in (Path(__file__).parents[2] / "examples", Path(__file__).parents[4] / "examples"):
        if (folder / "rolling-update").is_dir():
            return folder / "rolling-update"
    raise ToolError("the example manifests (examples/rolling-update) are not installed; reinstall Seatrial")


async def _run(story: Any, keep: bool, output_format: str) -> int:
    from seatrial.aio import loops
    from seatrial.cli import demo_rolling_update
    from seatrial.cluster.cluster import Cluster
    from seatrial.cluster.config import ClusterConfig

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Cluster(ClusterConfig(nodes=2)) as cluster:
        loops.tune_garbage_collection()
        playing = asyncio.ensure_future(story.play(cluster))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            return 130
        report = await playing
        if output_format == "text":
            click.echo("\n".join(demo_rolling_update.as_text(report)))
        else:
            output.data(report, output_format)
        if keep:
            click.echo(f"the cluster stays up until Ctrl-C:\nexport KUBECONFIG={cluster.kubeconfig}", err=True)
            await stopping
        stopping.cancel()
        return 0 if report["passed"] else 1
