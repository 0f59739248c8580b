"""A load run told in text, in JSON and as one HTML page without anything from elsewhere."""

from collections.abc import Mapping, Sequence

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.base.types import JSON
from seatrial.machinery import times
from seatrial.rollout.load import Failure, LoadResult, Second

SHOWN_FAILURES = 20
LATENCY_LINES = (("p50", 0), ("p99", 1), ("max", 4))
"""(name, number of its colour)."""
WIDTH, HEIGHT, LEFT, BOTTOM = 400.0, 130.0, 34.0, 16.0


def verdict(result: LoadResult) -> str:
    """One line: did it go well?"""
    if not result.requests:
        return "FAILED: no request was sent"
    if result.failed:
        return f"FAILED: {result.failed} of {result.requests} requests failed"
    return f"PASSED: {result.requests} requests, none failed"


def as_json(result: LoadResult) -> JSON:
    """Everything, for scripts. Durations are in seconds."""
    options = result.options
    return {
        "passed": bool(result.requests) and not result.failed,
        "url": options.url,
        "started_at": times.format_time(result.started_at),
        "seconds": round(result.seconds, 3),
        "rate_wanted": options.rate,
        "rate": round(result.rate, 1),
        "connections": options.connections,
        "keep_alive": options.keep_alive,
        "requests": result.requests,
        "failed": result.failed,
        "unsent": result.unsent,
        "statuses": {str(status): result.statuses[status] for status in sorted(result.statuses)},
        "versions": dict(sorted(result.versions.items())),
        "backends": dict(sorted(result.backends.items())),
        "reasons": dict(sorted(result.reasons.items())),
        "latency_seconds": _rounded(result.latency_seconds()),
        "timeline": [_second(number, second) for number, second in enumerate(result.timeline)],
        "failures": [failure.as_json() for failure in result.failures],
    }


def as_text(result: LoadResult) -> list[str]:
    """For people at a terminal."""
    options = result.options
    how = "connections kept alive" if options.keep_alive else "a new connection for each request"
    rows = [
        ("url", f"{options.method} {options.url}, {how}"),
        ("time", f"{result.seconds:.1f} s, {result.rate:.0f} requests/s" + _wanted(result)),
        ("requests", f"{result.requests} sent, {result.failed} failed" + _unsent(result)),
        ("statuses", _counts({str(status): count for status, count in result.statuses.items()})),
        ("versions", _counts(result.versions)),
        ("available", _shares(result)),
        ("latency", ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in result.latency_seconds().items())),
    ]
    if result.reasons:
        rows.append(("reasons", _counts(result.reasons)))
    lines = [verdict(result), *[f"{name:<11}{value}" for name, value in rows if value]]
    return lines + _failure_lines(result)


def as_html(result: LoadResult) -> str:
    """A page of its own, readable on a phone."""
    passed = bool(result.requests) and not result.failed
    versions = sorted({version for second in result.timeline for version in second.versions})
    answers_legend = [(version, html_page.colour(number)) for number, version in enumerate(versions)]
    body = [
        html_page.figures(_figures(result)),
        "<h2>Answers per second</h2>",
        _answers_chart(result.timeline, versions),
        html_page.legend([*answers_legend, ("failed", html_page.BAD_COLOUR)]),
        "<h2>Availability in percent</h2>",
        _availability_chart(result.timeline),
        "<h2>Latency in milliseconds</h2>",
        _latency_chart(result.timeline),
        html_page.legend((name, html_page.colour(number)) for name, number in LATENCY_LINES),
        "<h2>Failures</h2>",
        _failure_table(result),
    ]
    return html_page.page(f"Load on {result.options.url}", verdict(result), "\n".join(body), passed=passed)


def _second(number: int, second: Second) -> JSON:
    return {
        "second": number,
        "versions": dict(sorted(second.versions.items())),
        "failed": second.failed,
        "availability": _availability(second),
        "latency_seconds": _rounded(second.latencies.summary()),
    }


def _availability(second: Second) -> float | None:
    """The share of requests that got a good answer; None where nothing came back."""
    answered = sum(second.versions.values())
    return round(answered / (answered + second.failed), 6) if answered + second.failed else None


def _shares(result: LoadResult) -> str:
    """Of the whole time, and of its worst second."""
    whole = (result.requests - result.failed) / result.requests if result.requests else 0.0
    seconds = [share for share in map(_availability, result.timeline) if share is not None]
    return f"{100 * whole:.6g} %, {100 * min(seconds, default=0.0):.6g} % in the worst second"


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in figures.items()}


def _counts(counts: Mapping[str, int]) -> str:
    total = sum(counts.values()) or 1
    return ", ".join(f"{name}: {count} ({100 * count / total:.0f} %)" for name, count in sorted(counts.items()))


def _wanted(result: LoadResult) -> str:
    return f" of {result.options.rate:g} wanted" if result.options.rate else ""


