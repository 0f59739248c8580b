"""Which API a release speaks."""

import pytest

from seatrial.base.errors import ToolError
from seatrial.cluster import control_plane
from seatrial.cluster.config import DEFAULT_RELEASE


@pytest.mark.parametrize(
    ("release", "spoken"), [("1.20", DEFAULT_RELEASE), ("1.24", DEFAULT_RELEASE), ("1.27", "1.27"), ("1.2", "1.2")]
)
def test_a_release_whose_behaviour_alone_is_known_speaks_todays_api(release: str, spoken: str) -> None:
    assert control_plane.spoken(release) == spoken


def test_a_release_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ToolError, match=r"--kubernetes-version 9.99 is not known; there are 1.25 to "):
        control_plane.schemas_of("9.99")
