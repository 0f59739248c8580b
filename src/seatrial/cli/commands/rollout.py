"""`seatrial rollout`: kubectl's commands of this name on any cluster, with reasons, exact history and a safer undo.

differs from kubectl: `status` prints a message once, not with every change of the object, and ends early (exit code 2)
when the new Pods can't come up; `history` has more columns and shows a revision as YAML; `undo` says what stays.
"""

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.base.errors import SeatrialError, ToolError
from seatrial.cli import event_lines, output, target
from seatrial.cli.go_flags import Duration, GoCommand

if TYPE_CHECKING:
    from seatrial.client.base import Client
    from seatrial.rollout.progress import Progress
    from seatrial.rollout.revision_log import Revision
    from seatrial.rollout.rolls import Evidence, Roll
    from seatrial.rollout.stuck import Stuck
    from seatrial.rollout.undoing import Plan
    from seatrial.rollout.workload import Workload

T = TypeVar("T")

AGENT = "seatrial-rollout"


class _Group(click.Group):
    """Its command `service` is a file of its own, loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "service"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "service":
            from seatrial.cli.commands import rollout_service

            return rollout_service.command
        return super().get_command(ctx, cmd_name)


@click.group("rollout", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Status, history, undo, pause, resume and restart of workloads, and rolls of a whole Service."""


def _workload_command(function: Callable[..., Any]) -> click.Command:
    """A command of the group on one workload: `KIND/NAME` or `KIND NAME`."""
    named = click.argument("words", nargs=-1, metavar="KIND/NAME")(target.options(function))
    return command.command(function.__name__, cls=GoCommand)(named)


def _on_workload(
    words: Sequence[str], where: dict[str, Any], work: "Callable[[Client, Workload], Awaitable[T]]"
) -> "tuple[Workload, T]":
    from seatrial.rollout import workload

    async def whole(client: "Client", namespace: str) -> "tuple[Workload, T]":
        named = workload.parse(words, namespace)
        return named, await work(client, named)

    workload.parse(words, "")
    try:
        return target.run(whole, where["kubeconfig"], where["context"], where["namespace"], AGENT)
    except ConnectionError as error:
        raise ToolError(str(error)) from None


@_workload_command
@click.option("-w", "--watch/--no-watch", default=True, show_default=True, help="Wait until the rollout is done.")
@click.option("--timeout", type=Duration(), default="0s", help="The longest time to wait, as in 1m30s; 0s: for ever.")
@click.option("--revision", type=int, default=0, help="Only this revision: it has to be the current one.")
@click.option(
    "--early-end/--no-early-end", default=True, show_default=True, help="End when the new Pods can't come up."
)
@click.option("--unstick", is_flag=True, help="Free a stuck StatefulSet: evict the Pods that hold it up, in order.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", help="json: a line each.")
def status(words: tuple[str, ...], watch: bool, timeout: float, revision: int, form: str, **options: Any) -> None:
    """Show how far a rollout is, until it is done.

    Exit codes: 0 it is done (or --no-watch), 1 it has failed, is too late or can't be seen, 2 the new Pods can't come
    up, 3 a StatefulSet waits for a Pod that only --unstick frees.
    """
    from seatrial.base.env import SystemEnv
    from seatrial.rollout.following import Follower

    if revision < 0:
        raise ToolError(f"revision must be a positive integer: {revision}")
    shown = _Shown(form)
    try:
        _, last = _on_workload(
            words,
            options,
            lambda client, named: Follower(
                client,
                SystemEnv(),
                named,
                shown.progress,
                revision,
                watch,
                timeout,
                early=options["early_end"],
                unstick=options["unstick"],
                freed=shown.freed,
            ).run(),
        )
    except SeatrialError as error:
        shown.failed(error)
        raise
    shown.ended(last)


