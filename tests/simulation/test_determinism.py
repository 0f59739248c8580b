"""The same seed tells the same story, byte for byte, whatever the hash seed of the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
STORY = """
import asyncio, sys
import orjson
from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS
from simulation.worlds import complete, deployment, set_image, world

async def main():
    async with world(3, seed=int(sys.argv[1]), start=2, ready=1, exit=1) as cluster:
        await cluster.client.create(DEPLOYMENTS, deployment("web", 6))
        await complete(cluster, "web", 1)
        await complete(cluster, "web", await set_image(cluster.client, "web", "nginx:1.11.9"))
        await asyncio.sleep(30)
        told = [(await cluster.client.list(kind))["items"] for kind in (EVENTS, DEPLOYMENTS, REPLICA_SETS, PODS)]
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2))

virtual_loop.run(main(), seed=int(sys.argv[1]))
"""


def tell(seed: int, hash_seed: int) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(seed)], env=environment, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_events_in_two_processes(seed: int) -> None:
    first, second = tell(seed, hash_seed=1), tell(seed, hash_seed=4711)
    assert b"ScalingReplicaSet" in first
    assert first == second


def test_another_seed_gives_another_story() -> None:
    assert tell(1, hash_seed=1) != tell(2, hash_seed=1)
