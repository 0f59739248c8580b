"""The charts of a rehearsal's page, as SVG: each Pod's life, what is available, the versions' shares. One time axis."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations
from seatrial.rehearse.result import EventLine, PodTimeline, Result, Sample

WIDTH, LEFT, RIGHT = 400.0, 74.0, 396.0
AXIS = 24.0
"""Below each chart: marks of events, ticks, times."""
CHART_HEIGHT = 90.0
NAMED_ROW, NAME_HEIGHT, BANDS_HEIGHT = 19.0, 10.0, 240.0
"""A row has the Pod's name, and below it its life, so that both have the whole width of a phone."""
SHORTEST = 0.4
"""Nothing is drawn narrower. What lasts for an instant is left out of areas, unless it breaks the promise."""
MOST_NAMED = 40
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_OPACITY = {"pending": 0.1, "starting": 0.5, "ready": 1.0, "finished": 0.3}
_STRIPES = {"pulling": "rotate(0)", "terminating": "rotate(45)"}
"""States differ by more than their shade, for those who print in black and white."""
NEUTRAL = "#777777"
STATE_LEGEND = (
    ("pending", f"rgba(119,119,119,{_OPACITY['pending']});outline:1px solid {NEUTRAL};outline-offset:-1px"),
    ("pulling", f"repeating-linear-gradient(90deg,{NEUTRAL} 0 2px,transparent 2px 4px)"),
    ("starting", f"rgba(119,119,119,{_OPACITY['starting']})"),
    ("ready", NEUTRAL),
    ("terminating", f"repeating-linear-gradient(45deg,{NEUTRAL} 0 2px,transparent 2px 4px)"),
)
EVENT_LEGEND = (("event", f"{NEUTRAL};border-radius:50%"), ("warning", f"{html_page.BAD_COLOUR};border-radius:50%"))
END_LEGEND = "repeating-linear-gradient(0deg,currentColor 0 2px,transparent 2px 4px) 50%/2px 100% no-repeat"


@dataclass(frozen=True, slots=True)
class Version:
    """One template of the rehearsed workloads: `hash` names it, `label` is for people."""

    hash: str
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right, `end` in seconds."""

    end: float

    def x(self, seconds: float) -> float:
        """Where a moment is, in the chart's units; what lies outside is at its edge."""
        return LEFT + (RIGHT - LEFT) * min(max(seconds, 0.0), self.end) / self.end

    def ticks(self) -> Iterator[tuple[float, str]]:
        """(seconds, label), at most six of them."""
        step = next((each for each in _TICKS if self.end / each <= 5), self.end / 5)
        for number in range(int(self.end / step) + 1):
            at = number * step
            yield at, f"{at:g}s" if self.end < 60 else durations.told(at)


def axis_of(result: Result) -> Axis:
    """A little longer than the update, so that its end can be seen; where it hangs, enough to see the standstill.

    Retries and deadlines go on for long after the last move: they don't make it longer.
    """
    last = max([result.shown_seconds, *(phase.time_seconds for pod in result.pods for phase in pod.phases)])
    return Axis(max(last * 1.05, 1.0) if result.completes else max(last * 2, 30.0))


def versions(pods: Sequence[PodTimeline]) -> list[Version]:
    """The old ones first; two with the same images are told apart by their hash."""
    found = {pod.hash: pod for pod in sorted(pods, key=lambda pod: (pod.updated, pod.workload, pod.hash))}
    ordered = sorted(found.values(), key=lambda pod: (pod.updated, pod.workload, pod.hash))
    several = len({pod.workload for pod in ordered}) > 1
    names = [f"{pod.workload} {pod.version}" if several else pod.version for pod in ordered]
    labels = [
        f"{name} ({pod.hash})" if names.count(name) > 1 else name for name, pod in zip(names, ordered, strict=True)
    ]
    return [
        Version(pod.hash, label or "no image", html_page.colour(number))
        for number, (pod, label) in enumerate(zip(ordered, labels, strict=True))
    ]


def pods_chart(result: Result, known: Sequence[Version], axis: Axis) -> str:
    """A row a Pod, old ones first, in order of their beginning; events are marks on the axis.

    Where they are too many for names, Pods that lived alike are one band, as high as they are many.
    """
    rows = sorted(result.pods, key=lambda pod: (pod.workload, pod.updated, pod.hash, _course(pod), pod.name))
    named = len(rows) <= MOST_NAMED
    size = NAMED_ROW if named else BANDS_HEIGHT / len(rows)
    colours = {version.hash: version.colour for version in known}
    content, names, top = [_patterns(known)], [], 4.0
    for band in [[pod] for pod in rows] if named else _bands(rows):
        height = len(band) * size
        below, gap = (NAME_HEIGHT, 1.0) if named else (0.0, 0.0)
        content.append(_life(band, top + below, height - below - gap, colours.get(band[0].hash, NEUTRAL), axis))
        if height >= NAME_HEIGHT:
            names.append(_name(band, top + (below or height / 2 + 5) - 2, bold=result.has_two_versions))
        top += height
    content += [_end_mark(result, top, axis), *_event_marks(result.with_faults, top, axis), *names]
    return _svg("life of each Pod", top, axis, content)


def _course(pod: PodTimeline) -> tuple[tuple[float, str], ...]:
    """To a tenth of a second."""
    return tuple((round(phase.time_seconds, 1), phase.state) for phase in pod.phases)


