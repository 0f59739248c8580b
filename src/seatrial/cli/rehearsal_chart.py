"""A rehearsal as a small chart for the terminal: a line for each Pod, below it how many are available."""

import textwrap
from collections.abc import Iterator, Sequence

import click

from seatrial.cli import output
from seatrial.rehearse import durations
from seatrial.rehearse.result import PodTimeline, Result, State

LONGEST = 16
"""So many Pods are shown, the first and the last of them."""
WIDEST, NARROWEST = 60, 12
_LETTERS: dict[State, str] = {
    "pending": "·",
    "pulling": "-",
    "starting": "=",
    "ready": "█",
    "terminating": "x",
    "finished": "o",
    "gone": " ",
}
_LEVELS = "▁▂▃▄▅▆▇█"
NEW = "*"
NARROWEST_LEGEND = 30
_JOINT = "\x1f"
"""Holds words together that are not to be parted."""


def lines(result: Result, width: int) -> list[str]:
    """In at most `width` columns; Pods of the new version are marked, and in colour on a terminal."""
    shown = sorted(result.pods, key=lambda pod: (pod.phases[0].time_seconds, pod.name))
    chosen = shown if len(shown) <= LONGEST else [*shown[: LONGEST // 2], *shown[-LONGEST // 2 :]]
    longest = max(len(pod.name) for pod in chosen)
    cells = max(min(width - longest - 5, WIDEST), NARROWEST)
    room = max(min(longest, width - cells - 5), len("available"))
    return [line.rstrip() for line in _lines(result, chosen, len(shown) - len(chosen), room, cells)]


def _lines(result: Result, chosen: Sequence[PodTimeline], left_out: int, room: int, cells: int) -> Iterator[str]:
    end = max(result.shown_seconds, 1.0) * 1.05
    at = [end * (i + 0.5) / cells for i in range(cells)]
    margin = " " * (room + 5)
    for pod in chosen:
        life = _life(pod, at, end).rstrip()
        name = _shortened(pod.name, room)
        is_new = pod.updated and result.has_two_versions
        yield f"  {NEW} {name} {click.style(life, fg=output.BLUE)}" if is_new else f"    {name} {life}"
    if left_out:
        yield f"{margin}… and {left_out} Pods more"
    yield from _available(result, at, room)
    yield margin + _axis(end, cells)
    yield from _legend(margin, cells, [f"{NEW} new version"] if result.has_two_versions else [])


def _legend(margin: str, cells: int, versions: Sequence[str]) -> Iterator[str]:
    """Below the chart, or on the left where that is too narrow."""
    named = [f"{letter} {state}" for state, letter in _LETTERS.items() if state not in ("gone", "finished")]
    items = "  ".join(each.replace(" ", _JOINT) for each in [*named, *versions])
    indent = margin if cells >= NARROWEST_LEGEND else "    "
    for line in textwrap.wrap(items, len(margin) + cells, initial_indent=indent, subsequent_indent=indent):
        yield line.replace(_JOINT, " ")


def _shortened(name: str, room: int) -> str:
    """The end of a Pod's name tells it from others."""
    return name.ljust(room) if len(name) <= room else f"…{name[1 - room :]}"


def _life(pod: PodTimeline, at: Sequence[float], end: float) -> str:
    """What it is in each cell; one that lived for less than a cell is seen all the same."""
    life = "".join(_LETTERS[_state(pod, each)] for each in at)
    if life.isspace():
        cell = min(int(pod.phases[0].time_seconds / end * len(at)), len(at) - 1)
        life = " " * cell + _LETTERS[pod.phases[0].state]
    return life


def _state(pod: PodTimeline, at: float) -> State:
    state: State = "gone"
    for phase in pod.phases:
        if phase.time_seconds <= at:
            state = phase.state
    return state


def _available(result: Result, at: Sequence[float], room: int) -> Iterator[str]:
    """Their number; of ten or more a column for how many of the most there were."""
    counts = [next((s.available for s in reversed(result.availability) if s.time_seconds <= each), 0) for each in at]
    most = max((sample.available for sample in result.availability), default=0)
    if most < 10:
        yield f"    {'available'.ljust(room)} {''.join(map(str, counts))}"
        return
    drawn = "".join(_LEVELS[count * (len(_LEVELS) - 1) // most] if count else " " for count in counts)
    yield f"    {'available'.ljust(room)} {drawn} {result.min_available} to {most}"


def _axis(end: float, cells: int) -> str:
    """The beginning, the middle and the end; the middle only where there is room."""
    middle, last = _tick(end / 2), _tick(end)
    left = cells // 2 - len(middle) // 2
    line = f"0s{middle:>{left - 2 + len(middle)}}" if left > 3 and cells - left - len(middle) > len(last) else "0s"
    return line + last.rjust(cells - len(line))


def _tick(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 10 else durations.told(seconds)
