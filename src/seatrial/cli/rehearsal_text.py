"""A rehearsal's result for people: verdict, evidence, remedy, warnings, a small chart."""

import textwrap
from collections.abc import Iterator, Sequence

import click

from seatrial.cli import output
from seatrial.rehearse import durations
from seatrial.rehearse.result import PodTimeline, Result, Step

WIDTH = 60
LONGEST_TABLE = 16
_LETTERS = {
    "pending": "·",
    "pulling": "-",
    "starting": "=",
    "ready": "█",
    "terminating": "x",
    "finished": "o",
    "gone": " ",
}


def lines(result: Result, *, chart: bool = True) -> list[str]:
    """All of it, the verdict first."""
    told = [click.style(result.headline, fg=output.GREEN if result.completes else output.RED, bold=True)]
    if result.spread:
        told.append(_spread(result))
    if result.evidence:
        told += ["", "What happened:", *_evidence(result.evidence)]
    if result.remedies:
        told += ["", "What helps:" if any(each.completes for each in result.remedies) else "What was tried:"]
        for remedy in result.remedies:
            told += [f"  with {remedy.title}: {remedy.outcome}", click.style(f"    {remedy.command}", fg=output.DIM)]
    told += _advice(result)
    told += _findings(result)
    if chart and result.pods and result.duration_seconds > 0:
        told += ["", *_chart(result)]
    if result.assumptions:
        told += ["", "Assumed:", *(_wrapped(f"- {each}") for each in result.assumptions)]
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


def _evidence(steps: Sequence[Step]) -> Iterator[str]:
    rows = [[_time(step.time_seconds), step.object, " ".join(step.text.split())] for step in steps]
    yield from (
        textwrap.shorten(line, 200, placeholder=" …") if len(line) > 200 else line
        for line in output.columns(rows, "  ")
    )


def _time(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 100 else durations.told(seconds)


def _advice(result: Result) -> list[str]:
    """What to do about the cause, where nothing that helps was found by trying."""
    cause = next((each for each in result.findings if each.severity == "problem"), None)
    if cause is None or not cause.remedy or any(each.completes for each in result.remedies):
        return []
    return ["", _wrapped(f"What to do: {cause.remedy} [{cause.rule}]").strip()]


def _findings(result: Result) -> list[str]:
    more = [each for each in result.findings if each.severity == "problem"][1:]
    told: list[str] = []
    if more:
        told += ["", "Also in the way:", *(_wrapped(f"- {each.message} [{each.rule}]") for each in more)]
    if result.warnings:
        told += ["", click.style("Warnings:", fg=output.YELLOW)]
        for each in result.warnings:
            remedy = f"; {each.remedy}" if each.remedy else ""
            told.append(_wrapped(f"- {each.message}{remedy} [{each.rule}]"))
    return told


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def _chart(result: Result) -> Iterator[str]:
    """Each Pod's life in a line, new ones in colour; below it, how many are available."""
    end = max(result.duration_seconds, 1.0) * 1.05
    shown = sorted(result.pods, key=lambda pod: (pod.phases[0].time_seconds, pod.name))
    chosen = shown if len(shown) <= LONGEST_TABLE else [*shown[: LONGEST_TABLE // 2], *shown[-LONGEST_TABLE // 2 :]]
    width = max(len(pod.name) for pod in chosen)
    for pod in chosen:
        life = "".join(_LETTERS[_state(pod, end * (i + 0.5) / WIDTH)] for i in range(WIDTH))
        yield f"  {pod.name.ljust(width)} {click.style(life, fg=output.BLUE if pod.updated else None).rstrip()}"
    if len(chosen) < len(shown):
        yield f"  {'':{width}} … and {len(shown) - len(chosen)} Pods more"
    yield f"  {'available'.ljust(width)} {''.join(_digit(result, end * (i + 0.5) / WIDTH) for i in range(WIDTH))}"
    axis = f"0s{durations.told(end / 2):^{WIDTH - 8}}{durations.told(end)}"
    yield f"  {'':{width}} {axis}"
    legend = "  ".join(f"{letter} {state}" for state, letter in _LETTERS.items() if state not in ("gone", "finished"))
    yield f"  {'':{width}} {legend}"


def _state(pod: PodTimeline, at: float) -> str:
    state = "gone"
    for phase in pod.phases:
        if phase.time_seconds <= at:
            state = phase.state
    return state


def _digit(result: Result, at: float) -> str:
    value = next((s.available for s in reversed(result.availability) if s.time_seconds <= at), 0)
    return str(value) if value < 10 else "+"
