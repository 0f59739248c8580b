"""`seatrial demo`: the articles' stories, live. A Service that rolls under traffic; a volume whose lock is stale.

Nothing here is made for the demo: the cluster is that of `seatrial up`, the manifests are those in `examples/`, the
traffic is that of `seatrial load`, the rescue that of `seatrial rescue`, and all else goes through the API over HTTPS.
"""

import asyncio
import signal
from pathlib import Path
from typing import Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import output


@click.command("demo", short_help="A Service rolls from one version to the next while it serves.")
@click.argument("story", type=click.Choice(["rolling-update", "rbd"]), default="rolling-update")
@click.option("--keep", is_flag=True, help="Leave the cluster up until Ctrl-C.")
@click.option("--rate", type=click.IntRange(1, 5000), default=200, show_default=True, help="Requests per second.")
@output.output_option
def command(story: str, keep: bool, rate: int, output_format: str) -> int:
    """Play a story, and tell how it went.

    rolling-update: a Service with four Pods rolls from nginx 1.10.1 to 1.11.9 and back while it is under traffic. Exit
    code 0 only if no request failed and the promised minimum of available Pods held.

    rbd: a node crashes and leaves its lock on a volume; the Pod that moves hangs, Rescue says why, and frees it. Exit
    code 0 only if the lock was proven stale and every acknowledged record is there afterwards.
    """
    from seatrial.aio import loops

    if story == "rbd":
        from seatrial.cli import demo_rbd

        return loops.run(_run(demo_rbd.Story(examples("rbd")), demo_rbd.as_text, keep, output_format))
    from seatrial.cli import demo_rolling_update

    rolling = demo_rolling_update.Story(examples("rolling-update"), rate)
    return loops.run(_run(rolling, demo_rolling_update.as_text, keep, output_format))


def examples(story: str) -> Path:
    """The folder with the manifests: inside the installed package, or in the checkout."""
    for folder in (Path(__file__).parents[2] / "examples", Path(__file__).parents[4] / "examples"):
        if (folder / story).is_dir():
            return folder / story
    raise ToolError(f"the example manifests (examples/{story}) are not installed; reinstall Seatrial")


async def _run(story: Any, as_text: Any, keep: bool, output_format: str) -> int:
    from seatrial.aio import loops
    from seatrial.cluster.cluster import Cluster
    from seatrial.cluster.config import ClusterConfig

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Cluster(ClusterConfig(nodes=2, classic_messages=True)) as cluster:
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
            click.echo("\n".join(as_text(report)))
        else:
            output.data(report, output_format)
        if keep:
            click.echo(f"the cluster stays up until Ctrl-C:\nexport KUBECONFIG={cluster.kubeconfig}", err=True)
            await stopping
        stopping.cancel()
        return 0 if report["passed"] else 1
