"""What the charts of a rehearsal's page have in common: one time axis, the colours of versions, the frame. SVG."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.base import html_page
from seatrial.base.html_page import escaped
from seatrial.rehearse import durations
from seatrial.rehearse.result import PodTimeline, Result

WIDTH, LEFT, RIGHT = 400.0, 74.0, 396.0
AXIS = 24.0
"""Below each chart: marks of events, ticks, times."""
SHORTEST = 0.4
"""Nothing is drawn narrower. What lasts for an instant is left out of areas, unless it breaks the promise."""
NEUTRAL = "#777777"
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


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


def svg(label: str, height: float, axis: Axis, content: Iterable[str]) -> str:
    """A chart of this height with its time axis below."""
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
