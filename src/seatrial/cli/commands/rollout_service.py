"""`seatrial rollout service`: all workloads behind a Service, rolled and rolled back as one."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from seatrial.base.errors import SeatrialError, ToolError
from seatrial.cli import target
from seatrial.cli.go_flags import Duration, GoCommand

if TYPE_CHECKING:
    from seatrial.base.env import Env
    from seatrial.cli.service_roll import Shown
    from seatrial.client.base import Client
    from seatrial.rollout.load import LoadOptions
    from seatrial.rollout.service.ending import Ending
    from seatrial.rollout.service.plan import Options
    from seatrial.rollout.service.preparing import Prepared
    from seatrial.rollout.service.traffic import Traffic

AGENT = "seatrial-rollout-service"
AGAIN = "run the same command again to go on"
INTERRUPTED = 130


@click.command("service", cls=GoCommand)
@click.argument("words", nargs=-1, metavar="NAME")
@click.option("--image", "images", multiple=True, metavar="[CONTAINER=]IMAGE", help="The new image; may be repeated.")
@click.option("-f", "--filename", "files", multiple=True, help="A file or folder with the workloads; - is stdin.")
@click.option(
    "--on-failure",
    type=click.Choice(["undo", "pause", "keep"]),
    default="undo",
    show_default=True,
    help="undo: all workloads go back; pause: they stay as they are, to be gone on with; keep: Kubernetes goes on.",
)
@click.option("--timeout", type=Duration(), default="0s", help="The longest that the roll may take; 0s: no limit.")
@click.option("--max-unavailable", default=None, metavar="N|N%", help="For this roll, instead of the workloads' own.")
@click.option("--canary", type=click.IntRange(0), default=0, help="First only so many new Pods of each workload …")
@click.option("--wait", type=Duration(), default="0s", help="… which have to be ready for so long before it goes on.")
@click.option("--probe", default="", metavar="URL", help="Send requests there during the roll; their failures count.")
@click.option("--probe-rate", type=click.FloatRange(1), default=20, show_default=True, help="Requests per second.")
@click.option("--probe-threshold", default="1%", show_default=True, help="The share of requests that may fail.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", help="json: an event a line."
)
@target.options
def command(words: tuple[str, ...], form: str, **given: Any) -> int:
    """Roll all workloads behind a Service to a new version, and all back if one of them fails.

    Run again after a crash it goes on where it was. Exit codes: 0 rolled, 1 it can't be done, 3 and 10 to 23 the reason
    why it failed, 30 it failed and could not be undone: see docs/rollout.md.
    """
    from seatrial.cli.service_roll import Shown

    if len(words) != 1 or not words[0].removeprefix("service/"):
        raise ToolError("name one Service, as in: seatrial rollout service web --image nginx:1.11.9")
    if bool(given["images"]) == bool(given["files"]):
        raise ToolError("say what to roll out: either --image or -f")
    roll = _Roll(words[0].removeprefix("service/"), given, Shown(form))
    try:
        ending = target.run(roll.run, given["kubeconfig"], given["context"], given["namespace"], AGENT)
    except KeyboardInterrupt:
        raise roll.failed(ToolError(f"interrupted, the roll stays as it is: {AGAIN}", INTERRUPTED)) from None
    except ConnectionError as error:
        raise roll.failed(ToolError(f"{error}; {AGAIN}")) from None
    except SeatrialError as error:
        raise roll.failed(error) from None
    return ending.exit_code


class _Roll:
    def __init__(self, name: str, given: dict[str, Any], shown: "Shown") -> None:
        self._name, self._given, self._shown = name, given, shown
        self._options = _options(given)
        self._threshold = _share(given["probe_threshold"])

    def failed(self, error: SeatrialError) -> SeatrialError:
        """The error, told to scripts as well."""
        self._shown.failed(error)
        return error

    async def run(self, client: "Client", namespace: str) -> "Ending":
        from seatrial.base.env import SystemEnv
        from seatrial.rollout import applying
        from seatrial.rollout.service import preparing

        env = SystemEnv()
        prepared = await self._prepare(client, env, namespace)
        why = preparing.refusal(prepared, self._options)
        if why:
            raise ToolError(why)
        for event in preparing.events(prepared):
            self._shown.event(event)
        await applying.apply(client, prepared.before, namespace)
        ending = await self._roll(client, env, prepared)
        if not ending.reason:
            await applying.apply(client, prepared.afterwards, namespace)
        return ending

    async def _prepare(self, client: "Client", env: "Env", namespace: str) -> "Prepared":
        from seatrial.rollout.service import change, preparing

        if self._given["files"]:
            from seatrial.cli import manifest_files

            found = manifest_files.read(self._given["files"])
            return await preparing.by_manifests(client, env, self._name, namespace, found)
        images = [change.parse_image(text) for text in self._given["images"]]
        return await preparing.by_images(client, env, self._name, namespace, images)

    async def _roll(self, client: "Client", env: "Env", prepared: "Prepared") -> "Ending":
        from seatrial.rollout.service.run import ServiceRoll
        from seatrial.rollout.service.traffic import Traffic

        begun = env.monotonic()
        traffic = Traffic(self._threshold) if self._given["probe"] else None
        roll = ServiceRoll(client, env, prepared.service, prepared.targets, self._options, self._shown.event, traffic)
        if traffic is None:
            ending = await roll.run()
        else:
            ending = await self._with_traffic(roll.run, env, traffic)
        figures: dict[str, Any] = {
            "seconds": round(env.monotonic() - begun, 1),
            "lowest_endpoints": roll.lowest_endpoints,
            "requests": traffic.requests if traffic else None,
            "failed_requests": traffic.failed if traffic else None,
        }
        if ending.outcome != "rolled" and prepared.before:
            figures["not_undone"] = [f"{each['kind'].lower()}/{each['metadata']['name']}" for each in prepared.before]
        self._shown.ended(ending, **figures)
        return ending

    async def _with_traffic(self, run: Any, env: "Env", traffic: "Traffic") -> "Ending":
        from seatrial.rollout import load
        from seatrial.rollout.load import Sample

        def on_sample(sample: Sample) -> None:
            traffic.sample(sample.elapsed, sample.requests, sample.failed)
            self._shown.sample(sample)

        stop = asyncio.Event()
        sending = asyncio.ensure_future(load.run(self._load_options(), env, stop, on_sample))
        try:
            rolling: asyncio.Future[Ending] = asyncio.ensure_future(run())
            sending.add_done_callback(lambda _: rolling.cancel())
            try:
                return await rolling
            except asyncio.CancelledError:
                if sending.done() and (error := sending.exception()):
                    raise error from None
                raise
        finally:
            stop.set()
            await asyncio.gather(sending, return_exceptions=True)

    def _load_options(self) -> "LoadOptions":
        from seatrial.rollout.load import LoadOptions

        return LoadOptions(url=self._given["probe"], rate=self._given["probe_rate"], connections=32)


def _options(given: dict[str, Any]) -> "Options":
    from seatrial.rollout.service.plan import Options

    if given["wait"] and not given["canary"]:
        raise ToolError("--wait is for the first step: say how many Pods it has, as in --canary 1")
    return Options(
        given["on_failure"],
        given["timeout"],
        _count(given["max_unavailable"]),
        given["canary"],
        given["wait"],
    )


def _count(text: str | None) -> int | str | None:
    """A number of Pods or a percentage."""
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    if text.endswith("%") and text[:-1].isdigit() and int(text[:-1]) <= 100:
        return text
    raise ToolError(f"--max-unavailable {text}: give a number of Pods or a percentage, as in 1 or 25%")


def _share(text: str) -> float:
    """`1%`, `0.5%` or `0.01`."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ToolError(f"--probe-threshold {text}: give a share, as in 1% or 0.01")
    return value
