"""Rehearsals in tests: an assertion about an update before anybody applies it.

    from seatrial.testing.rehearsal import rehearse

    def test_the_update_goes_through():
        rehearse(old="deploy/live.yaml", new="deploy/").completes(within="5m", min_available=3)

A failing assertion's message is the verdict, with what would help.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.base.types import JSON
from seatrial.machinery import go_duration
from seatrial.rehearse import whole
from seatrial.rehearse.behaviour import behaviour_file
from seatrial.rehearse.behaviour.profiles import Profiles
from seatrial.rehearse.changes.change import Apply
from seatrial.rehearse.durations import told
from seatrial.rehearse.rehearsal import Plan
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests
from seatrial.rollout import manifests

Manifests = str | Path | JSON | Sequence[JSON]
"""A file or folder of manifests, one object, or several."""


def rehearse(*, old: Manifests, new: Manifests, nodes: str = "", behaviour: str | Path = "") -> "Rehearsed":
    """Rehearse applying `new` where `old` runs. `nodes`: as in `3x8cpu,32Gi`; `behaviour`: a behaviour file.

    Raises ToolError and StatusError for what can't be rehearsed.
    """
    profiles = behaviour_file.read(Path(behaviour)) if behaviour else Profiles()
    plan = Plan(of_manifests(_objects(old), nodes), [Apply(_objects(new))], profiles=profiles)
    return Rehearsed(whole.run(plan))


@dataclass(frozen=True)
class Rehearsed:
    """An update that was rehearsed, to be asserted on; `result` has everything that is known of it."""

    result: Result

    def completes(self, *, within: str = "", min_available: int = 0) -> None:
        """Raises AssertionError when it hangs, takes longer (`5m`, as Go writes it), or leaves fewer Pods available."""
        __tracebackhide__ = True
        failure = self._failure(go_duration.parse(within) if within else None, min_available)
        if failure:
            raise AssertionError("\n".join([failure, *self._help()]))

    def hangs(self) -> None:
        """Raises AssertionError when it completes."""
        __tracebackhide__ = True
        if self.result.completes:
            raise AssertionError(self.result.headline)

    def _failure(self, within: float | None, min_available: int) -> str:
        result = self.result
        if not result.completes:
            return result.headline
        if within is not None and result.duration_seconds > within:
            return f"{result.headline}; it was expected within {told(within)}"
        if result.min_available < min_available:
            return f"{result.headline}; at least {min_available} were expected"
        return ""

    def _help(self) -> list[str]:
        return [f"with {each.title}: {each.outcome}\n  {each.command}" for each in self.result.remedies]


def _objects(given: Manifests) -> list[JSON]:
    if isinstance(given, str | Path):
        return manifests.read(Path(given))
    return [given] if isinstance(given, dict) else list(given)
