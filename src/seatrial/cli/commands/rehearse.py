"""`seatrial rehearse`: what will this update do? Asked before anything is touched."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.aio import loops
from seatrial.base.errors import ToolError
from seatrial.cli import output
from seatrial.cli.go_flags import Duration

if TYPE_CHECKING:
    from seatrial.rehearse.change import Change
    from seatrial.rehearse.rehearsal import Plan
    from seatrial.rehearse.result import Result
    from seatrial.rehearse.snapshot import Snapshot

COMPLETES, WITH_WARNINGS, HANGS, BELOW = 0, 2, 3, 4

HELP = """Rehearse an update in virtual time: does it complete, how long does it take, how few Pods are available
meanwhile, and if it hangs, where, why, and what to change. Nothing is touched.

\b
It starts from
  a live cluster      (the default: --kubeconfig, --context) which is only read
  a dump              --from FILE|DIR: kubectl get -A -o yaml, kubectl cluster-info dump
  manifests alone     --old old.yaml [--nodes 3x8cpu,32Gi]
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


@click.command("rehearse", help=HELP, short_help="What will this update do?")
@click.argument("workload", required=False, default="", metavar="[KIND/NAME]")
@click.option("-f", "--filename", "new", multiple=True, metavar="FILE", help="Manifests to apply; - is stdin.")
@click.option("--image", "images", multiple=True, metavar="CONTAINER=IMAGE", help="Set an image.")
@click.option("--restart", is_flag=True, help="Restart it.")
@click.option("--undo", is_flag=False, flag_value=0, default=None, type=int, metavar="[REVISION]", help="Undo it.")
@click.option("--scale", type=click.IntRange(min=0), metavar="N", help="Scale it.")
@click.option("--drain", "drains", multiple=True, metavar="NODE", help="Empty a node.")
@click.option("--delete-pod", "deleted", multiple=True, metavar="POD", help="Delete a Pod.")
@click.option("--rolling-update", "old_rc", default="", metavar="OLD", help="Roll this ReplicationController to -f.")
@click.option("--from", "dumps", multiple=True, type=click.Path(path_type=Path), metavar="FILE|DIR", help="A dump.")
@click.option("--old", multiple=True, metavar="FILE", help="Manifests as they are now.")
@click.option("--nodes", default="", metavar="3x8cpu,32Gi", help="The nodes, when nothing says which there are.")
@click.option("--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Path to the kubeconfig file.")
@click.option("--context", default="", help="The kubeconfig's context to use.")
@click.option("-n", "--namespace", default="", help="The namespace, if it isn't the context's.")
@click.option("--behaviour", type=click.Path(dir_okay=False, path_type=Path), help="How Pods behave, per image.")
@click.option("--fault", "faults", multiple=True, metavar="KIND=WHAT@WHEN", help="What goes wrong meanwhile.")
@click.option("--trials", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many runs.")
@click.option("--seed", type=int, default=0, help="Another run than the typical one.")
@click.option("--horizon", type=Duration(), default="1h", show_default=True, help="How long to watch, in virtual time.")
@click.option("--kubernetes-version", "release", default="", metavar="1.32", help="The release whose rules hold.")
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
@click.option("--no-remedies", is_flag=True, help="Don't rehearse what would help.")
@output.output_option
def command(
    output_format: str, min_available: int | None, max_duration: float | None, strict: bool, **given: Any
) -> int:
    loops.tune_garbage_collection()
    logging.getLogger("seatrial").addHandler(
        logging.NullHandler()
    )  # what simulated nodes complain of is in the verdict
    if given["recorded"]:
        return _compare(given["recorded"], given["release"], output_format)
    from seatrial.rehearse import whole

    live = output.Live()
    say = (lambda what: live.show([f"{what} …"], "")) if live.on_terminal else (lambda what: None)
    result = whole.run(_plan(given), trials=given["trials"], remedies=not given["no_remedies"], say=say)
    live.clear()
    from seatrial.cli import junit, rehearsal_text

    lines = rehearsal_text.lines(result)
    if output_format == "text":
        click.echo("\n".join(lines))
    else:
        output.data(result.to_json(), output_format)
    code = exit_code(result, min_available, max_duration, strict)
    if given["junit"]:
        junit.write(given["junit"], result, lines, failed=code != COMPLETES)
    if given["report"]:
        from seatrial.rehearse import report

        output.page(given["report"], report.page(result))
    return code


def _compare(paths: Sequence[Path], release: str, output_format: str) -> int:
    """Rehearse recordings; 0 only if all did as recorded."""
    from seatrial.rehearse import compared, recorded

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


def exit_code(result: "Result", min_available: int | None, max_duration: float | None, strict: bool) -> int:
    """What the verdict means for a script."""
    if not result.completes:
        return HANGS
    longest = result.spread.worst_seconds if result.spread else result.duration_seconds
    if min_available is not None and result.min_available < min_available:
        click.echo(f"error: {result.min_available} Pods available, and --min-available is {min_available}", err=True)
        return BELOW
    if max_duration is not None and longest > max_duration:
        click.echo(f"error: it takes {longest:g}s, and --max-duration is {max_duration:g}s", err=True)
        return BELOW
    return WITH_WARNINGS if strict and result.warnings else COMPLETES


def _plan(given: dict[str, Any]) -> "Plan":
    from seatrial.cluster.config import DEFAULT_RELEASE
    from seatrial.rehearse import behaviour, faults
    from seatrial.rehearse.rehearsal import Plan

    snapshot, namespace = _beginning(given)
    profiles = behaviour.read(given["behaviour"]) if given["behaviour"] else behaviour.Profiles()
    return Plan(
        snapshot,
        _changes(given),
        namespace,
        profiles,
        [faults.parse(text) for text in given["faults"]],
        given["horizon"],
        given["release"] or DEFAULT_RELEASE,
        given["seed"],
    )


def _beginning(given: dict[str, Any]) -> "tuple[Snapshot, str]":
    """The snapshot, and the namespace that counts."""
    from seatrial.rehearse import dump, snapshot

    sources = [bool(given["dumps"]), bool(given["old"]), bool(given["context"] or given["kubeconfig"])]
    if sum(sources) > 1:
        raise ToolError("start from one thing: --from, --old, or a cluster (--context, --kubeconfig)")
    if given["dumps"]:
        return dump.read(given["dumps"], given["nodes"]), given["namespace"] or "default"
    if given["old"]:
        return snapshot.of_manifests(_manifests(given["old"]), given["nodes"]), given["namespace"] or "default"
    return _live(given)


def _live(given: dict[str, Any]) -> "tuple[Snapshot, str]":
    from seatrial.base.env import SystemEnv
    from seatrial.cli import target
    from seatrial.rehearse import live

    async def read(client: Any, namespace: str) -> "tuple[Snapshot, str]":
        return await live.read(client, SystemEnv(), given["nodes"], namespace), namespace

    return target.run(read, given["kubeconfig"], given["context"], given["namespace"], "seatrial-rehearse")


def _manifests(files: Sequence[str]) -> list[Any]:
    from seatrial.rollout import manifests

    found: list[Any] = []
    for file in files:
        if file == "-":
            found += manifests.parse(sys.stdin.read(), "stdin")
        else:
            found += manifests.read(Path(file))
    return found


def _changes(given: dict[str, Any]) -> "list[Change]":
    from seatrial.rehearse import change

    word: str = given["workload"]
    changes: list[Change] = []
    if given["new"]:
        manifests = _manifests(given["new"])
        if given["old_rc"]:
            changes.append(change.Roll(given["old_rc"], manifest=manifests[0]))
        else:
            changes.append(change.Apply(manifests, f"apply {', '.join(given['new'])}"))
    if given["images"]:
        changes.append(change.SetImage(word, [_image(text) for text in given["images"]]))
    changes += [change.Restart(word)] if given["restart"] else []
    changes += [change.Undo(word, given["undo"])] if given["undo"] is not None else []
    changes += [change.Scale(word, given["scale"])] if given["scale"] is not None else []
    changes += [change.Drain(node) for node in given["drains"]]
    changes += [change.DeletePod(pod) for pod in given["deleted"]]
    if not changes:
        raise ToolError("say what changes: -f FILE, --image, --restart, --undo, --scale, --drain or --delete-pod")
    return changes


def _image(text: str) -> tuple[str, str]:
    container, equals, image = text.partition("=")
    return (container, image) if equals else ("", text)
