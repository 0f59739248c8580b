"""`seatrial rolling-update`, and `kubectl rolling-update` as a plugin: ReplicationControllers, rolled by the client.

All options of kubectl 1.2 to 1.17; behaviour and output are those of 1.5. Two that mattered once change nothing:
--schema-cache-dir (the schemas are built in) and --include-extended-apis.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import ToolError
from seatrial.cli import target
from seatrial.cli.go_flags import Duration, GoCommand, comma_separated

if TYPE_CHECKING:
    from seatrial.base.types import JSON
    from seatrial.cli.object_printers import Printer
    from seatrial.client.kubeconfig import Access
    from seatrial.rollout.rolling_update.controllers import Timing
    from seatrial.rollout.rolling_update.run import Outcome
    from seatrial.rollout.rolling_update.validation import Request

UNITS = 'Valid time units are "ns", "us" (or "µs"), "ms", "s", "m", "h".'
HELP = """Perform a rolling update of the given ReplicationController.

Replaces the specified replication controller with a new replication controller by updating one pod at a time to use
the new PodTemplate. The new controller must be in the same namespace as the existing replication controller and
overwrite at least one (common) label in its selector.

The update is driven from here: when this command ends early, both controllers stay as they are. The same command
again goes on from there, and with --rollback it goes back.

\b
Examples:
  # Update pods of frontend-v1 using new replication controller data in frontend-v2.json.
  {command} frontend-v1 -f frontend-v2.json
\b
  # Update pods of frontend-v1 using JSON data passed into stdin.
  cat frontend-v2.json | {command} frontend-v1 -f -
\b
  # Update the pods of frontend-v1 to frontend-v2 by just changing the image, and switching the name.
  {command} frontend-v1 frontend-v2 --image=image:v2
\b
  # Update the pods of frontend by just changing the image, and keeping the old name.
  {command} frontend --image=image:v2
\b
  # Abort and reverse an existing rollout in progress (from frontend-v1 to frontend-v2).
  {command} frontend-v1 frontend-v2 --rollback
