"""The scheduling queue: order, back-off and what brings a Pod back."""

import asyncio
import itertools
from typing import Any

from seatrial.aio import virtual_loop
from seatrial.scheduler.hints import Hint
from seatrial.scheduler.queue import SchedulingQueue
from seatrial.scheduler.snapshot import PodInfo


def info(name: str, priority: int = 0) -> PodInfo:
    pod: dict[str, Any] = {"metadata": {"name": name, "namespace": "ns", "uid": name}, "spec": {"priority": priority}}
    return PodInfo(pod)


def test_higher_priority_goes_first_then_who_came_first() -> None:
    async def main() -> list[str]:
        queue = SchedulingQueue(300.0)
        for name, priority in (("a", 0), ("b", 10), ("c", 0), ("d", 10)):
            queue.add(info(name, priority))
        return [(await queue.pop()).info.uid for _ in range(4)]

    assert virtual_loop.run(main()) == ["b", "d", "a", "c"]


def test_only_a_change_that_concerns_its_filters_brings_a_pod_back_and_not_before_its_backoff() -> None:
    async def main() -> tuple[bool, float]:
        queue = SchedulingQueue(300.0)
        queue.add(info("a"))
        queue.failed(await queue.pop(), ("NodeResourcesFit",))
        queue.moved(Hint(frozenset({"NodeAffinity"})))
        waiting = queue.get("a")
        untouched = waiting is not None and waiting.state == "unschedulable"
        queue.moved(Hint(frozenset({"NodeResourcesFit"})))
        await queue.pop()
        return untouched, asyncio.get_running_loop().time()

    assert virtual_loop.run(main()) == (True, 1.0)


def test_backoff_doubles_to_ten_seconds() -> None:
    async def main() -> list[float]:
        queue, times = SchedulingQueue(300.0), []
        queue.add(info("a"))
        for _ in range(6):
            queue.failed(await queue.pop(), (), retry=True)
            times.append(asyncio.get_running_loop().time())
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    assert virtual_loop.run(main()) == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_a_change_of_the_pod_itself_may_end_its_backoff() -> None:
    async def main() -> list[float]:
        queue, times = SchedulingQueue(300.0), []
        queue.add(info("a"))
        for at_once in (False, True):
            queued = await queue.pop()
            queue.failed(queued, ("NodeResourcesFit",))
            queue.changed(queued, at_once=at_once)
            await queue.pop()
            times.append(asyncio.get_running_loop().time())
            queue.failed(queued, ("NodeResourcesFit",), retry=True)
            queue.changed(queued, at_once=True)
        return times

    assert virtual_loop.run(main()) == [1.0, 1.0]


def test_an_unschedulable_pod_is_tried_again_after_five_minutes() -> None:
    async def main() -> float:
        queue = SchedulingQueue(300.0)
        queue.add(info("a"))
        queue.failed(await queue.pop(), ("NodeAffinity",))
        await queue.pop()
        return asyncio.get_running_loop().time()

    assert virtual_loop.run(main()) == 300.0


def test_a_deleted_pod_never_comes() -> None:
    async def main() -> str:
        queue = SchedulingQueue(300.0)
        queue.add(info("a"))
        queue.add(info("b"))
        queue.delete("a")
        return (await queue.pop()).info.uid

    assert virtual_loop.run(main()) == "b"


def test_the_end_of_a_backoff_is_looked_for_at_whole_seconds() -> None:
    async def main() -> float:
        queue = SchedulingQueue(300.0)
        await asyncio.sleep(0.25)
        queue.add(info("a"))
        queue.failed(await queue.pop(), (), retry=True)
        await queue.pop()
        return asyncio.get_running_loop().time()

    assert virtual_loop.run(main()) == 2.0


def test_who_failed_goes_behind_those_who_came_meanwhile() -> None:
    async def main() -> list[str]:
        queue = SchedulingQueue(300.0)
        queue.add(info("a"))
        first = await queue.pop()
        await asyncio.sleep(0.1)
        queue.add(info("b"))
        queue.failed(first, ("NodeResourcesFit",))
        queue.add(info("c"))
        queue.moved(Hint())
        await asyncio.sleep(2)
        return [(await queue.pop()).info.uid for _ in range(3)]

    assert virtual_loop.run(main()) == ["b", "a", "c"]
