"""Waves: the net result of changes of size that lie close together."""

from collections.abc import Mapping

import pytest

from seatrial.rehearse.recordings import figures
from seatrial.rehearse.result import ScaleEvent


def scales(*given: tuple[float, str, int, int]) -> list[ScaleEvent]:
    return [ScaleEvent(*each) for each in given]


@pytest.mark.parametrize(
    ("events", "waves"),
    [
        pytest.param(scales((0.0, "rs2", -1, 1), (0.1, "rs1", 3, 2)), ({"rs1": 2, "rs2": 1},), id="one wave"),
        pytest.param(scales((0.0, "rs2", -1, 1), (1.0, "rs1", 3, 2)), ({"rs2": 1}, {"rs1": 2}), id="two waves"),
        pytest.param(scales((0.0, "rs1", 3, 2), (0.5, "rs1", 2, 1)), ({"rs1": 1},), id="by one and one is by two"),
        pytest.param(scales((0.0, "rs1", 3, 2), (0.1, "rs1", 2, 3)), (), id="down and up again is nothing"),
        pytest.param(
            scales((0.0, "rs1", 3, 2), (5.0, "rs1", 2, 1), (5.1, "rs1", 1, 2)), ({"rs1": 2},), id="as the wave before"
        ),
        pytest.param([], (), id="nothing"),
    ],
)
def test_changes_that_lie_close_together_are_one_wave(
    events: list[ScaleEvent], waves: tuple[Mapping[str, int], ...]
) -> None:
    assert figures.waves(events) == waves
