"""The chart of each Pod's life, with events as marks on the axis. SVG."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations
from seatrial.rehearse.report import chart_frame
from seatrial.rehearse.report.chart_frame import NEUTRAL, SHORTEST, Axis, Version
from seatrial.rehearse.result import EventLine, PodTimeline, Result

NAMED_ROW, NAME_HEIGHT, BANDS_HEIGHT = 19.0, 10.0, 240.0
"""A row has the Pod's name, and below it its life, so that both have the whole width of a phone."""
MOST_NAMED = 40
_OPACITY = {"pending": 0.1, "starting": 0.5, "ready": 1.0, "finished": 0.3}
_STRIPES = {"pulling": "rotate(0)", "terminating": "rotate(45)"}
"""States differ by more than their shade, for those who print in black and white."""
STATE_LEGEND = (
    ("pending", f"rgba(119,119,119,{_OPACITY['pending']});outline:1px solid {NEUTRAL};outline-offset:-1px"),
    ("pulling", f"repeating-linear-gradient(90deg,{NEUTRAL} 0 2px,transparent 2px 4px)"),
    ("starting", f"rgba(119,119,119,{_OPACITY['starting']})"),
    ("ready", NEUTRAL),
    ("terminating", f"repeating-linear-gradient(45deg,{NEUTRAL} 0 2px,transparent 2px 4px)"),
)
EVENT_LEGEND = (
    ("event", f"{NEUTRAL};border-radius:50%"),
    ("warning", f"{html_page.BAD_COLOUR};border-radius:50%;box-shadow:0 0 0 1.5px currentColor"),
)
END_LEGEND = "repeating-linear-gradient(0deg,currentColor 0 2px,transparent 2px 4px) 50%/2px 100% no-repeat"


def draw(result: Result, known: Sequence[Version], axis: Axis) -> str:
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
    return chart_frame.svg("life of each Pod", top, axis, content)


def _course(pod: PodTimeline) -> tuple[tuple[float, str], ...]:
    """To a tenth of a second."""
    return tuple((round(phase.time_seconds, 1), phase.state) for phase in pod.phases)


def _bands(rows: Sequence[PodTimeline]) -> Iterator[list[PodTimeline]]:
    for _, alike in groupby(rows, key=lambda pod: (pod.workload, pod.hash, _course(pod))):
        yield list(alike)


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
        ring = ' stroke="currentColor" stroke-width=".8"' if is_warning else ""
        first, more = here[0], f" (and {len(here) - 1} more)" if len(here) > 1 else ""
        tip = f"{first.time_seconds:.1f}s {first.object} {first.reason}: {first.message}{more}"
        yield (
            f'<circle cx="{x:g}" cy="{height + 5:g}" r="2.2" fill="{fill}" fill-opacity=".8"{ring}>'
            f"<title>{escaped(tip)}</title></circle>"
        )
