"""`seatrial status`: what runs on this machine, and where its kubeconfig is."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from seatrial.base.errors import SeatrialError
from seatrial.cli import output
from seatrial.cluster import config as cluster_config
from seatrial.cluster import state
from seatrial.cluster.state import ClusterState


@click.command("status", short_help="What runs, and where its kubeconfig is.")
@click.option("--name", default=cluster_config.DEFAULT_NAME, show_default=True, help="The cluster's name.")
@output.output_option
def command(name: str, output_format: str) -> int:
    """Say what a cluster is and how to reach it. Exit code 3 when it does not run."""
    running = state.read(cluster_config.state_dir(name))
    if running is None:
        if output_format == "text":
            click.echo(f"no cluster named {name} runs on this machine")
        else:
            output.data({"name": name, "running": False}, output_format)
        return 3
    facts = {"running": True, **asdict(running), **asyncio.run(_live(running))}
    if output_format == "text":
        _text(facts)
    else:
        output.data(facts, output_format)
    return 0


async def _live(running: ClusterState) -> dict[str, Any]:
    """What only the API knows: how nodes and Pods are, and which Service ports had to be moved."""
    from seatrial.api.registry import EVENTS, NODES, PODS
    from seatrial.client import kubeconfig
    from seatrial.client.client import ApiClient
    from seatrial.client.http import HttpTransport
    from seatrial.machinery import conditions, objects

    try:
        client = ApiClient(HttpTransport(kubeconfig.load(Path(running.kubeconfig))))
        try:
            nodes = (await client.list(NODES))["items"]
            pods = (await client.list(PODS))["items"]
            moved = (await client.list(EVENTS, field_selector="reason=PortRemapped"))["items"]
        finally:
            await client.aclose()
    except (SeatrialError, OSError) as error:
        return {"healthy": False, "problem": str(error)}
    return {
        "healthy": True,
        "ready_nodes": [objects.name(node) for node in nodes if conditions.is_true(node, "Ready")],
        "pods": len(pods),
        "ready_pods": sum(conditions.is_true(pod, "Ready") for pod in pods),
        "moved_ports": sorted({f"{event['involvedObject']['name']}: {event['message']}" for event in moved}),
    }


def _text(facts: dict[str, Any]) -> None:
    rows = [
        ("cluster", f"{facts['name']} (pid {facts['pid']}, since {facts['started_at']})"),
        ("url", facts["url"]),
        ("kubeconfig", facts["kubeconfig"]),
        ("speaks", f"Kubernetes {facts['kubernetes_version']}"),
        ("data", facts["data_dir"] or "in memory"),
        ("images", facts["images"]),
    ]
    if facts["insecure_url"]:
        rows.insert(2, ("insecure", facts["insecure_url"]))
    if facts["healthy"]:
        rows.append(
            ("nodes", f"{len(facts['ready_nodes'])} of {len(facts['nodes'])} ready, runtime {facts['runtime']}")
        )
        rows.append(("pods", f"{facts['ready_pods']} of {facts['pods']} ready"))
        rows += [("port", message) for message in facts["moved_ports"]]
    else:
        rows.append(("problem", facts["problem"]))
    for line in output.columns(rows):
        click.echo(line)
