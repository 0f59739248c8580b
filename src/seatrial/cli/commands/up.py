"""`seatrial up`: a cluster on this machine, in the foreground or detached."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli.commands.load import Duration
from seatrial.cluster import config as cluster_config
from seatrial.cluster.config import ClusterConfig, RuntimeName

READY = b"ready\n"


@click.command("up", short_help="Start a cluster on this machine.")
@click.option("--name", default=cluster_config.DEFAULT_NAME, show_default=True, help="The cluster's name.")
@click.option("--nodes", type=click.IntRange(0, 10_000), default=1, show_default=True, help="How many nodes.")
@click.option(
    "--runtime",
    type=click.Choice(["auto", "process", "simulated"]),
    default="auto",
    show_default=True,
    help="Pods as processes of this host, or simulated.",
)
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where objects are kept.")
@click.option("--ephemeral", is_flag=True, help="Keep everything in memory only.")
@click.option("--bind", default="127.0.0.1:0", show_default=True, help="HOST:PORT of the API; port 0 is any free one.")
@click.option("--insecure-port", type=click.IntRange(0, 65535), help="Plain HTTP on loopback without credentials.")
@click.option(
    "--kubernetes-version", default=cluster_config.DEFAULT_RELEASE, show_default=True, help="The release to speak."
)
@click.option("--image", "images", multiple=True, metavar="NAME=COMMAND", help="What an image name stands for.")
@click.option(
    "--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Add the cluster to this kubeconfig."
)
@click.option(
    "--endpoint-lag",
    type=Duration(),
    default=0.0,
    metavar="SECONDS",
    help="How late proxies learn of endpoint changes, such as 3s; SIGTERM does not wait for them then.",
)
@click.option(
    "--heal-volumes",
    is_flag=True,
    help="Run Rescue as a control loop: free what is stale, tell of the rest.",
)
@click.option(
    "--ceph-conf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="RBD images are in this Ceph instead of in a store of the cluster's own.",
)
@click.option(
    "--classic-messages", is_flag=True, help="Tell of volumes that can't be mounted as Kubernetes 1.4 and 1.5 did."
)
@click.option(
    "--load-curve",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The load of workloads over time, which autoscalers follow.",
)
@click.option("--detach", is_flag=True, help="Return when the cluster is ready, and leave it running.")
@click.option("--ready-fd", type=int, hidden=True, help="Write a line to this descriptor when ready.")
def command(
    name: str,
    nodes: int,
    runtime: RuntimeName,
    data_dir: Path | None,
    ephemeral: bool,
    bind: str,
    insecure_port: int | None,
    kubernetes_version: str,
    images: tuple[str, ...],
    kubeconfig: Path | None,
    endpoint_lag: float,
    heal_volumes: bool,
    load_curve: Path | None,
    ceph_conf: Path | None,
    classic_messages: bool,
    detach: bool,
    ready_fd: int | None,
) -> int:
    """Start a cluster on this machine, and write a kubeconfig for it.

    Stays in the foreground until Ctrl-C, unless --detach is given.
    """
    if ephemeral and data_dir:
        raise ToolError("--ephemeral keeps nothing on disk, --data-dir does: give one of them")
    host, port = cluster_config.parse_bind(bind)
    config = ClusterConfig(
        name=name,
        nodes=nodes,
        runtime=runtime,
        data_dir=None if ephemeral else (data_dir or cluster_config.default_data_dir(name)),
        host=host,
        port=port,
        insecure_port=insecure_port,
        kubernetes_version=kubernetes_version,
        images=_images(images),
        kubeconfig=kubeconfig,
        endpoint_lag=endpoint_lag,
        heal_volumes=heal_volumes,
        load_curve=load_curve.resolve() if load_curve else None,
        ceph_conf=ceph_conf.resolve() if ceph_conf else None,
        classic_messages=classic_messages,
    )
    if detach:
        return _detached(config)
    return _foreground(config, ready_fd)


def _images(pairs: tuple[str, ...]) -> dict[str, str]:
    context = click.get_current_context()
    from_file: Any = (context.default_map or {}).get("images", {})
    if not isinstance(from_file, dict) or not all(isinstance(value, str) for value in from_file.values()):
        raise ToolError("seatrial.toml: [up.images] is a table of NAME = COMMAND, both strings")
    return {**from_file, **cluster_config.parse_images(pairs)}


def _foreground(config: ClusterConfig, ready_fd: int | None) -> int:
    from seatrial.aio import loops

    async def serve() -> None:
        from seatrial.cluster.cluster import Cluster

        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with Cluster(config) as cluster:
            loops.tune_garbage_collection()
            if ready_fd is None:
                _tell(config.name, cluster.url, str(cluster.kubeconfig), len(cluster.nodes))
            else:
                os.write(ready_fd, READY)
                os.close(ready_fd)
            await stop.wait()

    loops.run(serve())
    return 0


def _detached(config: ClusterConfig) -> int:
    reading, writing = os.pipe()
    directory = cluster_config.state_dir(config.name)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = directory / "log"
    arguments = [sys.executable, "-m", "seatrial.cli.main", *_arguments(config), "--ready-fd", str(writing)]
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ready = pipe.readline() == READY
    if not ready:
        code = process.wait()
        with log.open("rb") as output:
            output.seek(start)
            said = output.read().decode(errors="replace").strip().splitlines()
        click.echo(said[-1] if said else f"error: the cluster ended at once; see {log}", err=True)
        return code or 1
    from seatrial.cluster import state

    running = state.read(directory)
    if running is None:
        raise ToolError(f"the cluster ended at once; see {log}")
    _tell(running.name, running.url, running.kubeconfig, len(running.nodes))
    return 0


def _arguments(config: ClusterConfig) -> list[str]:
    arguments = ["up", "--name", config.name, "--nodes", str(config.nodes), "--runtime", config.runtime]
    arguments += ["--bind", f"{config.host}:{config.port}", "--kubernetes-version", config.kubernetes_version]
    arguments += ["--data-dir", str(config.data_dir)] if config.data_dir else ["--ephemeral"]
    if config.insecure_port is not None:
        arguments += ["--insecure-port", str(config.insecure_port)]
    if config.kubeconfig:
        arguments += ["--kubeconfig", str(config.kubeconfig)]
    if config.endpoint_lag:
        arguments += ["--endpoint-lag", str(config.endpoint_lag)]
    if config.load_curve:
        arguments += ["--load-curve", str(config.load_curve)]
    if config.heal_volumes:
        arguments += ["--heal-volumes"]
    if config.ceph_conf:
        arguments += ["--ceph-conf", str(config.ceph_conf)]
    if config.classic_messages:
        arguments += ["--classic-messages"]
    for name, command_line in config.images.items():
        arguments += ["--image", f"{name}={command_line}"]
    return arguments


def _tell(name: str, url: str, kubeconfig: str, nodes: int) -> None:
    click.echo(f"cluster {name} is ready: {url}, {nodes} node{'' if nodes == 1 else 's'}")
    click.echo(f"export KUBECONFIG={kubeconfig}")
    sys.stdout.flush()
