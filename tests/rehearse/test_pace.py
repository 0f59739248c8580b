"""A rehearsal scales in the steps of a real control plane, without a word on how fast that is."""

from pathlib import Path

import pytest

from seatrial.base.types import JSON
from seatrial.rehearse.behaviour import behaviour_file
from seatrial.rehearse.changes.set_image import SetImage
from seatrial.rehearse.recordings import recorded
from seatrial.rehearse.rehearsal import Plan, rehearse
from seatrial.rehearse.result import Result
from seatrial.rehearse.snapshots.snapshot import of_manifests

FOLDER = Path(__file__).parent / "recorded"
ROLLS = (
    "dep-r1-s25pct-u25pct-ready2", "dep-r4-s25pct-u25pct-ready2", "dep-r5-s1-u1-ready2", "dep-r5-s25pct-u25pct-ready2",
    "dep-r10-s1-u0-ready0", "dep-badimage-r10", "dep-crashloop-r4",
)  # fmt: skip


@pytest.mark.parametrize("name", ROLLS)
def test_old_and_new_are_scaled_in_the_steps_that_were_recorded(name: str) -> None:
    told = recorded.read(FOLDER / f"{name}.json")
    assert steps(rehearsed(told)) in [run["rs_spec"] for run in told["runs"]]


def rehearsed(told: JSON) -> Result:
    """From manifests alone, as users have them."""
    (step,) = told["steps"]
    profiles = behaviour_file.parse({key: told[key] for key in ("defaults", "behaviours")}, "recording")
    nodes = f"{len(told['nodes'])}x64cpu,256Gi"
    change = SetImage(f"deployment/{step['name']}", [("", step["image"])])
    return rehearse(Plan(of_manifests(told["initial"], nodes), [change], profiles=profiles, release=recorded.RELEASE))


def steps(result: Result) -> list[str]:
    """As recordings write them; there are two ReplicaSets, rs2 is the new one."""
    new = next(scale.object for scale in result.scale_events if scale.from_ < 0)
    return [
        f"{'rs2' if each.object == new else 'rs1'}:{'new' if each.from_ < 0 else each.from_}->{each.to}"
        for each in result.scale_events
    ]
