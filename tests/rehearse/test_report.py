"""`seatrial rehearse --report`: one page with the verdict on top, the pictures, and nothing from elsewhere."""

import re
import xml.dom.minidom
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from seatrial.base import html_page
from seatrial.cli.commands.rehearse import command
from seatrial.rehearse.report import chart_frame, report
from seatrial.rehearse.result import EventLine, Finding, Phase, PodTimeline, Remedy, Result, Sample, Step

CORPUS = Path(__file__).parent / "corpus"
OLD = PodTimeline(
    "web-1-a", "default", "deployment/web", "web:1", "1", False, "node-1",
    (Phase(0, "ready"), Phase(4, "terminating"), Phase(5, "gone")),
)  # fmt: skip
NEW = PodTimeline(
    "web-2-b", "default", "deployment/web", "web:2", "2", True, "node-2",
    (Phase(0, "pending"), Phase(1, "pulling"), Phase(2, "starting"), Phase(4, "ready")),
)  # fmt: skip
ROLL = Result(
    "completes", "", 5.0, 1, 2, headline="COMPLETES in 5s", workloads=("deployment/web",), desired=1,
    min_ready_pods=1, promised_available=1, pods=(OLD, NEW),
    availability=(Sample(0, 1, 1, 2, (("1", 1), ("2", 0))), Sample(4, 1, 1, 2, (("1", 0), ("2", 1)))),
    events=(
        EventLine(0, "pod/web-2-b", "Normal", "Scheduled", "assigned"),
        EventLine(2, "pod/web-2-b", "Warning", "Unhealthy", "<no>", 3),
    ),
)  # fmt: skip


def charts(page: str) -> list[xml.dom.minidom.Document]:
    return [xml.dom.minidom.parseString(svg) for svg in re.findall("<svg.*?</svg>", page, re.S)]


def titles(chart: xml.dom.minidom.Document, tag: str) -> list[str]:
    """The tooltips of its bars, or of its marks."""
    bars = chart.getElementsByTagName(tag)
    return [t.firstChild.nodeValue for bar in bars for t in bar.getElementsByTagName("title")]  # type: ignore[union-attr,misc]


def test_each_pod_has_a_row_in_which_every_state_can_be_told() -> None:
    pods = charts(report.page(ROLL))[0]
    assert titles(pods, "rect") == [
        "web-1-a on node-1: ready from 0.0s to 4.0s",
        "web-1-a on node-1: terminating from 4.0s to 5.0s",
        "web-2-b on node-2: pending from 0.0s to 1.0s",
        "web-2-b on node-2: pulling from 1.0s to 2.0s",
        "web-2-b on node-2: starting from 2.0s to 4.0s",
        "web-2-b on node-2: ready from 4.0s to 5.2s",
    ]
    looks = [(bar.getAttribute("fill"), bar.getAttribute("fill-opacity")) for bar in pods.getElementsByTagName("rect")]
    lives = [look for look in looks if look[0].startswith("url") or look[1]]
    assert len(set(lives)) == 6
    assert lives[1][0] == f"url(#t{html_page.COLOURS[0][1:]})"
    assert [pattern.getAttribute("id") for pattern in pods.getElementsByTagName("pattern")].count(
        lives[1][0][5:-1]
    ) == 1


def test_versions_have_a_colour_each_the_old_ones_first() -> None:
    known = chart_frame.versions(ROLL.pods)
    assert [(each.label, each.colour) for each in known] == [
        ("web:1", html_page.COLOURS[0]),
        ("web:2", html_page.COLOURS[1]),
    ]
    restarted = chart_frame.versions([OLD, replace(NEW, version="web:1")])
    assert [each.label for each in restarted] == ["web:1 (1)", "web:1 (2)"]


def test_events_are_marks_on_the_axis_and_rows_of_a_table() -> None:
    page = report.page(ROLL)
    assert titles(charts(page)[0], "circle") == [
        "0.0s pod/web-2-b Scheduled: assigned",
        "2.0s pod/web-2-b Unhealthy: <no>",
    ]
    assert "<td>2.0s<td>pod/web-2-b<td>Unhealthy<td>&lt;no&gt; (×3)" in page


def test_an_event_that_repeats_is_one_row() -> None:
    again = tuple(EventLine(10.0 * n, "pod/web-2-b", "Warning", "BackOff", "back-off", n) for n in (1, 2, 3))
    page = report.page(replace(ROLL, events=(*ROLL.events, *again)))
    assert page.count("<td>BackOff<td>") == 1
    assert "<td>10.0s<td>pod/web-2-b<td>BackOff<td>back-off (×3, until 30.0s)" in page


def test_faults_are_on_the_axis_and_among_the_events() -> None:
    page = report.page(replace(ROLL, happened=(Step(1.0, "node/node-2", "loses power"),)))
    assert "1.0s node/node-2 Fault: loses power" in titles(charts(page)[0], "circle")
    assert "<td>1.0s<td>node/node-2<td>Fault<td>loses power" in page


