"""A cluster from Python: async, in a thread, several at once, as a fixture, and the README's own example."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

import seatrial
from e2e import real_clients
from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS, NODES
from seatrial.cluster.background import RunningCluster
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]


def config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


def test_several_clusters_in_one_process_know_nothing_of_each_other() -> None:
    async def main() -> None:
        async with seatrial.Cluster(nodes=1) as one, seatrial.Cluster(nodes=2) as two:
            assert one.url != two.url
            assert one.kubeconfig != two.kubeconfig
            await one.client.create(CONFIG_MAPS, config_map("only-here"))
            assert len((await two.client.list(NODES))["items"]) == 2
            names = [objects.name(each) for each in (await two.client.list(CONFIG_MAPS, "default"))["items"]]
            assert "only-here" not in names

    asyncio.run(main())


def test_a_cluster_can_be_started_again_after_it_has_stopped() -> None:
    async def main() -> None:
        cluster = Cluster(nodes=1)
        for _ in range(2):
            async with cluster:
                assert list(cluster.nodes) == ["node-1"]

    asyncio.run(main())


def test_starting_that_fails_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with Cluster(nodes=0) as taken:
            port = int(taken.url.rpartition(":")[2])
            with pytest.raises(seatrial.SeatrialError, match="in use"):
                await Cluster(nodes=0, port=port).start()
        async with Cluster(nodes=0, port=port):
            pass

    asyncio.run(main())


def test_code_that_is_not_asynchronous_gets_a_cluster_too() -> None:
    with RunningCluster(nodes=1) as cluster:
        nodes = cluster.call(cluster.client.list(NODES))["items"]
        assert [objects.name(node) for node in nodes] == ["node-1"]


@pytest.mark.seatrial(nodes=3, runtime="simulated")
def test_the_fixture_is_a_cluster_of_the_tests_own(seatrial_cluster: RunningCluster) -> None:
    said = subprocess.run(
        [real_clients.kubectl(), "--kubeconfig", seatrial_cluster.kubeconfig, "get", "nodes", "-o", "name"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["node/node-1", "node/node-2", "node/node-3"]
    assert seatrial_cluster.call(seatrial_cluster.client.list(DEPLOYMENTS))["items"] == []


def test_the_readme_example_runs() -> None:
    (example,) = re.findall(r"```python\n(import asyncio.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("https://127.0.0.1:")
    assert done.stdout.endswith("0 Pods\n")
