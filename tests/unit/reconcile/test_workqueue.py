"""The work queue: each key once, never twice at the same time, later and later after failures."""

import asyncio

import pytest

from seatrial.aio import clock, virtual_loop
from seatrial.reconcile.workqueue import WorkQueue


async def queue() -> WorkQueue[str]:
    return WorkQueue(clock.simulated_env())


def test_a_burst_for_one_key_is_one_item_and_keys_keep_their_order() -> None:
    async def main() -> list[str]:
        work = await queue()
        for key in ("a", "b", "a", "a", "c", "b"):
            work.add(key)
        taken = []
        while len(work):
            taken.append(await work.get())
            work.done(taken[-1])
        return taken

    assert virtual_loop.run(main()) == ["a", "b", "c"]


def test_a_key_that_is_worked_on_comes_again_only_when_it_is_done() -> None:
    async def main() -> None:
        work = await queue()
        work.add("a")
        await work.get()
        work.add("a")
        assert len(work) == 0
        work.done("a")
        assert await work.get() == "a"

    virtual_loop.run(main())


def test_the_earliest_of_several_delays_counts() -> None:
    async def main() -> float:
        work = await queue()
        work.add_after("a", 10)
        work.add_after("a", 3)
        work.add_after("a", 7)
        await work.get()
        work.done("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work.get(), 60)
        return asyncio.get_running_loop().time()

    assert virtual_loop.run(main()) == 63.0


def test_failures_delay_a_key_more_and_more_until_it_is_forgotten() -> None:
    async def main() -> list[float]:
        work, at = await queue(), []
        for _ in range(4):
            work.retry("a")
            began = asyncio.get_running_loop().time()
            work.done(await work.get())
            at.append(asyncio.get_running_loop().time() - began)
        work.forget("a")
        assert work.failures("a") == 0
        return at

    assert virtual_loop.run(main()) == pytest.approx([0.005, 0.01, 0.02, 0.04])


def test_a_cancelled_worker_loses_no_key() -> None:
    async def main() -> str:
        work = await queue()
        first, second = (asyncio.get_running_loop().create_task(work.get()) for _ in range(2))
        await asyncio.sleep(0)
        work.add("a")
        first.cancel()
        return await second

    assert virtual_loop.run(main()) == "a"
