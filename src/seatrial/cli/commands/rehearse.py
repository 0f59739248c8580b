"""`seatrial rehearse`: what will this update do? Answered before anything is touched."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.aio import loops
from seatrial.base.errors import SeatrialError, ToolError
from seatrial.cli import output, target
from seatrial.cli.go_flags import Duration, GoCommand

if TYPE_CHECKING:
    from seatrial.rehearse.result import Result

COMPLETES, WITH_WARNINGS, HANGS, BELOW = 0, 2, 3, 4

HELP = """Rehearse an update in virtual time: does it complete, how long does it take, how few Pods are available
meanwhile, and if it hangs, where, why, and what to change. Nothing is touched.

\b
It starts from
  a live cluster      (the default: --kubeconfig, --context) which is only read
  a dump              --from FILE|DIR: kubectl get -A -o yaml, kubectl cluster-info dump
  manifests alone     --old old.yaml [--nodes 3x8cpu,32Gi]
  nothing             --nodes 3x8cpu,32Gi: a first installation
and changes, in this order: -f, --image, --restart, --undo, --scale, --drain, --delete-pod.

\b
Examples:
  # What will this file do to the cluster?
  seatrial rehearse -f new.yaml
\b
  # Without a cluster
  seatrial rehearse --old old.yaml -f new.yaml --nodes 3x4cpu,16Gi
\b
  # A new image for everything behind a Service
  seatrial rehearse service/web --image app=web:2
\b
  # What kustomize or helm would apply, a hundred times, with start-up times as they vary
  kustomize build . | seatrial rehearse -f - --behaviour behaviour.yaml --trials 100
\b
  # A node dies in the middle
  seatrial rehearse deployment/web --restart --fault node-crash=node-1@10s