class _Shown:
    """Progress as lines, as a live line on a terminal, or as JSON."""

    def __init__(self, form: str) -> None:
        self._json, self._live = form == "json", output.Live(sys.stdout)

    def progress(self, progress: "Progress") -> None:
        if self._json:
            event_lines.write("progress", message=progress.message, **_counts(progress))
        elif not progress.done:
            bar = _bar(progress)
            self._live.show([progress.message, *([bar] if bar else [])], progress.message)

    def ended(self, last: "Progress") -> None:
        if self._json:
            event_lines.write(
                "result", outcome="done" if last.done else "rolling", message=last.message, **_counts(last)
            )
        elif last.done:
            self._live.done()
            click.echo(last.message)

    def freed(self, stuck: "Stuck") -> None:
        if self._json:
            event_lines.write("freed", ordinal=stuck.ordinal, pod=stuck.name, revision=stuck.revision)
        else:
            self._live.clear()
            click.echo(f"{stuck}: evicted")

    def failed(self, error: SeatrialError) -> None:
        from seatrial.rollout.following import CannotComeUp, StuckOn

        if not self._json:
            return
        outcome, more = "failed", dict[str, Any]()
        if isinstance(error, CannotComeUp):
            outcome = "cannot come up"
            more = {"reason": error.obstacle.reason, "pod": error.obstacle.pod, "log": error.log}
        elif isinstance(error, StuckOn):
            outcome, more = "stuck", {"ordinal": error.stuck.ordinal, "pod": error.stuck.name}
        event_lines.write("result", outcome=outcome, message=str(error), **more)


def _counts(progress: "Progress") -> dict[str, int]:
    return {"desired": progress.desired, "updated": progress.updated, "available": progress.available}


def _bar(progress: "Progress") -> str:
    if not progress.desired:
        return ""
    width = min(progress.desired, 40)
    done = width * min(progress.updated, progress.desired) // progress.desired
    bar = click.style("█" * done, fg=output.GREEN) + click.style("░" * (width - done), fg=output.DIM)
    return f"{bar} {progress.updated} of {progress.desired} updated, {progress.available} available"


@_workload_command
@click.option("--revision", type=int, default=0, help="Only this revision, with its template.")
@click.option("--against", type=int, default=0, help="Compare with this revision instead of the one before.")
@output.output_option
def history(words: tuple[str, ...], revision: int, against: int, output_format: str, **where: Any) -> None:
    """Show the revisions: when, who, images, cause, what changed, and how the roll to it went.

    TOOK, LOWEST (the least Pods available) and DONE are put together from what the cluster keeps, events above all, and
    those are gone after an hour: "-" is what nobody knows any more.
    """
    from seatrial.base.env import SystemEnv
    from seatrial.rollout import revision_log, roll_evidence, rolls

    for number in (revision, against):
        if number < 0:
            raise ToolError(f"revision must be a positive integer: {number}")

    async def read(client: "Client", named: "Workload") -> "tuple[list[Revision], Evidence]":
        obj = await named.get(client)
        log = await revision_log.of(client, named, obj)
        return log, await roll_evidence.read(client, SystemEnv(), named, obj, log)

    named, (log, evidence) = _on_workload(words, where, read)
    went = rolls.of(evidence)
    chosen = [revision_log.find(log, revision)] if revision else log
    other = revision_log.find(log, against) if against else None
    pairs = [(each, other or revision_log.before(log, each)) for each in chosen]
    if output_format != "text":
        rows = [
            {**revision_log.data(log, each, before, whole=bool(revision)), "roll": rolls.data(went[each.number])}
            for each, before in pairs
        ]
        output.data(rows[0] if revision else rows, output_format)
    elif revision:
        _show_revision(named, *pairs[0], went[revision])
    elif not log:
        click.echo("No rollout history found.")
    else:
        _show_history(named, pairs, went)


def _show_history(
    named: "Workload", pairs: "Sequence[tuple[Revision, Revision | None]]", went: "dict[int, Roll]"
) -> None:
    from seatrial.rollout import revision_log, rolls

    click.echo(named.shown)
    rows = [("REVISION", "WHEN", "WHO", "TOOK", "LOWEST", "DONE", "IMAGES", "CHANGE-CAUSE", "CHANGED")]
    for revision, before in pairs:
        changed = ", ".join(revision_log.changes(before, revision)) or "-"
        cause = revision.cause or "<none>"
        images = ",".join(revision.images)
        who, how = revision.who or "<unknown>", rolls.shown(went[revision.number])
        rows.append((str(revision.number), revision.when, who, *how, images, cause, changed))
    click.echo("\n".join(output.columns(rows)) + "\n")


