"""Completion indexes of Indexed Jobs: sets of them as text (`0-2,5`), and those that Pods have.

Follows pkg/controller/job/indexed_job_utils.go (1.32).
"""

from collections.abc import Iterable

from seatrial.base.types import JSON
from seatrial.machinery import objects

INDEX = "batch.kubernetes.io/job-completion-index"
UNKNOWN = -1


def parse(text: str | None, completions: int) -> set[int]:
    """The indexes below `completions` that the text names; what can't be read is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.update(range(int(first), min(int(last or first) + 1, completions)))
    return found


def render(indexes: Iterable[int]) -> str:
    """`1,3-5`: neighbours are joined, three and more with a dash in between."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return ",".join(_render_run(first, last) for first, last in runs)


def _render_run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def of_pod(pod: JSON) -> int:
    """The Pod's index, UNKNOWN for none."""
    text: str = objects.annotations(pod).get(INDEX) or ""
    return int(text) if text.isascii() and text.isdigit() else UNKNOWN


def is_valid(pod: JSON, completions: int) -> bool:
    return 0 <= of_pod(pod) < completions
