"""A rehearsal told as one HTML page: the verdict on top, then why, what helps, and the pictures."""

from collections.abc import Iterator, Sequence

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations
from seatrial.rehearse.report import chart_frame, counts_charts, pods_chart
from seatrial.rehearse.result import EventLine, Finding, Remedy, Result

SHOWN_EVENTS = 300


def page(result: Result) -> str:
    """The whole page; it needs nothing from elsewhere."""
    title = f"Rehearsal of {', '.join(result.workloads) or 'an update'}"
    return html_page.page(title, result.headline, "\n".join(_body(result)), passed=result.completes)


def _body(result: Result) -> Iterator[str]:
    yield html_page.figures(_figures(result))
    if result.evidence:
        yield "<h2>What happened</h2>"
        rows = ((_at(step.time_seconds), step.object, step.text) for step in result.evidence)
        yield html_page.table(("At", "Object", "What"), rows)
    if result.remedies:
        yield f"<h2>{result.remedies_title}</h2>"
        yield from map(_remedy, result.remedies)
    yield from _pictures(result)
    yield from _listed("Problems", [_sentence(each) for each in result.findings if each.severity == "problem"])
    yield from _listed("Warnings", [_sentence(each) for each in result.warnings])
    yield from _events(result)
    yield from _listed("Assumed", result.assumptions)


def _figures(result: Result) -> Iterator[tuple[str, str]]:
    yield "Takes", durations.told(result.duration_seconds) if result.completes else "does not end"
    promised = f"; {result.promised_available} are promised" if result.promised_available else ""
    yield "Available", f"at least {result.min_available} of {result.desired} Pods{promised}"
    yield "Ready", f"at least {result.min_ready_pods}"
    yield "At its peak", f"{result.peak_told}, terminating ones included"
    if result.spread and result.spread.completed:
        spread = result.spread
        told = f"p50 {durations.told(spread.p50_seconds)}, p95 {durations.told(spread.p95_seconds)}"
        yield (
            "Trials",
            f"{spread.completed} of {spread.trials} complete; {told}, worst {durations.told(spread.worst_seconds)}",
        )


def _remedy(remedy: Remedy) -> str:
    outcome = remedy.outcome or "not rehearsed"
    return f"<p>With {escaped(remedy.title)}: {escaped(outcome)}</p><pre>{escaped(remedy.command)}</pre>"


def _pictures(result: Result) -> Iterator[str]:
    if not result.pods:
        return
    axis, known = chart_frame.axis_of(result), chart_frame.versions(result.pods)
    updated = {pod.hash for pod in result.pods if pod.updated and result.has_two_versions}
    legend = html_page.legend(
        (f"{version.label}{' (new, in bold)' if version.hash in updated else ''}", version.colour) for version in known
    )
    yield "<h2>Pods, by time after the change</h2>" + pods_chart.draw(result, known, axis) + legend
    end = (pods_chart.ended(result), pods_chart.END_LEGEND)
    yield html_page.legend((*pods_chart.STATE_LEGEND, *pods_chart.EVENT_LEGEND, end))
    yield "<h2>Available Pods</h2>" + counts_charts.availability(result, axis)
    yield "<h2>Ready Pods of each version</h2>" + counts_charts.shares(result, known, axis) + legend


def _listed(title: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield f"<h2>{title}</h2><ul>{''.join(f'<li>{escaped(each)}' for each in sentences)}</ul>"


def _sentence(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.message}{remedy} [{finding.rule}]"


def _events(result: Result) -> Iterator[str]:
    """Each once, with how often it was given and until when."""
    alike: dict[tuple[str, str, str], list[EventLine]] = {}
    for event in result.with_faults:
        alike.setdefault((event.object, event.reason, _bare(event.message)), []).append(event)
    if not alike:
        return
    yield "<h2>Events</h2>"
    rows = (
        (_at(lines[0].time_seconds), lines[0].object, lines[0].reason, lines[0].message + _often(lines))
        for lines in list(alike.values())[:SHOWN_EVENTS]
    )
    yield html_page.table(("At", "Object", "Reason", "Message"), rows)
    if len(alike) > SHOWN_EVENTS:
        yield f"<p>… and {len(alike) - SHOWN_EVENTS} more; the JSON has them all.</p>"


_COMBINED = "(combined from similar events): "


def _bare(message: str) -> str:
    """Events that were combined go by the first of them."""
    return _COMBINED if message.startswith(_COMBINED) else message


def _often(lines: Sequence[EventLine]) -> str:
    times = max(len(lines), lines[-1].count)
    until = f", until {_at(lines[-1].time_seconds)}" if len(lines) > 1 else ""
    return f" (×{times}{until})" if times > 1 else ""


def _at(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 100 else durations.told(seconds)
