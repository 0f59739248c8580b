"""The virtual loop: time jumps, deadlocks are named, seeds repeat, the outside is refused."""

import asyncio
import threading

import pytest

from seatrial.aio import virtual_loop


def test_an_hour_passes_at_once_and_timers_fire_in_order() -> None:
    async def main() -> tuple[float, list[str]]:
        order: list[str] = []

        async def wait(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(wait(3600, "hour"), wait(1, "second"), wait(60, "minute"))
        return asyncio.get_running_loop().time(), order

    assert virtual_loop.run(main()) == (3600.0, ["second", "minute", "hour"])


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set() -> None:
    async def main() -> list[int]:
        loop, order = asyncio.get_running_loop(), list[int]()
        timers = [loop.call_later(8, order.append, number) for number in range(20)]
        for number in (3, 7, 11):
            timers[number].cancel()
        await asyncio.sleep(8)
        return order

    assert virtual_loop.run(main()) == [number for number in range(20) if number not in (3, 7, 11)]


def test_a_deadlock_names_the_waiting_tasks() -> None:
    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        await asyncio.get_running_loop().create_task(stuck(), name="the-stuck-one")

    with pytest.raises(virtual_loop.Deadlock, match=r"the-stuck-one \(.*stuck line \d+\)"):
        virtual_loop.run(main())


def test_what_main_leaves_running_is_cancelled() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(forever())
        await asyncio.sleep(1)
        assert not task.done()

    virtual_loop.run(main())
    assert ended == ["cancelled"]


async def _trace() -> list[int]:
    order: list[int] = []

    async def step(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(step(number) for number in range(8)))
    return order


def test_equal_seeds_give_equal_interleavings_and_others_differ() -> None:
    assert virtual_loop.run(_trace(), seed=7) == virtual_loop.run(_trace(), seed=7)
    assert virtual_loop.run(_trace(), seed=7) != virtual_loop.run(_trace(), seed=8)
    assert virtual_loop.run(_trace()) == list(range(8)) * 3


def test_threads_and_sockets_are_refused() -> None:
    async def thread() -> None:
        await asyncio.to_thread(threading.get_ident)

    async def connection() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    for main, name in ((thread, "run_in_executor"), (connection, "create_connection")):
        with pytest.raises(RuntimeError, match=name):
            virtual_loop.run(main())


def test_an_error_of_main_surfaces() -> None:
    async def main() -> None:
        await asyncio.sleep(5)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        virtual_loop.run(main())
