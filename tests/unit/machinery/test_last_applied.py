"""The configuration that was applied last, as far as it can be read."""

import pytest

from seatrial.base.types import JSON
from seatrial.machinery import last_applied


@pytest.mark.parametrize(
    ("annotations", "configuration"),
    [
        ({last_applied.ANNOTATION: '{"kind": "Pod"}\n'}, {"kind": "Pod"}),
        ({last_applied.ANNOTATION: "{"}, {}),
        ({last_applied.ANNOTATION: "3"}, {}),
        ({last_applied.ANNOTATION: ""}, {}),
        ({}, {}),
    ],
)
def test_what_can_not_be_read_is_no_configuration(annotations: JSON, configuration: JSON) -> None:
    assert last_applied.of({"metadata": {"name": "web", "annotations": annotations}}) == configuration