def _show_revision(named: "Workload", revision: "Revision", before: "Revision | None", went: "Roll") -> None:
    import yaml

    from seatrial.rollout import revision_log, rolls

    click.echo(f"{named.shown} with revision #{revision.number}")
    rows = [("When:", revision.when), ("Who:", revision.who or "<unknown>"), ("Cause:", revision.cause or "<none>")]
    if revision.formerly:
        rows.append(("Formerly:", f"revision {', '.join(str(number) for number in revision.formerly)}"))
    took, lowest, done = rolls.shown(went)
    rows += [("Took:", took), ("Lowest available:", lowest), ("Done:", f"{done} ({went.told})" if went.told else done)]
    click.echo("\n".join(output.columns(rows)))
    if before:
        click.echo(f"Changed against revision {before.number}:")
        click.echo("\n".join(f"  {line}" for line in revision_log.changes(before, revision)) or "  nothing")
    click.echo("Pod Template:")
    text = yaml.safe_dump(revision.template, sort_keys=False)
    click.echo("\n".join(f"  {line}" for line in text.splitlines()))


@_workload_command
@click.option("--to-revision", type=int, default=0, help="The revision to go back to; 0: the one before.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen; the server checks it and changes nothing.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", help="Output format.")
def undo(words: tuple[str, ...], to_revision: int, dry_run: bool, form: str, **where: Any) -> None:
    """Go back to an earlier revision, and say what comes back and what does not."""
    from seatrial.rollout import undoing

    if to_revision < 0:
        raise ToolError(f"revision must be a positive integer: {to_revision}")
    named, plan = _on_workload(
        words, where, lambda client, named: undoing.undo(client, named, to_revision, dry_run=dry_run)
    )
    if form == "json":
        fields = ("revision", "comes_back", "stays", "warnings")
        output.data({"dry_run": dry_run, **{field: getattr(plan, field) for field in fields}}, form)
    else:
        _show_plan(named, plan, dry_run)


def _show_plan(named: "Workload", plan: "Plan", dry_run: bool) -> None:
    click.echo(f"{named.shown} rolled back" + (" (server dry run)" if dry_run else ""))
    click.echo(f"Revision {plan.revision} comes back:")
    click.echo("\n".join(f"  {line}" for line in plan.comes_back))
    if plan.stays:
        click.echo("Not undone:")
        click.echo("\n".join(f"  {line}" for line in plan.stays))
    for warning in plan.warnings:
        click.echo(f"Warning: {warning}", err=True)


@_workload_command
def pause(words: tuple[str, ...], **where: Any) -> None:
    """Stop rolling; changes to the template wait until resume."""
    _switch(words, where, paused=True)


@_workload_command
def resume(words: tuple[str, ...], **where: Any) -> None:
    """Go on rolling."""
    _switch(words, where, paused=False)


def _switch(words: tuple[str, ...], where: dict[str, Any], *, paused: bool) -> None:
    from seatrial.rollout import switching

    named, _ = _on_workload(words, where, lambda client, named: switching.pause(client, named, paused=paused))
    click.echo(f"{named.shown} {'paused' if paused else 'resumed'}")


@_workload_command
@click.option("--if-config-changed", is_flag=True, help="Only if a ConfigMap or Secret that it uses has changed.")
def restart(words: tuple[str, ...], if_config_changed: bool, **where: Any) -> None:
    """Replace all Pods by new ones of the same template, as a rolling update."""
    from seatrial.base.env import SystemEnv
    from seatrial.rollout import switching

    if not if_config_changed:
        named, _ = _on_workload(words, where, lambda client, named: switching.restart(client, SystemEnv(), named))
        click.echo(f"{named.shown} restarted")
        return
    named, changed = _on_workload(
        words, where, lambda client, named: switching.restart_if_changed(client, SystemEnv(), named)
    )
    click.echo(
        f"{named.shown} restarted (changed: {', '.join(changed)})"
        if changed
        else f"{named.shown} not restarted (no ConfigMap or Secret that it uses has changed)"
    )
