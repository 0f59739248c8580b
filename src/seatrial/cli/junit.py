"""A verdict as a JUnit report, which CI systems show beside their tests."""

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import click

if TYPE_CHECKING:
    from seatrial.rehearse.result import Result


def report(result: "Result", lines: list[str], *, failed: bool) -> str:
    """One test case: the rehearsal of the workloads. `lines`, what people are told, is its failure, or its output."""
    text = click.unstyle("\n".join(lines))
    seconds = f"{result.duration_seconds:.3f}"
    counts = {"tests": "1", "failures": str(int(failed)), "errors": "0", "time": seconds}
    suite = ElementTree.Element("testsuite", {"name": "seatrial rehearse", **counts})
    name = ", ".join(result.workloads) or "update"
    case = ElementTree.SubElement(suite, "testcase", {"classname": "rehearse", "name": name, "time": seconds})
    if failed:
        ElementTree.SubElement(case, "failure", {"message": result.headline, "type": result.verdict}).text = text
    else:
        ElementTree.SubElement(case, "system-out").text = text
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'