"""


class RollingUpdateCommand(GoCommand):
    """Its help names the command as it was called."""

    def get_help(self, ctx: click.Context) -> str:
        self.help = HELP.format(command=ctx.command_path)
        return super().get_help(ctx)


@click.command(
    "rolling-update",
    cls=RollingUpdateCommand,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    short_help="Roll a ReplicationController, as kubectl did.",
    options_metavar="OLD_CONTROLLER_NAME ([NEW_CONTROLLER_NAME] --image=NEW_CONTAINER_IMAGE | -f NEW_CONTROLLER_SPEC)",
)
@click.argument("names", nargs=-1, metavar="")
@click.option(
    "--update-period",
    type=Duration(),
    default="1m0s",
    show_default=True,
    help=f"Time to wait between updating pods. {UNITS}",
)
@click.option(
    "--poll-interval",
    type=Duration(),
    default="3s",
    show_default=True,
    help=f"Time delay between polling for replication controller status after the update. {UNITS}",
)
@click.option(
    "--timeout",
    type=Duration(),
    default="5m0s",
    show_default=True,
    help=f"Max time to wait for a replication controller to update before giving up. {UNITS}",
)
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    callback=comma_separated,
    help="Filename or URL to file to use to create the new replication controller; - is stdin.",
)
@click.option("--image", default="", help="Image to use for upgrading the replication controller; not with -f.")
@click.option(
    "--deployment-label-key",
    default="deployment",
    show_default=True,
    help="The key to use to differentiate between two different controllers. Only relevant with --image.",
)
@click.option(
    "--container",
    default="",
    help="Container which will have its image upgraded. Required when using --image on a multi-container pod.",
)
@click.option(
    "--image-pull-policy",
    default="",
    help="When to pull the image. Required when --image is same as existing image, ignored otherwise.",
)
@click.option(
    "--rollback", is_flag=True, help="Abort an existing rollout that is partially rolled out, and reverse it."
)
@click.option("--dry-run", is_flag=True, help="Only print what would be rolled; nothing is sent.")
@click.option("--validate", is_flag=True, default=True, show_default=True, help="Validate the file before sending it.")
@click.option("--schema-cache-dir", default="~/.kube/schema", hidden=True)
@click.option("--include-extended-apis", is_flag=True, default=True, hidden=True)
@click.option(
    "-o",
    "--output",
    default="",
    help="Print the controller afterwards, as json|yaml|wide|name|"
    "custom-columns=...|custom-columns-file=...|go-template=...|go-template-file=...|jsonpath=...|"
    "jsonpath-file=...",
)
@click.option("--template", default="", help="Template string or path to template file for -o go-template.")
@click.option("--no-headers", is_flag=True, help="With -o wide or custom-columns, don't print headers.")
@click.option("--show-labels", is_flag=True, help="With -o wide, show all labels as the last column.")
@click.option("-a", "--show-all", is_flag=True, hidden=True)
@click.option("--sort-by", default="", hidden=True)
@click.option("--output-version", default="", hidden=True)
@click.option(
    "--allow-missing-template-keys",
    is_flag=True,
    default=True,
    hidden=True,
)
@target.options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    from seatrial.aio import loops
    from seatrial.cli import object_printers
    from seatrial.client import kubeconfig
    from seatrial.rollout.rolling_update import validation
    from seatrial.rollout.rolling_update.validation import UsageError

    request = _request(options)
    try:
        validation.check_request(request)
        printer = object_printers.printer(
            options["output"],
            options["template"],
            no_headers=options["no_headers"],
            show_labels=options["show_labels"],
            allow_missing=options["allow_missing_template_keys"],
        )
        access = kubeconfig.load(options["kubeconfig"], options["context"])
        loops.run(_run(request, printer, access, options))
    except UsageError as error:
        raise ToolError(f"{error}\nSee '{ctx.command_path} -h' for help and examples.") from None
    except ConnectionError as error:
        raise ToolError(f"{error}; run the same command again to go on") from None
    return 0


command.help = HELP.format(command="seatrial rolling-update")


def _request(options: dict[str, Any]) -> "Request":
    from seatrial.rollout.rolling_update.validation import Request

    return Request(
        names=options["names"],
        filenames=options["filenames"],
        image=options["image"],
        container=options["container"],
        image_pull_policy=options["image_pull_policy"],
        deployment_label_key=options["deployment_label_key"],
        rollback=options["rollback"],
        dry_run=options["dry_run"],
    )


def _timing(options: dict[str, Any]) -> "Timing":
    from seatrial.rollout.rolling_update.controllers import Timing

    return Timing(
        update_period=max(0.0, options["update_period"]),
        poll_interval=options["poll_interval"],
        timeout=options["timeout"],
    )


async def _run(request: "Request", printer: "Printer | None", access: "Access", options: dict[str, Any]) -> None:
    from seatrial.base.env import SystemEnv
    from seatrial.client.client import ApiClient
    from seatrial.client.http import HttpTransport
    from seatrial.rollout.rolling_update.run import RollingUpdate

    namespace, enforced = options["namespace"] or access.namespace, bool(options["namespace"])
    read = _Manifest(request.filename, namespace, enforced, options["validate"])
    env, client = SystemEnv(), ApiClient(HttpTransport(access, user_agent="kubectl-rolling-update (seatrial)"))
    try:
        call = RollingUpdate(client, env, namespace, request, _timing(options), read, click.echo)
        _show(await call.run(), printer, env.now())
    finally:
        await client.aclose()


def _show(outcome: "Outcome", printer: "Printer | None", now: float) -> None:
    from seatrial.api.registry import REPLICATION_CONTROLLERS
    from seatrial.cli import object_printers
    from seatrial.machinery import objects
    from seatrial.rollout.rolling_update.run import Planned, Updated

    def text(rc: "JSON") -> str:
        if printer is None:
            return objects.name(rc)
        return object_printers.text(printer, REPLICATION_CONTROLLERS, rc, now)

    if isinstance(outcome, Planned):
        click.echo(f"Rolling from:\n{text(outcome.old)}\nTo:\n{text(outcome.new)}")
    elif isinstance(outcome, Updated) and printer is None:
        click.echo(f'replicationcontroller "{outcome.subject}" {outcome.message}')
    elif isinstance(outcome, Updated):
        click.echo(text(outcome.controller), nl=False)


class _Manifest:
    """Reads the file of -f once, when it is first asked for."""

    def __init__(self, filename: str, namespace: str, enforced: bool, validate: bool) -> None:
        self._filename, self._namespace = filename, namespace
        self._enforced, self._validate = enforced, validate
        self._read: JSON | None = None

    def __call__(self) -> "JSON":
        from seatrial.rollout import manifests
        from seatrial.rollout.rolling_update import manifest

        if self._read is None:
            found = manifests.parse(_content(self._filename), self._filename)
            rc = manifest.only_controller(found, self._filename, self._namespace, self._enforced)
            if self._validate:
                manifest.check_schema(rc, self._filename)
            self._read = rc
        return self._read


def _content(filename: str) -> str:
    if filename == "-":
        return sys.stdin.read()
    if filename.startswith(("http://", "https://")):
        return _download(filename)
    path = Path(filename)
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml", ".json"})
            return "\n---\n".join(file.read_text() for file in files)
        return path.read_text()
    except FileNotFoundError:
        raise ToolError(f'the path "{filename}" does not exist') from None
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"{filename}: {getattr(error, 'strerror', None) or error}") from None


def _download(url: str) -> str:
    import httpx

    try:
        answer = httpx.get(url, follow_redirects=True, timeout=30)
    except httpx.HTTPError as error:
        raise ToolError(f"unable to read URL {url!r}: {error}") from None
    if answer.status_code != 200:
        raise ToolError(
            f'unable to read URL "{url}", server reported {answer.status_code} {answer.reason_phrase}, '
            f"status code={answer.status_code}"
        )
    return answer.text
