"""`seatrial rescue`: why a Pod hangs, whether what holds its volume is stale, and what frees it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import output, target

if TYPE_CHECKING:
    from seatrial.client.base import Client
    from seatrial.rescue.findings import Finding
    from seatrial.rescue.steps import Rescuer

ABORTED = 130


@click.command("rescue", short_help="Why does it not mount, and is the lock stale?")
@click.argument("pod", required=False, default="")
@click.option("--all", "all_pods", is_flag=True, help="Every Pod that hangs, in all namespaces unless -n says one.")
@click.option("--fix", is_flag=True, help="Fence the holder, take the volume from it, and let the Pod start.")
@click.option("--yes", is_flag=True, help="Act without asking.")
@click.option(
    "--powered-off", multiple=True, metavar="NODE", help="You have made sure that this node is off: counts as proof."
)
@click.option(
    "--ceph-conf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="SEATRIAL_CEPH_CONF",
    help="Ask this Ceph about images: its configuration file.",
)
@click.option(
    "--name", default="", envvar="SEATRIAL_NAME", help="A cluster of seatrial up; without it, the kubeconfig's."
)
@output.output_option
@target.options
def command(
    pod: str,
    all_pods: bool,
    fix: bool,
    yes: bool,
    powered_off: tuple[str, ...],
    ceph_conf: Path | None,
    name: str,
    output_format: str,
    **where: Any,
) -> int:
    """Explain a Pod that hangs in ContainerCreating, Pending or Terminating, and free it if that is safe.

    Exit codes: 0 nothing hangs (any more), 3 stale: --fix would free it, 4 something else has to be mended first, 5 in
    use: do not touch, 6 can't tell; of several Pods the highest. 1 is an error, 130 an answer of no.
    """
    if bool(pod) == all_pods:
        raise ToolError("name a Pod, or say --all")
    if yes and not fix:
        raise ToolError("--yes goes with --fix")
    if name:
        where["kubeconfig"], where["context"] = _kubeconfig_of(name), ""

    async def work(client: "Client", namespace: str) -> int:
        from seatrial.base.env import SystemEnv
        from seatrial.cli import rescue_images
        from seatrial.rescue.steps import Rescuer

        if all_pods and not where["namespace"]:
            namespace = ""
        async with rescue_images.opened(ceph_conf, name, where["kubeconfig"], where["context"]) as images:
            rescuer = Rescuer(client, images, SystemEnv(), frozenset(powered_off))
            findings = await _find(rescuer, namespace, pod, powered_off)
            if fix:
                findings = [await _fix(rescuer, each, ask=not yes, quiet=output_format != "text") for each in findings]
        if output_format != "text":
            output.data([each.as_json() for each in findings], output_format)
        elif not fix:
            _show(findings)
        return max((each.verdict.exit_code for each in findings), default=0)

    return target.run(work, where["kubeconfig"], where["context"], where["namespace"], "seatrial-rescue")


def _kubeconfig_of(name: str) -> Path:
    from seatrial.cluster import config as cluster_config
    from seatrial.cluster import state

    running = state.read(cluster_config.state_dir(name))
    if running is None:
        raise ToolError(f"no cluster named {name} runs on this machine")
    return Path(running.kubeconfig)


async def _find(rescuer: "Rescuer", namespace: str, pod: str, powered_off: Sequence[str]) -> list["Finding"]:
    from seatrial.machinery import objects
    from seatrial.rescue.diagnose import hangs
    from seatrial.rescue.findings import Verdict
    from seatrial.rescue.gathering import Gatherer

    gatherer = Gatherer(rescuer.client, rescuer.images)
    await gatherer.check_nodes(powered_off)
    if pod:
        looked = await rescuer.look((namespace, pod))
        if looked is None:
            raise ToolError(f'pods "{pod}" not found in namespace {namespace}')
        return [looked[1]]
    hanging = [objects.key(each) for each in await gatherer.pods(namespace) if hangs(each)]
    looks = [await rescuer.look(key) for key in hanging]
    return [look[1] for look in looks if look is not None and look[1].verdict is not Verdict.WELL]


async def _fix(rescuer: "Rescuer", finding: "Finding", *, ask: bool, quiet: bool) -> "Finding":
    """The finding that is left."""
    from seatrial.cli import rescue_report
    from seatrial.rescue import plan

    steps = plan.steps(finding)
    if not quiet:
        click.echo("\n".join(rescue_report.lines(finding)))
    if not steps:
        return finding
    if ask and not click.confirm("Do this?", err=True):
        raise click.exceptions.Abort
    say = (lambda step: None) if quiet else (lambda step: click.echo(f"  done: {step}"))
    left = await rescuer.fix(finding, say)
    left = rescue_report.after(finding, left)
    if not quiet:
        click.echo(f"  {left.because}")
    return left


def _show(findings: Sequence["Finding"]) -> None:
    from seatrial.cli import rescue_report

    if not findings:
        click.echo("nothing hangs")
    for finding in findings:
        click.echo("\n".join(rescue_report.lines(finding)))
