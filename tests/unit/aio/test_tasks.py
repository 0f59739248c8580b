"""Supervised tasks: a crash surfaces, an end is orderly."""

import asyncio

import pytest

from seatrial.aio import virtual_loop
from seatrial.aio.tasks import Supervisor


def test_a_crash_is_raised_by_wait_and_by_stop() -> None:
    async def crash() -> None:
        await asyncio.sleep(1)
        raise LookupError("broken")

    async def main() -> None:
        supervisor = Supervisor("parts")
        supervisor.spawn(crash(), "one")
        with pytest.raises(LookupError):
            await supervisor.wait()
        with pytest.raises(LookupError):
            await supervisor.stop()

    virtual_loop.run(main())


def test_stop_ends_the_youngest_first_and_waits_for_each() -> None:
    ended: list[str] = []

    async def worker(name: str) -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            await asyncio.sleep(1)
            ended.append(name)

    async def main() -> float:
        async with Supervisor("parts") as supervisor:
            for name in "abc":
                supervisor.spawn(worker(name), name)
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert virtual_loop.run(main()) == 4.0
    assert ended == ["c", "b", "a"]


def test_a_task_that_returns_is_no_crash() -> None:
    async def brief() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        async with Supervisor("parts") as supervisor:
            supervisor.spawn(brief(), "brief")
            await asyncio.sleep(1)
            assert supervisor.crash is None

    virtual_loop.run(main())
