"""What `seatrial rehearse` prints for people: whole messages, commands in one piece, a chart that fits."""

import shlex
from dataclasses import replace

import click
import pytest

from rehearse.test_rehearsal import deployment
from seatrial.base.types import JSON
from seatrial.cli import rehearsal_chart, rehearsal_text
from seatrial.rehearse import whole
from seatrial.rehearse.changes.change import Apply, Scale
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Phase, PodTimeline, Remedy, Result, Sample
from seatrial.rehearse.snapshots.snapshot import of_manifests

FAR = {"nodeSelector": {"example.com/a-label-of-some-length": "that-no-node-has"}}


@pytest.fixture(scope="module")
def stuck() -> Result:
    new = deployment(image="web:2")
    new["spec"]["template"]["spec"] |= FAR
    return whole.run(Plan(of_manifests([deployment()]), [Apply([new])]))


@pytest.fixture(scope="module")
def rolled() -> Result:
    return rehearse(Plan(of_manifests([deployment(3)]), [Apply([deployment(3, image="web:2")])]))


@pytest.mark.parametrize("width", [40, 80, 110])
def test_lines_are_no_wider_than_the_terminal_but_for_what_is_copied(stuck: Result, width: int) -> None:
    _, *lines = click.unstyle("\n".join(rehearsal_text.lines(stuck, width=width))).splitlines()
    assert [line for line in lines if len(line) > width and "kubectl" not in line and " " in line.strip()] == []


@pytest.mark.parametrize("width", [40, 80, 110])
def test_messages_are_told_to_their_end(stuck: Result, width: int) -> None:
    told = " ".join(" ".join(rehearsal_text.lines(stuck, width=width)).split())
    assert all(" ".join(step.text.split()) in told for step in stuck.evidence)


@pytest.mark.parametrize("width", [40, 110])
def test_rules_are_in_one_piece_so_that_they_can_be_searched_for(stuck: Result, width: int) -> None:
    told = "\n".join(rehearsal_text.lines(stuck, width=width))
    assert stuck.warnings
    assert all(f"[{finding.rule}]" in told for finding in stuck.warnings)


def test_commands_are_in_one_line(stuck: Result) -> None:
    (command,) = [click.unstyle(line) for line in rehearsal_text.lines(stuck, width=40) if "kubectl" in line]
    assert shlex.split(command)[:3] == ["kubectl", "label", "node/node-1"]


def test_a_patch_can_be_pasted_whatever_is_in_it() -> None:
    patch: JSON = {"data": {"motto": "it's $HOME"}}
    words = shlex.split(Remedy("a motto", "configmap/a", "web", patch).command)
    assert words[-2:] == ["-p", '{"data": {"motto": "it\'s $HOME"}}']


def test_remedies_that_nobody_has_tried_are_not_said_to_help(stuck: Result) -> None:
    untried = replace(stuck, remedies=tuple(replace(each, completes=None, outcome="") for each in stuck.remedies))
    assert "What may help:" in rehearsal_text.lines(untried)
    assert "What helps:" in rehearsal_text.lines(stuck)


@pytest.mark.parametrize("width", [30, 50, 80, 110])
def test_the_chart_fits_and_shows_every_pod(rolled: Result, width: int) -> None:
    lines = list(map(click.unstyle, rehearsal_chart.lines(rolled, width)))
    assert max(map(len, lines)) <= max(width, 30)
    assert len([line for line in lines if "█" in line]) == len(rolled.pods) + 1, "and one in the legend"
    assert not [line for line in lines if line.endswith(" ")]


def test_pods_of_the_new_version_are_marked_where_there_is_no_colour(rolled: Result) -> None:
    lines = rehearsal_chart.lines(rolled, 80)
    new = {pod.name for pod in rolled.pods if pod.updated}
    assert {line.split()[1] for line in lines if line.startswith("  * ")} == new
    assert "* new version" in "\n".join(lines)


def test_where_there_is_one_version_nothing_is_marked() -> None:
    result = rehearse(Plan(of_manifests([deployment(2)]), [Scale("deployment/web", 4)]))
    assert "*" not in "\n".join(rehearsal_chart.lines(result, 80))


def test_a_pod_that_lived_for_a_moment_is_seen(rolled: Result) -> None:
    phases = (Phase(2.0, "pending"), Phase(2.0, "gone"))
    brief = PodTimeline("brief", "default", "deployment/web", "web:1", "1", False, "", phases)
    (line,) = [
        each for each in rehearsal_chart.lines(replace(rolled, pods=(*rolled.pods, brief)), 80) if "brief" in each
    ]
    assert line.endswith("·")


def test_many_available_pods_are_a_curve_with_its_bounds(rolled: Result) -> None:
    samples = (Sample(0.0, 60, 60, 60), Sample(2.0, 45, 45, 60))
    many = replace(rolled, availability=samples, min_available=45)
    (line,) = [each for each in rehearsal_chart.lines(many, 80) if "available" in each]
    assert line.split()[-3:] == ["45", "to", "60"]
    assert line.split()[1].strip("▆█") == ""
