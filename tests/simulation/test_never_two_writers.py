"""Never two writers: whatever crashes, is cut off, stands still or is rescued, one node at most can write an image."""

import asyncio
import random
from pathlib import Path

import pytest

from seatrial.aio import virtual_loop
from seatrial.base.env import SystemEnv
from seatrial.volumes.rbd.embedded import EmbeddedStore
from simulation.worlds import world
from simulation.writers_world import Schedule, TwoWriters, make_image

SEEDS = range(40)
STEPS = 40


def play(seed: int, *, fencing: bool = True, image_folder: Path | None = None) -> Schedule:
    async def story() -> Schedule:
        async with world(3, seed, image_folder, start=1, ready=1, exit=2) as cluster:
            schedule = Schedule(cluster, random.Random(seed), fencing)
            await schedule.prepare()
            await schedule.play(STEPS)
            return schedule

    return virtual_loop.run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_image_ever_has_two_nodes_that_can_write(seed: int) -> None:
    play(seed)


@pytest.mark.parametrize("seed", range(8))
def test_neither_has_an_image_of_the_store_on_disk(seed: int, tmp_path: Path) -> None:
    """With its index of locks and fences in SQLite."""

    async def make() -> None:
        store = EmbeddedStore(tmp_path, SystemEnv())
        await make_image(store)
        await store.close()

    asyncio.run(make())
    told = " ".join(play(seed, image_folder=tmp_path).told)
    assert "rescue" in told
    assert (tmp_path / "mioss" / "index-api-image.img").stat().st_size == 1 << 30


def test_the_schedules_do_break_and_rescue() -> None:
    told = " ".join(" ".join(play(seed).told) for seed in range(8))
    for what in ("crash", "partition", "pause", "heal", "STALE", "IN_USE", "fence", "remove the lock"):
        assert what in told


def test_without_fencing_there_are_two_writers_and_this_test_sees_them() -> None:
    caught = 0
    for seed in SEEDS:
        try:
            play(seed, fencing=False)
        except TwoWriters:
            caught += 1
    assert caught > 0
