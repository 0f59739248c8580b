"""`seatrial load`: traffic to a URL, and a report of every request that failed."""

import asyncio
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.base.errors import ToolError
from seatrial.cli import output

if TYPE_CHECKING:
    from seatrial.rollout.load import LoadOptions, LoadResult, Sample

_DURATION = re.compile(r"([0-9]*\.?[0-9]+)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.3 on
    """`500ms`, `10s`, `2m30s`, `1h`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        text = str(value)
        parts = list(_DURATION.finditer(text))
        if not parts or "".join(part[0] for part in parts) != text:
            self.fail(f"{text!r} is not a duration such as 500ms, 10s, 2m or 1h", param, ctx)
        seconds = sum(float(part[1]) * _UNITS[part[2]] for part in parts)
        if seconds <= 0:
            self.fail("it must be longer than 0", param, ctx)
        return seconds


@click.command("load", short_help="Send traffic to a URL and report every failed request.")
@click.argument("url")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=100,
    show_default=True,
    help="Requests per second; 0 is as fast as answers come.",
)
@click.option("--duration", type=Duration(), help="How long, such as 10s or 2m.  [default: until Ctrl-C]")
@click.option(
    "--connections", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Connections open at a time."
)
@click.option(
    "--keep-alive/--new-connections",
    default=False,
    show_default="new connections",
    help="Keep connections, or open one for each request.",
)
@click.option("--method", default="GET", show_default=True, help="The request's method.")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header of the request.")
@click.option("--data", default="", help="The request's body.")
@click.option("--timeout", type=Duration(), default="10s", show_default=True, help="How long an answer may take.")
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust for HTTPS.")
@click.option("-k", "--insecure", is_flag=True, help="Trust any certificate.")
@click.option(
    "--report", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write an HTML page with charts."
)
@output.output_option
def command(
    url: str,
    rate: float,
    duration: float | None,
    connections: int,
    keep_alive: bool,
    method: str,
    headers: tuple[str, ...],
    data: str,
    timeout: float,
    ca_file: str | None,
    insecure: bool,
    report: Path | None,
    output_format: str,
) -> int:
    """Send steady HTTP traffic to URL, and account for every request.

    Exit code 1 if any request failed. Ctrl-C ends it and shows the report.
    """
    from seatrial.aio import loops
    from seatrial.rollout import load_report
    from seatrial.rollout.load import LoadOptions

    options = LoadOptions(
        url=url,
        rate=rate,
        connections=connections,
        duration=duration,
        keep_alive=keep_alive,
        method=method,
        headers=dict(_header(text) for text in headers),
        body=data.encode(),
        timeout=timeout,
        verify=not insecure,
        ca_file=ca_file,
    )
    result = loops.run(_run(options))
    if output_format == "text":
        click.echo("\n".join(_coloured(load_report.as_text(result))))
    else:
        output.data(load_report.as_json(result), output_format)
    if report:
        output.report(report, load_report.as_html(result))
    return 0 if result.requests and not result.failed else 1


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or any(character in text for character in "\r\n"):
        raise ToolError(f"{text!r} is not a header; write it as NAME:VALUE")
    return name.strip(), value.strip()


async def _run(options: "LoadOptions") -> "LoadResult":
    from seatrial.base.env import SystemEnv
    from seatrial.rollout import load

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    live = output.Live()
    if not live.on_terminal:
        return await load.run(options, SystemEnv(), stop)
    try:
        return await load.run(options, SystemEnv(), stop, lambda sample: _show(live, sample))
    finally:
        live.show([], "")
        live.done()


def _show(live: output.Live, sample: "Sample") -> None:
    failed = click.style(str(sample.failed), fg=output.RED if sample.failed else output.GREEN)
    total = sum(sample.versions.values()) or 1
    shares = ", ".join(f"{version} {100 * count // total} %" for version, count in sorted(sample.versions.items()))
    line = (
        f"{sample.elapsed:5.1f} s  {sample.requests} requests, {failed} failed  "
        f"p50 {sample.p50 * 1000:.1f} ms  p99 {sample.p99 * 1000:.1f} ms  {shares}"
    )
    live.show([line], line)


def _coloured(lines: list[str]) -> list[str]:
    colour = output.GREEN if lines[0].startswith("PASSED") else output.RED
    return [click.style(lines[0], fg=colour, bold=True) if sys.stdout.isatty() else lines[0], *lines[1:]]
