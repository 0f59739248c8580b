"""How a finding of Rescue is printed: the chain, the verdict, what can be done."""

from dataclasses import replace

import click

from seatrial.cli import output
from seatrial.rescue import plan
from seatrial.rescue.findings import Finding, Verdict

COLOURS = {
    Verdict.WELL: output.GREEN,
    Verdict.STALE: output.GREEN,
    Verdict.NOT_HELD: output.YELLOW,
    Verdict.IN_USE: output.RED,
    Verdict.CANNOT_TELL: output.YELLOW,
}


def lines(finding: Finding) -> list[str]:
    """The chain as an indented list, then the verdict."""
    printed = [f"{'  ' if number else ''}{fact.subject}: {fact.says}" for number, fact in enumerate(finding.chain)]
    verdict = click.style(finding.verdict.text, fg=COLOURS[finding.verdict], bold=True)
    printed.append(f"  verdict: {verdict} ({finding.because})")
    if finding.would_tell:
        printed.append(f"  what would tell: {finding.would_tell}")
    if finding.remedy:
        printed.append(f"  what to do: {finding.remedy}")
    steps = plan.steps(finding)
    if steps:
        printed.append("  seatrial rescue --fix would:")
        printed += [f"    {number}. {step}" for number, step in enumerate(steps, 1)]
    return printed


def after(before: Finding, left: Finding | None) -> Finding:
    """What is to be said once all steps are done. A Pod that is gone or waits for its agent only, hangs no more."""
    if left is None:
        return replace(
            before, verdict=Verdict.WELL, because="the Pod is gone; its controller makes another, if it has one"
        )
    if left.cause == "BackOff":
        return replace(left, verdict=Verdict.WELL, because="nobody holds it any more: the Pod starts within 2 minutes")
    return left
