"""`seatrial node`: faults on demand, on a cluster of this machine."""

from pathlib import Path

import click

from seatrial.base.errors import StatusError, ToolError
from seatrial.cluster import config as cluster_config
from seatrial.cluster import state

SAID = {
    "crashed": "has crashed: its agent and its Pods' processes are gone, what it had locked or attached stays so",
    "partitioned": "is cut off: its Pods live on, and nobody hears of them",
    "paused": "is paused: its Pods' processes go on, its agent stands still and will believe what it believes now",
    "well": "is well",
}


@click.group("node", short_help="Crash, partition, pause or heal a node.")
def command() -> None:
    """Do something to a node of a cluster that `seatrial up` started, and see what happens."""


def _inflict(node: str, fault: str, name: str) -> None:
    from seatrial.aio import loops
    from seatrial.client import kubeconfig
    from seatrial.client.base import Request
    from seatrial.client.client import ApiClient
    from seatrial.client.http import HttpTransport

    running = state.read(cluster_config.state_dir(name))
    if running is None:
        raise ToolError(f"no cluster named {name} runs on this machine; faults work on clusters of seatrial up only")

    async def ask() -> str:
        client = ApiClient(HttpTransport(kubeconfig.load(Path(running.kubeconfig)), user_agent="seatrial-node"))
        try:
            answer = await client.raw(Request("POST", f"/seatrial/v1/nodes/{node}/{fault}"))
        except StatusError as error:
            if error.reason == "NotFound":
                raise ToolError(f"no node {node}; there are {', '.join(running.nodes) or 'none'}") from None
            raise
        finally:
            await client.aclose()
        return str(answer.object["message"])

    click.echo(f"node {node} {SAID[loops.run(ask())]}")


def _add(fault: str, text: str) -> None:
    @command.command(fault, help=text, short_help=text.partition(".")[0] + ".")
    @click.argument("node")
    @click.option("--name", default=cluster_config.DEFAULT_NAME, show_default=True, help="The cluster's name.")
    def _(node: str, name: str) -> None:
        _inflict(node, fault, name)


_add("crash", "Cut the power. The agent and its Pods' processes are gone; its locks and attachments stay.")
_add("partition", "Cut it off from the API. Its Pods live on and can write to their disks, but nobody hears of them.")
_add("pause", "Stop its agent. It wakes up at heal, late, and believes that it still owns everything.")
_add("heal", "Make it well. A crashed node starts as after a reboot.")
