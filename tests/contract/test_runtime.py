"""What every container runtime promises (node/runtimes/base.py), simulated or real."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from contract.runtime_world import World, world
from seatrial.node.runtimes.base import Exited, Failed, Readiness, Started

Check = Callable[[World], Awaitable[None]]


@pytest.fixture(params=["simulated", "process"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Check], None]:
    def run_check(check: Check) -> None:
        async def main() -> None:
            async with world(request.param, tmp_path) as there:
                await check(there)

        asyncio.run(main())

    return run_check


Run = Callable[[Check], None]


def test_a_container_starts_and_ends_when_asked_to(run: Run) -> None:
    async def check(there: World) -> None:
        watched = there.start("steady:1")
        started = await watched.until(Started)
        assert isinstance(started, Started)
        assert started.image_id
        there.runtime.stop(watched.container_id, 20.0)
        await watched.until(Exited)
        assert [type(e) for e in watched.events if not isinstance(e, Readiness)] == [Started, Exited]

    run(check)


def test_one_that_does_not_end_is_killed_after_the_grace_period(run: Run) -> None:
    async def check(there: World) -> None:
        watched = there.start("stubborn:1")
        await there.up(watched)
        there.runtime.stop(watched.container_id, 0.2)
        ended = await watched.until(Exited)
        assert isinstance(ended, Exited)
        assert (ended.exit_code, ended.signal) == (137, 9)

    run(check)


def test_a_second_stop_can_shorten_the_grace_period_but_not_lengthen_it(run: Run) -> None:
    async def check(there: World) -> None:
        loop = asyncio.get_running_loop()
        watched = there.start("stubborn:1")
        await there.up(watched)
        began = loop.time()
        there.runtime.stop(watched.container_id, 60.0)
        there.runtime.stop(watched.container_id, 0.2)
        there.runtime.stop(watched.container_id, 60.0)
        await watched.until(Exited)
        assert loop.time() - began < 10

    run(check)


def test_no_grace_kills_at_once(run: Run) -> None:
    async def check(there: World) -> None:
        watched = there.start("stubborn:1")
        await there.up(watched)
        there.runtime.stop(watched.container_id, 0.0)
        ended = await watched.until(Exited)
        assert isinstance(ended, Exited)
        assert ended.exit_code == 137

    run(check)


@pytest.mark.parametrize(("image", "code"), [("crashing:1", 1), ("done:1", 0)])
def test_an_end_of_its_own_tells_the_exit_code(run: Run, image: str, code: int) -> None:
    async def check(there: World) -> None:
        watched = there.start(image)
        ended = await watched.until(Exited)
        assert isinstance(ended, Exited)
        assert (ended.exit_code, ended.signal) == (code, 0)

    run(check)


def test_an_image_that_is_not_there_fails_and_nothing_follows(run: Run) -> None:
    async def check(there: World) -> None:
        watched = there.start("missing:1")
        failed = await watched.until(Failed)
        assert isinstance(failed, Failed)
        assert failed.reason == "ErrImagePull"
        there.runtime.stop(watched.container_id, 0.0)
        assert watched.events == [failed]

    run(check)


def test_stopping_what_is_not_there_does_nothing(run: Run) -> None:
    async def check(there: World) -> None:
        there.runtime.stop("none", 0.0)
        watched = there.start("done:1")
        await watched.until(Exited)
        there.runtime.stop(watched.container_id, 0.0)
        assert len([e for e in watched.events if isinstance(e, Exited)]) == 1

    run(check)


def test_containers_do_not_disturb_one_another(run: Run) -> None:
    async def check(there: World) -> None:
        kept = there.start("steady:1")
        others = [there.start("done:1") for _ in range(10)]
        await kept.until(Started)
        for other in others:
            await other.until(Exited)
        assert not [e for e in kept.events if isinstance(e, Exited)]
        there.runtime.stop(kept.container_id, 5.0)
        await kept.until(Exited)

    run(check)