\b
Exit codes: 0 completes, 2 completes with warnings (with --strict), 3 hangs, 4 below --min-available or over
--max-duration, or not as --recorded, 1 it can't be rehearsed.
"""


@click.command("rehearse", cls=GoCommand, help=HELP, short_help="What will this update do?")
@click.argument("workload", required=False, default="", metavar="[KIND/NAME]")
@click.option("-f", "--filename", "new", multiple=True, metavar="FILE", help="Manifests to apply; - is stdin.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="CONTAINER=IMAGE",
    help="Set an image; the container may be left out where there is one.",
)
@click.option("--restart", is_flag=True, help="Restart the workload.")
@click.option(
    "--undo",
    is_flag=False,
    flag_value=0,
    default=None,
    type=int,
    metavar="[REVISION]",
    help="Go back to this revision, or to the one before.",
)
@click.option("--scale", type=click.IntRange(min=0), metavar="N", help="Set the number of replicas.")
@click.option("--drain", "drains", multiple=True, metavar="NODE", help="Drain a node; Pods of DaemonSets stay.")
@click.option("--force", is_flag=True, help="Drain Pods without a controller, too.")
@click.option("--delete-emptydir-data", is_flag=True, help="Drain Pods with emptyDir volumes, too.")
@click.option("--delete-pod", "deleted", multiple=True, metavar="POD", help="Delete a Pod.")
@click.option(
    "--rolling-update", "old_rc", default="", metavar="OLD", help="Roll this ReplicationController to the one in -f."
)
@click.option("--from", "dumps", multiple=True, type=click.Path(path_type=Path), metavar="FILE|DIR", help="A dump.")
@click.option("--old", multiple=True, metavar="FILE", help="Manifests as they are now.")
@click.option(
    "--nodes", default="", metavar="3x8cpu,32Gi", help="The nodes, where none are known; alone: an empty cluster."
)
@target.options
@click.option("--behaviour", type=click.Path(dir_okay=False, path_type=Path), help="How Pods behave, per image.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND=WHAT@WHEN",
    help="What goes wrong meanwhile, as in node-crash=node-1@30s.",
)
@click.option("--trials", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many runs.")
@click.option("--seed", type=int, default=0, help="Draw this run by chance instead of the typical one.")
@click.option("--horizon", type=Duration(), default="1h", show_default=True, help="How long to watch, in virtual time.")
@click.option("--kubernetes-version", "release", default="", metavar="1.32", help="The release whose rules apply.")
@click.option(
    "--recorded",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Rehearse what was recorded from a real control plane, and compare.",
)
@click.option("--min-available", type=click.IntRange(min=0), help="Fail when fewer Pods are available.")
@click.option("--max-duration", type=Duration(), help="Fail when it takes longer, as in 5m.")
@click.option("--strict", is_flag=True, help="Exit with 2 when there are warnings.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report, too.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with pictures, too.")
@click.option("--no-remedies", is_flag=True, help="Don't rehearse what may help.")
@output.output_option
def command(
    output_format: str, min_available: int | None, max_duration: float | None, strict: bool, **given: Any
) -> int:
    loops.tune_garbage_collection()
    # What simulated nodes complain of is in the verdict.
    logging.getLogger("seatrial").addHandler(logging.NullHandler())
    if given["recorded"]:
        if any(given[each] for each in ("workload", "new", "dumps", "old")):
            raise ToolError(
                "--recorded brings its own beginning and changes: leave out -f, --from, --old and KIND/NAME"
            )
        return _compare(given["recorded"], given["release"], output_format)
    try:
        result = _rehearse(given)
    except (SeatrialError, ConnectionError) as error:
        if given["junit"]:
            from seatrial.cli import junit

            output.report(given["junit"], junit.not_rehearsed(output.error_line(error)))
        raise
    code, unkept = judged(result, min_available, max_duration, strict=strict)
    _tell(result, unkept, output_format, given["junit"], given["report"])
    return code


def _rehearse(given: Mapping[str, Any]) -> "Result":
    from seatrial.cli import rehearsal_plan
    from seatrial.rehearse import whole

    live = output.Live()
    say = (lambda what: live.show([f"{what} …"], "")) if live.on_terminal else (lambda what: None)
    plan = rehearsal_plan.of(given)
    result = whole.run(plan, trials=given["trials"], remedies=not given["no_remedies"], say=say)
    live.clear()
    return result


def _tell(result: "Result", unkept: str, output_format: str, junit_file: Path | None, page: Path | None) -> None:
    """On standard output, and in the files that were asked for."""
    from seatrial.cli import junit, rehearsal_text
    from seatrial.rehearse.report import report

    lines = rehearsal_text.lines(result)
    if output_format == "text":
        click.echo("\n".join(lines))
    else:
        output.data(result.to_json(), output_format)
    if junit_file:
        output.report(junit_file, junit.report(result, lines, unkept))
    if page:
        output.report(page, report.page(result))
    if unkept:
        click.echo(f"error: {unkept}", err=True)


def judged(result: "Result", min_available: int | None, max_duration: float | None, *, strict: bool) -> tuple[int, str]:
    """The exit code; and what was asked for and an update that completes does not keep, or "". Times in seconds."""
    from seatrial.rehearse import durations

    if not result.completes:
        return HANGS, ""
    if min_available is not None and result.min_available < min_available:
        return BELOW, f"{result.min_available} Pods available, and --min-available is {min_available}"
    longest = result.spread.worst_seconds if result.spread else result.duration_seconds
    if max_duration is not None and longest > max_duration:
        what = f"the worst of {result.spread.trials} trials" if result.spread else "it"
        took, limit = durations.exact(longest), durations.exact(max_duration)
        return BELOW, f"{what} takes {took}, and --max-duration is {limit}"
    if strict and result.warnings:
        rules = dict.fromkeys(each.rule for each in result.warnings)
        return WITH_WARNINGS, f"it completes with warnings, and --strict is given: {', '.join(rules)}"
    return COMPLETES, ""


def _compare(paths: Sequence[Path], release: str, output_format: str) -> int:
    """Rehearse recordings; 0 only if all did as recorded."""
    from seatrial.rehearse.recordings import compared, recorded

    live = output.Live()
    found = []
    for file in recorded.files(paths):
        if live.on_terminal:
            live.show([f"{file.stem} …"], "")
        found.append(compared.compare(file, release or recorded.RELEASE))
    live.clear()
    if output_format == "text":
        from seatrial.cli import recorded_text

        click.echo("\n".join(recorded_text.lines(found)))
    else:
        output.data([each.to_json() for each in found], output_format)
    return 0 if all(not each.differences for each in found) else BELOW