def _unsent(result: LoadResult) -> str:
    return f", {result.unsent} found no free connection in time" if result.unsent else ""


def _failure_lines(result: LoadResult) -> list[str]:
    shown = result.failures[:SHOWN_FAILURES]
    lines = [f"  {failure.at:8.3f} s  {failure.address}  {_told(failure)}" for failure in shown]
    if result.failed > len(shown):
        lines.append(f"  … and {result.failed - len(shown)} more")
    return ["failures", *lines] if lines else []


def _told(failure: Failure) -> str:
    who = ", ".join(part for part in (failure.backend, failure.version) if part)
    return f"{failure.reason} ({who})" if who else failure.reason


def _figures(result: LoadResult) -> list[tuple[str, str]]:
    latency = result.latency_seconds()
    return [
        ("Started", times.format_time(result.started_at)),
        ("Time", f"{result.seconds:.1f} s"),
        ("Requests", f"{result.requests} ({result.rate:.0f}/s{_wanted(result)})"),
        ("Failed", str(result.failed)),
        ("Availability", _shares(result)),
        ("Versions", _counts(result.versions) or "none"),
        ("Latency", ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in latency.items())),
        ("Connections", "kept alive" if result.options.keep_alive else "a new one for each request"),
    ]


def _answers_chart(timeline: Sequence[Second], versions: Sequence[str]) -> str:
    """A bar a second: the versions' answers one above the other, failures on top."""
    top = max([sum(second.versions.values()) + second.failed for second in timeline] or [1]) or 1
    step = (WIDTH - LEFT) / max(len(timeline), 1)
    bars = []
    for number, second in enumerate(timeline):
        base = 0
        parts = [(second.versions.get(version, 0), html_page.colour(i)) for i, version in enumerate(versions)]
        for count, colour in [*parts, (second.failed, html_page.BAD_COLOUR)]:
            if count:
                high, low = _y(base + count, top), _y(base, top)
                least = 3.0 if colour == html_page.BAD_COLOUR else 0.5
                size = max(low - high, least)
                bars.append(
                    f'<rect x="{LEFT + number * step:.1f}" y="{low - size:.1f}" width="{max(step - 0.6, 0.6):.1f}" '
                    f'height="{size:.1f}" fill="{colour}"/>'
                )
            base += count
    return _frame("answers per second", "".join(bars), f"{top}", len(timeline))


def _availability_chart(timeline: Sequence[Second]) -> str:
    """A step a second, from 0 to 100 percent."""
    step = (WIDTH - LEFT) / max(len(timeline), 1)
    points = [
        f"{LEFT + (number + side) * step:.1f},{_y(share, 1.0):.1f}"
        for number, share in enumerate(map(_availability, timeline))
        if share is not None
        for side in (0, 1)
    ]
    line = f'<polyline points="{" ".join(points)}" fill="none" stroke="{html_page.colour(2)}" stroke-width="1.5"/>'
    return _frame("availability in percent", line, "100", len(timeline))


def _latency_chart(timeline: Sequence[Second]) -> str:
    """Lines of the median, the 99th percentile and the longest, in milliseconds."""
    summaries = [second.latencies.summary() for second in timeline]
    top = max([summary["max"] for summary in summaries] or [0.001]) or 0.001
    step = (WIDTH - LEFT) / max(len(timeline), 1)
    lines = []
    for name, number in reversed(LATENCY_LINES):
        points = " ".join(
            f"{LEFT + (second + 0.5) * step:.1f},{_y(summary[name], top):.1f}"
            for second, summary in enumerate(summaries)
            if summary["max"]
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{html_page.colour(number)}" stroke-width="1.5"/>'
        )
    return _frame("latency in milliseconds", "".join(lines), f"{top * 1000:.1f}", len(timeline))


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 10) * value / top


def _frame(label: str, content: str, top: str, seconds: int) -> str:
    floor = HEIGHT - BOTTOM
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escaped(label)}">'
        f'<path d="M{LEFT:g} 10H{WIDTH:g}M{LEFT:g} {floor:g}H{WIDTH:g}" class="grid"/>{content}'
        f'<text x="{LEFT - 4:g}" y="14" text-anchor="end">{top}</text>'
        f'<text x="{LEFT - 4:g}" y="{floor:g}" text-anchor="end">0</text>'
        f'<text x="{LEFT:g}" y="{HEIGHT - 3:g}">0 s</text>'
        f'<text x="{WIDTH:g}" y="{HEIGHT - 3:g}" text-anchor="end">{seconds} s</text></svg>'
    )


def _failure_table(result: LoadResult) -> str:
    if not result.failures:
        return "<p>No request failed.</p>"
    rows = ((f"{failure.at:.3f} s", failure.address, _told(failure)) for failure in result.failures)
    more = result.failed - len(result.failures)
    note = f"<p>… and {more} more</p>" if more > 0 else ""
    return html_page.table(("At", "Address", "Reason"), rows) + note
