"""A rehearsal's result for people: verdict, evidence, remedy, warnings, a small chart."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence

import click

from seatrial.cli import output, rehearsal_chart
from seatrial.rehearse import durations
from seatrial.rehearse.result import Remedy, Result, Step

WIDEST = 110
"""Text in wider lines is hard to read."""
NARROWEST_COLUMN = 30


def lines(result: Result, *, chart: bool = True, width: int = 0) -> list[str]:
    """All of it, the verdict first, in lines of `width` (0: as wide as the terminal); commands are never broken."""
    wide = width or min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    told = [click.style(result.headline, fg=output.GREEN if result.completes else output.RED, bold=True)]
    if result.spread:
        told.append(_spread(result))
    if result.peak.pods:
        told.append(_filled(f"At its peak: {result.peak_told}", wide, "", "  "))
    if any(step.text != result.findings[0].message for step in result.evidence):
        told += ["", "What happened:", *_evidence(result.evidence, wide)]
    if result.remedies:
        told += ["", f"{result.remedies_title}:"]
        for remedy in result.remedies:
            told += _remedy(remedy, wide)
    told += _advice(result, wide)
    told += _findings(result, wide)
    if chart and result.pods and result.duration_seconds > 0:
        told += ["", *rehearsal_chart.lines(result, wide)]
    if result.assumptions:
        told += ["", "Assumed:", *(_wrapped(f"- {each}", wide) for each in result.assumptions)]
    return told


def _spread(result: Result) -> str:
    spread = result.spread
    assert spread is not None
    if not spread.completed:
        return f"{spread.trials} trials: none completes"
    figures = (("p50", spread.p50_seconds), ("p95", spread.p95_seconds), ("worst", spread.worst_seconds))
    told = ", ".join(f"{name} {durations.told(value)}" for name, value in figures)
    least = f"never fewer than {spread.min_available} available"
    return f"{spread.completed} of {spread.trials} trials complete: {told}; {least}"


def _evidence(steps: Sequence[Step], wide: int) -> Iterator[str]:
    """Three columns; what does not fit goes on below, in its column or, where that is too narrow, further left."""
    heads = output.columns([[_time(step.time_seconds), step.object, "|"] for step in steps], "  ")
    for head, step in zip(heads, steps, strict=True):
        start = head[:-1]
        beside = wide - len(start) >= NARROWEST_COLUMN
        indent = " " * (len(start) if beside else 6)
        told = _filled(" ".join(step.text.split()), wide, start if beside else indent, indent)
        yield told if beside else f"{start.rstrip()}\n{told}"


def _remedy(remedy: Remedy, wide: int) -> Iterator[str]:
    yield _wrapped(f"with {remedy.title}: {remedy.outcome or 'not rehearsed'}", wide)
    yield click.style(f"    {remedy.command}", fg=output.DIM)


def _time(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 100 else durations.told(seconds)


def _advice(result: Result, wide: int) -> list[str]:
    """What to do about the cause, where nothing that helps was found by trying."""
    cause = next((each for each in result.findings if each.severity == "problem"), None)
    if cause is None or not cause.remedy or any(each.completes for each in result.remedies):
        return []
    return ["", _filled(f"What to do: {cause.remedy} [{cause.rule}]", wide, "", "  ")]


def _findings(result: Result, wide: int) -> list[str]:
    more = [each for each in result.findings if each.severity == "problem"][1:]
    told: list[str] = []
    if more:
        told += ["", "Also in the way:", *(_wrapped(f"- {each.message} [{each.rule}]", wide) for each in more)]
    if result.warnings:
        told += ["", click.style("Warnings:", fg=output.YELLOW)]
        for each in result.warnings:
            remedy = f"; {each.remedy}" if each.remedy else ""
            told.append(_wrapped(f"- {each.message}{remedy} [{each.rule}]", wide))
    return told


def _wrapped(text: str, wide: int) -> str:
    return _filled(text, wide, "  ", "    ")


def _filled(text: str, wide: int, first: str, then: str) -> str:
    """Names, rules and URLs stay whole, so that they can be searched for and copied."""
    return textwrap.fill(
        text, wide, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
