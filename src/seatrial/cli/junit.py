"""A verdict as a JUnit report, which CI systems show beside their tests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import click

if TYPE_CHECKING:
    from seatrial.rehearse.result import Result

NAMELESS = "update"
"""What is called so: the case of a rehearsal that concerns no workload, or did not get that far."""


def report(result: "Result", lines: Sequence[str], unkept: str = "") -> str:
    """One test case: the rehearsal of the workloads. `lines`, what people are told, is its failure, or its output.

    `unkept`: what was asked for and an update that completes does not keep.
    """
    name, seconds = ", ".join(result.workloads) or NAMELESS, result.duration_seconds
    if unkept:
        return _suite(name, seconds, "failure", [*lines, "", f"error: {unkept}"], unkept, "unkept")
    if not result.completes:
        return _suite(name, seconds, "failure", lines, result.headline, result.verdict)
    return _suite(name, seconds, "system-out", lines)


def not_rehearsed(error: str) -> str:
    """One test case of which there is no verdict. `error`: what people are told."""
    return _suite(NAMELESS, 0.0, "error", [error], error, "error")


def _suite(name: str, seconds: float, outcome: str, lines: Sequence[str], message: str = "", kind: str = "") -> str:
    """`outcome`: failure, error or system-out; the first two have a message, and a type."""
    took = f"{seconds:.3f}"
    counts = {"tests": "1", "failures": str(int(outcome == "failure")), "errors": str(int(outcome == "error"))}
    suite = ElementTree.Element("testsuite", {"name": "seatrial rehearse", **counts, "time": took})
    case = ElementTree.SubElement(suite, "testcase", {"classname": "rehearse", "name": name, "time": took})
    told = ElementTree.SubElement(case, outcome, {"message": message, "type": kind} if message else {})
    told.text = click.unstyle("\n".join(lines))
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'
