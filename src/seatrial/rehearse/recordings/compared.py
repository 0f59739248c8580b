"""A rehearsal of a recording beside the recording itself, and where the two differ.

Compared are the outcome, the sizes of ReplicaSets (each change where every recorded run had the same, else the net
result of waves of changes), the fewest ready Pods, the most Pods, Deployments' conditions, and the duration: within
5 % or 0.3 s a wave, because a real control plane adds so much.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from seatrial.base.types import JSON
from seatrial.rehearse.recordings import figures, recorded
from seatrial.rehearse.recordings.figures import Figures, Told

SHARE, WAVE_SURPLUS_SECONDS = 0.05, 0.3


@dataclass(frozen=True)
class Difference:
    """`what` is a name of Figures."""

    what: str
    recorded: object
    rehearsed: object


@dataclass(frozen=True)
class Comparison:
    """Of one recording. `pace`: one of recorded.PACES; `problems`: what steps were refused."""

    name: str
    pace: str
    figures: Figures
    differences: list[Difference]
    problems: list[str]

    def to_json(self) -> JSON:
        """For scripts."""
        return {
            "name": self.name,
            "pace": self.pace,
            "same": not self.differences,
            "figures": asdict(self.figures),
            "differences": [asdict(each) for each in self.differences],
            "problems": self.problems,
        }


def compare(file: Path, release: str) -> Comparison:
    """Rehearse a recording and compare: at each pace that its control plane may have had, until all is the same.

    Raises ToolError for a file that is none.
    """
    recording = recorded.read(file)
    found: list[Comparison] = []
    for pace in recorded.paces(recording):
        played = recorded.play(recording, release, pace)
        mine = figures.of(played)
        found.append(Comparison(file.stem, pace, mine, differences(recording, mine), played.problems))
        if not found[-1].differences:
            return found[-1]
    return found[0]


def differences(recording: JSON, mine: Figures) -> list[Difference]:
    """Pure. Empty where the rehearsal did as the real control plane."""
    stable, runs = recording.get("stable") or {}, recording.get("runs") or [{}]
    found = [
        Difference(name, recording.get(name), getattr(mine, name))
        for name in ("min_ready_pods", "max_pods")
        if recording.get(name) and getattr(mine, name) not in recording[name]
    ]
    if recording.get("outcome") in ("completed", "stalled") and recording["outcome"] != mine.outcome:
        found.append(Difference("outcome", recording["outcome"], mine.outcome))
    exact = stable.get("rs_spec") and runs[0].get("rs_spec") is not None
    if exact and list(mine.rs_spec) != runs[0]["rs_spec"]:
        found.append(Difference("rs_spec", runs[0]["rs_spec"], list(mine.rs_spec)))
    recorded_waves = [list(run["rs_waves"]) for run in runs if run.get("rs_waves") is not None]
    if recorded_waves and not exact and [dict(wave) for wave in mine.rs_waves] not in recorded_waves:
        found.append(Difference("rs_waves", recorded_waves[0], [dict(wave) for wave in mine.rs_waves]))
    found += _condition_differences(recording, mine)
    found += _duration_differences(recording, mine)
    return found


def _condition_differences(recording: JSON, mine: Figures) -> Iterable[Difference]:
    if not (recording.get("stable") or {}).get("conditions"):
        return
    theirs = [
        (str(seen["name"]), kind, value[0], value[1])
        for seen in recording.get("observations") or ()
        if seen.get("k") == "deployment"
        for kind, value in (seen.get("conditions") or {}).items()
        if value is not None
    ]
    ours = list(mine.conditions)
    if _changes(theirs) != _changes(ours):
        yield Difference("conditions", _changes(theirs), _changes(ours))


def _changes(told: Iterable[Told]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Each condition's own course: the order of conditions within one write means nothing."""
    courses: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, kind, status, reason in told:
        course = courses.setdefault((name, kind), [])
        if not course or course[-1] != (status, reason):
            course.append((status, reason))
    return courses


def _duration_differences(recording: JSON, mine: Figures) -> Iterable[Difference]:
    recorded = sorted(each for each in recording.get("durations") or () if each is not None)
    if not recorded or mine.duration is None:
        return
    tolerance = max(SHARE * recorded[-1], WAVE_SURPLUS_SECONDS * max(len(mine.rs_waves), 1))
    if not recorded[0] - tolerance <= mine.duration <= recorded[-1] + tolerance:
        yield Difference("duration", recorded, mine.duration)
