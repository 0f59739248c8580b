"""A rehearsal told as one HTML page: the verdict on top, then why, what helps, and the pictures."""

from collections.abc import Iterator

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations, report_charts
from seatrial.rehearse.result import Finding, Remedy, Result

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
    yield from _findings("Problems", result.findings, "problem")
    yield from _findings("Warnings", result.findings, "warning")
    yield from _events(result)
    if result.assumptions:
        yield f"<h2>Assumed</h2><ul>{''.join(f'<li>{escaped(each)}' for each in result.assumptions)}</ul>"


def _figures(result: Result) -> Iterator[tuple[str, str]]:
    yield "Takes", durations.told(result.duration_seconds) if result.completes else "does not end"
    promised = f"; {result.promised_available} are promised" if result.promised_available else ""
    yield "Available", f"at least {result.min_available} of {result.desired} Pods{promised}"
    yield "Ready", f"at least {result.min_ready_pods}"
    yield "At its peak", f"{result.max_pods} Pods, terminating ones included"
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
    axis, known = report_charts.axis_of(result), report_charts.versions(result.pods)
    legend = html_page.legend((version.label, version.colour) for version in known)
    yield "<h2>Pods</h2>" + report_charts.pods_chart(result, known, axis) + legend
    yield html_page.legend((*report_charts.STATE_LEGEND, *report_charts.EVENT_LEGEND))
    yield "<h2>Available Pods</h2>" + report_charts.availability_chart(result, axis)
    yield "<h2>Ready Pods of each version</h2>" + report_charts.shares_chart(result, known, axis) + legend


def _findings(title: str, findings: tuple[Finding, ...], severity: str) -> Iterator[str]:
    chosen = [finding for finding in findings if finding.severity == severity]
    if chosen:
        items = "".join(f"<li>{escaped(_sentence(finding))}" for finding in chosen)
        yield f"<h2>{title}</h2><ul>{items}</ul>"


def _sentence(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.message}{remedy} [{finding.rule}]"


def _events(result: Result) -> Iterator[str]:
    if not result.events:
        return
    yield "<h2>Events</h2>"
    rows = (
        (
            _at(event.time_seconds),
            event.object,
            event.reason,
            event.message + (f" (×{event.count})" if event.count > 1 else ""),
        )
        for event in result.events[:SHOWN_EVENTS]
    )
    yield html_page.table(("At", "Object", "Reason", "Message"), rows)
    if len(result.events) > SHOWN_EVENTS:
        yield f"<p>… and {len(result.events) - SHOWN_EVENTS} more; the JSON has them all.</p>"


def _at(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 100 else durations.told(seconds)