def _bands(rows: Sequence[PodTimeline]) -> Iterator[list[PodTimeline]]:
    for _, alike in groupby(rows, key=lambda pod: (pod.workload, pod.hash, _course(pod))):
        yield list(alike)


def availability_chart(result: Result, axis: Axis) -> str:
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
    return _svg("available Pods", CHART_HEIGHT, axis, [*areas, promise, label, *_scale(top)])


def shares_chart(result: Result, known: Sequence[Version], axis: Axis) -> str:
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
    return _svg("ready Pods of each version", CHART_HEIGHT, axis, [*bars, *_scale(top)])


def _life(band: Sequence[PodTimeline], top: float, height: float, colour: str, axis: Axis) -> str:
    """Of one Pod, or of several that lived alike."""
    pod = band[0]
    who = f"{pod.name} on {pod.node or 'no node'}" if len(band) == 1 else f"{len(band)} Pods of {pod.version}"
    ends = [*(phase.time_seconds for phase in pod.phases[1:]), axis.end]
    bars = []
    for phase, end in zip(pod.phases, ends, strict=True):
        if phase.state == "gone":
            continue
        start, width = axis.x(phase.time_seconds), max(axis.x(end) - axis.x(phase.time_seconds), SHORTEST)
        if phase.state in _STRIPES:
            fill = f'fill="url(#{phase.state[0]}{colour[1:]})"'
        else:
            fill = f'fill="{colour}" fill-opacity="{_OPACITY[phase.state]}"'
        if phase.state == "pending":
            fill += f' stroke="{colour}" stroke-width=".6"'
        tip = f"{who}: {phase.state} from {phase.time_seconds:.1f}s to {end:.1f}s"
        bars.append(
            f'<rect x="{start:.1f}" y="{top:.2f}" width="{width:.1f}" height="{height:.2f}" {fill}>'
            f"<title>{escaped(tip)}</title></rect>"
        )
    return "".join(bars)


def _patterns(known: Sequence[Version]) -> str:
    stripes = "".join(
        f'<pattern id="{state[0]}{colour[1:]}" width="4" height="4" patternUnits="userSpaceOnUse" '
        f'patternTransform="{turned}"><rect width="2" height="4" fill="{colour}"/></pattern>'
        for colour in sorted({NEUTRAL, *(version.colour for version in known)})
        for state, turned in _STRIPES.items()
    )
    return f"<defs>{stripes}</defs>"


def _name(band: Sequence[PodTimeline], y: float, *, bold: bool) -> str:
    """At the left edge, above all that crosses it; if `bold`, so where it is of the new version."""
    weight = ' font-weight="bold"' if bold and band[0].updated else ""
    name = band[0].name if len(band) == 1 else f"{len(band)} Pods"
    return f'<text class="small" x="2" y="{y:.1f}"{weight}>{escaped(name)}</text>'


def _end_mark(result: Result, height: float, axis: Axis) -> str:
    x = axis.x(result.shown_seconds)
    return (
        f'<path d="M{x:.1f} 0V{height:g}" stroke="currentColor" stroke-width=".7" stroke-dasharray="2 2">'
        f"<title>{ended(result)}</title></path>"
    )


def ended(result: Result) -> str:
    """What the dashed line is: `complete after 6s`."""
    told = "complete" if result.completes else "nothing moves any more"
    return f"{told} after {durations.told(result.shown_seconds)}"


def _event_marks(events: Iterable[EventLine], height: float, axis: Axis) -> Iterator[str]:
    """Warnings lie on top; of several at one place the first is told, and how many more there are."""
    places: dict[tuple[bool, float], list[EventLine]] = defaultdict(list)
    for event in events:
        if event.time_seconds <= axis.end:
            places[event.type == "Warning", round(axis.x(event.time_seconds))].append(event)
    for (is_warning, x), here in sorted(places.items()):
        fill = html_page.BAD_COLOUR if is_warning else NEUTRAL
        first, more = here[0], f" (and {len(here) - 1} more)" if len(here) > 1 else ""
        tip = f"{first.time_seconds:.1f}s {first.object} {first.reason}: {first.message}{more}"
        yield (
            f'<circle cx="{x:g}" cy="{height + 5:g}" r="2.2" fill="{fill}" fill-opacity=".8">'
            f"<title>{escaped(tip)}</title></circle>"
        )


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
    return CHART_HEIGHT - (CHART_HEIGHT - 10) * count / top


def _clear(y: float, top: int) -> float:
    """Where a label at y stands on neither of the scale's numbers."""
    return min(max(y + 3, _y(top, top) + 14), _y(0, top) - 9)


def _scale(top: int) -> Iterator[str]:
    for count in (0, top):
        yield f'<text x="{LEFT - 6:g}" y="{_y(count, top) + 3:.1f}" text-anchor="end">{count}</text>'


def _svg(label: str, height: float, axis: Axis, content: Iterable[str]) -> str:
    whole = height + AXIS
    ticks = "".join(
        f'<path d="M{axis.x(at):.1f} 0V{height + 10:g}" class="grid"/>'
        f'<text x="{min(axis.x(at), RIGHT - 10):.1f}" y="{whole - 3:g}" text-anchor="middle">{told}</text>'
        for at, told in axis.ticks()
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {whole:g}" role="img" aria-label="{escaped(label)}">{ticks}'
        f'<path d="M{LEFT:g} {height:g}H{RIGHT:g}" class="grid"/>{"".join(content)}</svg>'
    )