def test_names_are_whole_and_those_of_the_new_version_in_bold() -> None:
    long = replace(NEW, name="a-name-as-long-as-those-of-pods-often-are-7c887df69-fh48b")
    chart = charts(report.page(replace(ROLL, pods=(OLD, long))))[0]
    names = {
        text.firstChild.nodeValue: text.getAttribute("font-weight")  # type: ignore[union-attr]
        for text in chart.getElementsByTagName("text")
        if text.getAttribute("class") == "small"
    }
    assert names == {OLD.name: "", long.name: "bold"}


def test_a_broken_promise_is_red_however_short() -> None:
    short = (Sample(0, 1, 1, 2), Sample(2, 0, 0, 1), Sample(2.001, 1, 1, 2))
    chart = charts(report.page(replace(ROLL, availability=short)))[1]
    fills = [bar.getAttribute("fill") for bar in chart.getElementsByTagName("rect")]
    assert fills == [html_page.colour(2), html_page.BAD_COLOUR, html_page.BAD_COLOUR, html_page.colour(2)]


def test_the_shares_of_the_versions_are_stacked() -> None:
    both = (Sample(0, 2, 2, 2, (("1", 1), ("2", 1))),)
    bars = charts(report.page(replace(ROLL, availability=both)))[2].getElementsByTagName("rect")
    tops = [float(bar.getAttribute("y")) for bar in bars]
    assert [bar.getAttribute("fill") for bar in bars] == list(html_page.COLOURS[:2])
    assert tops[1] + float(bars[1].getAttribute("height")) == pytest.approx(tops[0])


def test_verdict_problems_remedies_warnings_and_assumptions_are_there() -> None:
    stuck = replace(
        ROLL,
        verdict="hangs",
        headline="HANGS at 0/1 after 3s: <why>",
        findings=(
            Finding("volume-locked", "it is locked", severity="problem"),
            Finding("single-replica", "alone", remedy="run two"),
        ),
        remedies=(Remedy("maxSurge 0", "deployment/web", "default", {"spec": {}}, "completes in 4s", True),),
        assumptions=("Pods start in 2s",),
    )  # fmt: skip
    page = report.page(stuck)
    assert '<p class="verdict failed">HANGS at 0/1 after 3s: &lt;why&gt;</p>' in page
    for text in (
        "it is locked [volume-locked]",
        "alone; run two [single-replica]",
        "With maxSurge 0: completes in 4s",
        "kubectl patch deployment/web -n default",
        "Pods start in 2s",
    ):
        assert text in page


def test_very_many_pods_that_lived_alike_are_one_band() -> None:
    many = tuple(replace(NEW, name=f"web-2-{number:05}") for number in range(900))
    later = replace(NEW, name="web-2-late", phases=(Phase(4, "pending"), Phase(5, "ready")))
    chart = charts(report.page(replace(ROLL, pods=(OLD, *many, later))))[0]
    assert titles(chart, "rect") == [
        "web-1-a on node-1: ready from 0.0s to 4.0s",
        "web-1-a on node-1: terminating from 4.0s to 5.0s",
        "900 Pods of web:2: pending from 0.0s to 1.0s",
        "900 Pods of web:2: pulling from 1.0s to 2.0s",
        "900 Pods of web:2: starting from 2.0s to 4.0s",
        "900 Pods of web:2: ready from 4.0s to 5.2s",
        "web-2-late on node-2: pending from 4.0s to 5.0s",
        "web-2-late on node-2: ready from 5.0s to 5.2s",
    ]
    names = [text.firstChild.nodeValue for text in chart.getElementsByTagName("text") if text.getAttribute("class")]  # type: ignore[union-attr]
    assert names == ["900 Pods"]
    heights = {float(bar.getAttribute("height")) for bar in chart.getElementsByTagName("rect") if bar.hasChildNodes()}
    assert heights == {0.27, 239.47}


class Links(HTMLParser):
    found: tuple[str, ...] = ()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tuple(value or "" for name, value in attrs if name in ("src", "href")) + (tag,) * (
            tag == "script"
        )


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("completes-plain", ["deployment/shop", "--restart"]),
        ("completes-plain", ["deployment/shop", "--scale", "0"]),
        ("stuck-locked-image", ["deployment/shop", "--image", "shop=registry.example.com/shop:1.5.0"]),
    ],
)
def test_the_command_writes_it_and_it_needs_nothing_from_elsewhere(
    tmp_path: Path, folder: str, arguments: list[str]
) -> None:
    file = tmp_path / "out.html"
    old = ["--old", str(CORPUS / folder / "old.yaml"), "--nodes", "2x4cpu,8Gi", "--no-remedies", "--report", str(file)]
    result = CliRunner().invoke(command, [*old, *arguments], standalone_mode=False)
    assert result.exception is None
    page = file.read_text()
    assert page.index("COMPLETES" if folder.startswith("completes") else "HANGS") < page.index("<svg")
    links = Links()
    links.feed(page)
    assert links.found == ()
    assert 'name="viewport"' in page
    assert "@media print" in page
    assert len(charts(page)) == 3


def test_a_report_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    old = str(CORPUS / "completes-plain" / "old.yaml")
    arguments = ["--old", old, "deployment/shop", "--restart", "--report", str(tmp_path / "no" / "out.html")]
    result = CliRunner().invoke(command, arguments)
    assert "the report can't be written to" in str(result.exception)
