"""Every rollout command over a connection that loses requests and answers, refuses, lags and cuts watches."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import DEPLOYMENTS, NODES, PODS, STATEFUL_SETS
from seatrial.client.base import Client, Request, Response
from seatrial.client.client import ApiClient
from seatrial.client.persistent import PersistentTransport
from seatrial.cluster.cluster import Cluster
from seatrial.machinery import objects
from seatrial.machinery.watch import WatchEvent
from seatrial.rollout import draining, revision_log, roll_evidence, switching, undoing
from seatrial.rollout.following import CannotComeUp, Follower
from seatrial.rollout.workload import Workload
from simulation.bad_connections import Flaky
from simulation.worlds import complete, deployment, set_image, world

WEB = Workload(DEPLOYMENTS, "web", "default")
OLD, NEW = "nginx:1.10.1", "nginx:1.11.9"

Command = Callable[[Cluster, Client], Awaitable[object]]


async def image(cluster: Cluster) -> str:
    return str((await WEB.get(cluster.client))["spec"]["template"]["spec"]["containers"][0]["image"])


async def status(cluster: Cluster, client: Client) -> None:
    await set_image(cluster.client, "web", "nginx:1.12")
    last = await Follower(client, cluster.env, WEB, lambda _: None, timeout=600).run()
    assert last.done
    assert (last.updated, last.available) == (3, 3)


async def status_of_a_bad_image(cluster: Cluster, client: Client) -> None:
    await set_image(cluster.client, "web", "broken:1")
    with pytest.raises(CannotComeUp, match="broken:1"):
        await Follower(client, cluster.env, WEB, lambda _: None, timeout=600).run()


async def history(cluster: Cluster, client: Client) -> None:
    obj = await WEB.get(client)
    log = await revision_log.of(client, WEB, obj)
    await roll_evidence.read(client, cluster.env, WEB, obj, log)
    # A state that is older than the last is possible, one that never was is not.
    assert [each.images for each in log] in ([(OLD,), (NEW,)], [(OLD,)])


async def undo(cluster: Cluster, client: Client) -> None:
    plan = await undoing.undo(client, WEB, 0, dry_run=False)
    assert plan.comes_back == [f"c {NEW} → {OLD}"]
    assert await image(cluster) == OLD


async def pause_and_resume(cluster: Cluster, client: Client) -> None:
    await switching.pause(client, WEB, paused=True)
    assert (await WEB.get(cluster.client))["spec"]["paused"] is True
    await switching.pause(client, WEB, paused=False)
    assert not (await WEB.get(cluster.client))["spec"].get("paused")


async def restart(cluster: Cluster, client: Client) -> None:
    await switching.restart(client, cluster.env, WEB)
    template = (await WEB.get(cluster.client))["spec"]["template"]
    assert switching.RESTARTED_AT in objects.annotations(template)
    assert await switching.restart_if_changed(client, cluster.env, WEB) == []


async def drain(cluster: Cluster, client: Client) -> None:
    options = draining.Options(timeout=900)
    await draining.drain(client, cluster.env, ["node-1"], options, lambda _: None)
    listed = (await cluster.client.list(PODS))["items"]
    assert not [pod for pod in listed if pod["spec"].get("nodeName") == "node-1"]
    assert (await cluster.client.get(NODES, "node-1"))["spec"]["unschedulable"] is True


COMMANDS: list[Command] = [status, status_of_a_bad_image, history, undo, pause_and_resume, restart, drain]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__.replace("_", " "))
@pytest.mark.parametrize("every", [2, 3, 4, 5])
def test_a_command_over_a_bad_connection_ends_right(command: Command, every: int) -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 3))
            await complete(cluster, "web", 1)
            await asyncio.sleep(5)
            await complete(cluster, "web", await set_image(cluster.client, "web", NEW))
            client = ApiClient(PersistentTransport(Flaky(cluster.client, every), cluster.env))
            await command(cluster, client)

    virtual_loop.run(story())


def test_a_server_that_is_not_there_is_told_soon() -> None:
    async def story() -> None:
        async with world(1) as cluster:
            begin = cluster.env.monotonic()
            with pytest.raises(ConnectionError, match="lost on the way"):
                await WEB.get(ApiClient(PersistentTransport(_Gone(cluster.client, 1), cluster.env)))
            assert cluster.env.monotonic() - begin < 10

    virtual_loop.run(story())


def test_a_server_that_goes_away_while_a_roll_is_followed_is_told_after_a_minute() -> None:
    async def story() -> None:
        async with world(1, start=1, ready=500) as cluster:
            await cluster.client.create(DEPLOYMENTS, deployment("web", 1))
            begin, gone = cluster.env.monotonic(), _Gone(cluster.client, 8)
            with pytest.raises(ConnectionError, match="lost on the way"):
                await Follower(ApiClient(gone), cluster.env, WEB, lambda _: None, timeout=400).run()
            assert 55 < cluster.env.monotonic() - begin < 300

    virtual_loop.run(story())


class _Gone(Flaky):
    """After so many requests nothing comes back any more."""

    async def request(self, request: Request) -> Response:
        self._count += 1
        if self._count >= self._every:
            raise ConnectionError("lost on the way")
        return await self._transport.request(request)

    async def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        raise ConnectionError("lost on the way")
        yield  # makes it a generator


def test_a_set_is_followed_over_a_bad_connection_too() -> None:
    async def story() -> None:
        async with world(2, start=1, ready=1, exit=1) as cluster:
            made = {**deployment("db", 2, serviceName="db"), "kind": "StatefulSet"}
            await cluster.client.create(STATEFUL_SETS, made)
            db = Workload(STATEFUL_SETS, "db", "default")
            last = await Follower(
                ApiClient(Flaky(cluster.client, 2)), cluster.env, db, lambda _: None, timeout=900
            ).run()
            assert last.done

    virtual_loop.run(story())
