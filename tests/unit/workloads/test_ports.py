"""Ports of unprivileged hosts."""

import pytest

from seatrial.workloads import ports


@pytest.mark.parametrize(
    ("port", "lowest", "expected"), [(80, 1024, 10080), (8080, 1024, 8080), (80, 0, 80), (1024, 1024, 1024)]
)
def test_ports_that_can_not_be_bound_move_up(port: int, lowest: int, expected: int) -> None:
    assert ports.reachable_port(port, lowest) == expected
