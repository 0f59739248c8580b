"""`seatrial rehearse`: what will this update do? Asked before anything is touched."""

from pathlib import Path

import click

from seatrial.base.errors import ToolError
from seatrial.cli import output


@click.command("rehearse", short_help="What will this update do?")
@click.option("--old", "old", type=click.Path(path_type=Path), multiple=True, help="Manifests as they are now.")
@click.option("-f", "--filename", "new", type=click.Path(path_type=Path), multiple=True, help="Manifests to apply.")
@click.option("--nodes", default="", metavar="3x8cpu,32Gi", help="The nodes, when nothing says which there are.")
@click.option("-n", "--namespace", default="default", help="The namespace of manifests that name none.")
@output.output_option
def command(old: tuple[Path, ...], new: tuple[Path, ...], nodes: str, namespace: str, output_format: str) -> int:
    """Rehearse an update in virtual time and tell whether it completes."""
    from seatrial.rehearse import rehearsal, snapshot
    from seatrial.rehearse.change import Apply
    from seatrial.rollout import manifests

    if not new:
        raise ToolError("say what changes: -f new.yaml")
    beginning = snapshot.of_manifests([obj for path in old for obj in manifests.read(path)], nodes)
    change = Apply([obj for path in new for obj in manifests.read(path)])
    result = rehearsal.rehearse(rehearsal.Plan(beginning, [change], namespace))
    if output_format == "text":
        click.echo(result.headline)
    else:
        output.data(result.to_json(), output_format)
    return 0 if result.completes else 3
