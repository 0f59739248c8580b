"""The charts of how many: available Pods against the promise, and ready Pods of each version. SVG."""

from collections.abc import Iterator, Sequence

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations
from seatrial.rehearse.report import chart_frame
from seatrial.rehearse.report.chart_frame import LEFT, RIGHT, SHORTEST, Axis, Version
from seatrial.rehearse.result import Result, Sample

HEIGHT = 90.0


def availability(result: Result, axis: Axis) -> str:
    """Available Pods as an area, the promise as a dashed line, red where it is broken."""
    samples = result.availability
    top = max([each.available for each in samples] + [result.desired, result.promised_available, 1])
    areas = []
    for start, end, sample in _spans(samples, axis):
        kept = sample.available >= result.promised_available
        if kept and end - start < SHORTEST:
            continue
        fill = html_page.colour(2) if kept else html_page.BAD_COLOUR
        tip = f"{sample.available} available, {sample.pods} Pods from {durations.told(sample.time_seconds)}"
        areas.append(_bar(start, end, 0, sample.available, top, fill, tip))
        if not kept:
            areas.append(
                _bar(start, end, sample.available, result.promised_available, top, html_page.BAD_COLOUR, tip, 0.3)
            )
    y = _y(result.promised_available, top)
    promise = f'<path d="M{LEFT:g} {y:.1f}H{RIGHT:g}" stroke="currentColor" stroke-dasharray="4 3" fill="none"/>'
    label = (
        f'<text x="{LEFT - 6:g}" y="{_clear(y, top):.1f}" text-anchor="end">promised {result.promised_available}</text>'
    )
    return chart_frame.svg("available Pods", HEIGHT, axis, [*areas, promise, label, *_scale(top)])


def shares(result: Result, known: Sequence[Version], axis: Axis) -> str:
    """Ready Pods of each version, one above the other."""
    top = max([sum(count for _, count in each.versions) for each in result.availability] + [1])
    bars = []
    for start, end, sample in _spans(result.availability, axis):
        counts, base = dict(sample.versions), 0
        for version in known:
            count = counts.get(version.hash, 0)
            if count and end - start >= SHORTEST:
                tip = f"{count} ready of {version.label}"
                bars.append(_bar(start, end, base, base + count, top, version.colour, tip))
            base += count
    return chart_frame.svg("ready Pods of each version", HEIGHT, axis, [*bars, *_scale(top)])


def _spans(samples: Sequence[Sample], axis: Axis) -> Iterator[tuple[float, float, Sample]]:
    """(x of its beginning, x of its end, sample)."""
    ends = [*(sample.time_seconds for sample in samples[1:]), axis.end]
    for sample, end in zip(samples, ends, strict=True):
        yield axis.x(sample.time_seconds), axis.x(end), sample


def _bar(start: float, end: float, low: int, high: int, top: int, fill: str, tip: str, opacity: float = 0.85) -> str:
    y = _y(high, top)
    return (
        f'<rect x="{start:.1f}" y="{y:.1f}" width="{max(end - start, SHORTEST):.1f}" height="{_y(low, top) - y:.1f}" '
        f'fill="{fill}" fill-opacity="{opacity:g}"><title>{escaped(tip)}</title></rect>'
    )


def _y(count: int, top: int) -> float:
    return HEIGHT - (HEIGHT - 10) * count / top


def _clear(y: float, top: int) -> float:
    """Where a label at y stands on neither of the scale's numbers."""
    return min(max(y + 3, _y(top, top) + 14), _y(0, top) - 9)


def _scale(top: int) -> Iterator[str]:
    for count in (0, top):
        yield f'<text x="{LEFT - 6:g}" y="{_y(count, top) + 3:.1f}" text-anchor="end">{count}</text>'
