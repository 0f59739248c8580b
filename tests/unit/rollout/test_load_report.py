import json
import xml.dom.minidom
from html.parser import HTMLParser

from seatrial.base import html_page
from seatrial.rollout import load_report
from seatrial.rollout.load import Failure, LoadOptions, LoadResult, Second


def result(failed: int = 0) -> LoadResult:
    made = LoadResult(LoadOptions("http://10.96.0.9/?a=<b>"), started_at=1_700_000_000.0, seconds=3.0)
    for number in range(3):
        second = Second({"nginx/1.10.1": 10 - 3 * number, "nginx/1.11.9": 3 * number})
        for _ in range(10):
            second.latencies.record(0.002)
            made.latencies.record(0.002)
        made.timeline.append(second)
    made.requests, made.versions, made.statuses = 30, {"nginx/1.10.1": 21, "nginx/1.11.9": 9}, {200: 30}
    for number in range(failed):
        made.requests += 1
        made.failed += 1
        made.timeline[1].failed += 1
        made.reasons["connection reset"] = made.failed
        if number < 1000:
            made.failures.append(Failure(1.5, 1_700_000_001.5, "10.96.0.9:80", "connection reset", 0, "", ""))
    return made


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_text_says_first_whether_it_went_well() -> None:
    assert load_report.as_text(result())[0] == "PASSED: 30 requests, none failed"
    assert load_report.as_text(result(failed=2))[0] == "FAILED: 2 of 32 requests failed"
    assert load_report.verdict(LoadResult(LoadOptions("http://x/"), 0.0)) == "FAILED: no request was sent"


def test_the_text_lists_failures_with_time_address_and_reason() -> None:
    lines = load_report.as_text(result(failed=25))
    assert "     1.500 s  10.96.0.9:80  connection reset" in lines
    assert lines[-1] == "  … and 5 more"


def test_the_json_is_plain_and_whole() -> None:
    told = json.loads(json.dumps(load_report.as_json(result(failed=1))))
    assert told["passed"] is False
    assert told["versions"] == {"nginx/1.10.1": 21, "nginx/1.11.9": 9}
    assert [second["failed"] for second in told["timeline"]] == [0, 1, 0]
    assert told["failures"][0]["reason"] == "connection reset"


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows() -> None:
    page = load_report.as_html(result(failed=1))
    outline = Outline()
    outline.feed(page)
    assert outline.links == []
    assert "script" not in outline.tags
    assert 'name="viewport"' in page
    assert "a=<b>" not in page
    assert "a=&lt;b&gt;" in page


def test_the_charts_are_well_formed_and_show_every_version_and_failure() -> None:
    page = load_report.as_html(result(failed=1))
    charts = [piece.split("</svg>")[0] + "</svg>" for piece in page.split("<svg")[1:]]
    parsed = [xml.dom.minidom.parseString("<svg" + chart) for chart in charts]
    assert len(parsed) == 3
    fills = {rect.getAttribute("fill") for rect in parsed[0].getElementsByTagName("rect")}
    assert fills == {*html_page.COLOURS[:2], html_page.BAD_COLOUR}
    assert [len(chart.getElementsByTagName("polyline")) for chart in parsed[1:]] == [1, 3]


def test_a_run_without_any_answer_has_a_page_too() -> None:
    assert "FAILED: no request was sent" in load_report.as_html(LoadResult(LoadOptions("http://x/"), 0.0))


def test_availability_is_told_for_the_whole_time_and_for_every_second() -> None:
    bad = result(failed=10)
    assert any(
        line.split(maxsplit=1) == ["available", "75 %, 50 % in the worst second"] for line in load_report.as_text(bad)
    )
    assert [second["availability"] for second in load_report.as_json(bad)["timeline"]] == [1.0, 0.5, 1.0]
    assert "Availability in percent" in load_report.as_html(bad)
    assert load_report.as_html(LoadResult(LoadOptions("http://x/"), 0.0))
