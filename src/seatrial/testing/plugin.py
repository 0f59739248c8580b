"""The pytest plugin: a cluster for one test, installed with the package, nothing to configure.

    def test_my_operator(seatrial_cluster):
        subprocess.run(["kubectl", "--kubeconfig", seatrial_cluster.kubeconfig, "apply", "-f", "app.yaml"], check=True)

Options go through the marker: `@pytest.mark.seatrial(nodes=3, runtime="simulated")`. Clusters of parallel test workers
do not get into each other's way.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seatrial.cluster.background import RunningCluster


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, so that --strict-markers accepts it."""
    config.addinivalue_line("markers", "seatrial(**options): options of the cluster that seatrial_cluster starts")


@pytest.fixture
def seatrial_cluster(request: pytest.FixtureRequest) -> "Iterator[RunningCluster]":
    """A running cluster of this test's own: `.kubeconfig`, `.url`, `.client`, `.call(coroutine)`."""
    from seatrial.cluster.background import RunningCluster

    marker = request.node.get_closest_marker("seatrial")
    with RunningCluster(**(marker.kwargs if marker else {})) as cluster:
        yield cluster
