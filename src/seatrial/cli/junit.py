"""A verdict as a JUnit report, which CI systems show beside their tests."""

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import click

if TYPE_CHECKING:
    from seatrial.rehearse.result import Result


def write(file: Path, result: "Result", lines: list[str], *, failed: bool) -> None:
    """One test case: the rehearsal of the workloads; its failure, if it is one, is all of what people are told."""
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
    file.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")
