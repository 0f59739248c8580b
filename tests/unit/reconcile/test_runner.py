"""The runner against the real API: retries, conflicts, reading its own writes."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CONFIG_MAPS, EVENTS, NAMESPACES, SECRETS
from seatrial.base.errors import Terminal
from seatrial.base.types import JSON, Key
from seatrial.client.client import ApiClient
from seatrial.machinery import objects
from seatrial.reconcile.controller import CacheReader, Controller, Watch
from seatrial.reconcile.decision import Batch, Create, Decision, Event, Patch, Update
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.runner import Runner, for_object
from unit.reconcile import api


@dataclass(frozen=True)
class View:
    """A ConfigMap, and the Secrets that it controls."""

    owner: JSON
    children: Sequence[JSON]


async def gather(key: Key, cache: CacheReader) -> View | None:
    owner = cache.get(CONFIG_MAPS, key)
    return View(owner, cache.owned_by(SECRETS, objects.uid(owner))) if owner is not None else None


def owner_keys(old: JSON | None, new: JSON | None, cache: CacheReader) -> Iterable[Key]:
    owner = objects.controller_of(new or old or {})
    return [(objects.namespace(new or old or {}), owner["name"])] if owner else []


def child(owner: JSON) -> JSON:
    meta = {"generateName": "child-", "namespace": "default"}
    references = [objects.owner_reference(owner, CONFIG_MAPS)]
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "ownerReferences": references}}


def controller(decide: Callable[[View, float], Decision]) -> Controller[View]:
    watches = (Watch(CONFIG_MAPS, for_object), Watch(SECRETS, owner_keys))
    return Controller("test", CONFIG_MAPS, watches, gather, decide)


async def started(
    decide: Callable[[View, float], Decision], seed: int = 0
) -> tuple[ApiClient, Runner[View], Informers]:
    client, env, _ = await api.start(seed)
    informers = Informers(client, env)
    runner = Runner(controller(decide), informers, client, env)
    informers.start()
    runner.start()
    await asyncio.sleep(1)
    return client, runner, informers


def owner(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owner", "namespace": "default"},
        "data": data,
    }


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_created_twice_because_the_cache_lags_behind(seed: int) -> None:
    def decide(view: View, now: float) -> Decision:
        def told(made: JSON) -> Event:
            return Event(view.owner, "Normal", "Made", f"Made {objects.name(made)}")

        missing = 20 - len(view.children)
        create = Create(SECRETS, child(view.owner), "too few", on_success=told)
        return Decision((Batch((create,) * missing, slow_start=True),)) if missing > 0 else Decision()

    async def main() -> None:
        client, runner, informers = await started(decide, seed)
        await client.create(CONFIG_MAPS, owner())
        for number in range(10):
            await client.patch(CONFIG_MAPS, "owner", "default", {"data": {"n": str(number)}})
        await asyncio.sleep(5)
        assert len((await client.list(SECRETS, "default"))["items"]) == 20
        assert runner.metrics.errors == 0
        await runner.stop()
        told = [event for event in (await client.list(EVENTS))["items"] if event["reason"] == "Made"]
        combined = [
            event for event in told if event["message"].startswith("(combined from similar events): Made child-")
        ]
        assert len(told) == 10
        assert [event["count"] for event in combined] == [11]
        await informers.stop()

    virtual_loop.run(main(), seed=seed)


def test_a_conflict_is_retried_quietly_until_the_cache_has_caught_up(caplog: pytest.LogCaptureFixture) -> None:
    def decide(view: View, now: float) -> Decision:
        if view.owner.get("data") == {"done": "yes"}:
            return Decision()
        stale = {**view.owner, "data": {"done": "yes"}}
        if view.owner["data"]["try"] == "0":
            stale = objects.with_metadata(stale, resourceVersion="1")
        return Decision((Update(CONFIG_MAPS, stale, "not done"),))

    async def main() -> None:
        client, runner, informers = await started(decide)
        await client.create(CONFIG_MAPS, owner(**{"try": "0"}))
        await asyncio.sleep(0.2)
        assert runner.metrics.conflicts > 1
        await client.patch(CONFIG_MAPS, "owner", "default", {"data": {"try": "1"}})
        await asyncio.sleep(20)
        assert (await client.get(CONFIG_MAPS, "owner", "default"))["data"] == {"done": "yes"}
        assert runner.metrics.errors == 0
        await runner.stop()
        await informers.stop()

    with caplog.at_level(logging.INFO):
        virtual_loop.run(main())
    assert not caplog.records


def test_a_terminal_error_is_not_retried_and_a_bug_is() -> None:
    def decide(view: View, now: float) -> Decision:
        if view.owner["data"]["kind"] == "terminal":
            raise Terminal("no retry mends this")
        raise ValueError("a bug")

    async def main() -> None:
        client, runner, informers = await started(decide)
        await client.create(CONFIG_MAPS, owner(kind="terminal"))
        await asyncio.sleep(60)
        assert (runner.metrics.terminal_errors, runner.metrics.errors) == (1, 0)
        await client.patch(CONFIG_MAPS, "owner", "default", {"data": {"kind": "bug"}})
        await asyncio.sleep(60)
        assert runner.metrics.errors >= 10
        await runner.stop()
        await informers.stop()

    virtual_loop.run(main())


def test_after_a_failure_it_may_be_told_and_the_key_is_retried() -> None:
    def decide(view: View, now: float) -> Decision:
        def failed(error: Exception) -> Decision:
            body = {"data": {"failed": "yes"}}
            return Decision((Patch(CONFIG_MAPS, objects.key(view.owner), body, "say so"),))

        wrong = {**child(view.owner), "data": {"not base64": 7}}
        return Decision((Create(SECRETS, wrong, "to fail"),), after_failure=failed)

    async def main() -> None:
        client, runner, informers = await started(decide)
        await client.create(CONFIG_MAPS, owner())
        await asyncio.sleep(1)
        assert (await client.get(CONFIG_MAPS, "owner", "default"))["data"] == {"failed": "yes"}
        assert runner.metrics.errors > 2
        await runner.stop()
        await informers.stop()

    virtual_loop.run(main())


def test_creating_in_a_namespace_that_is_going_counts_as_done() -> None:
    def decide(view: View, now: float) -> Decision:
        made = {**child(view.owner), "metadata": {"name": "late", "namespace": "going"}}
        return Decision((Create(SECRETS, made, "too late"),))

    async def main() -> None:
        client, runner, informers = await started(decide)
        await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})
        await client.delete(NAMESPACES, "going")
        await client.create(CONFIG_MAPS, owner())
        await asyncio.sleep(5)
        assert (runner.metrics.errors, runner.metrics.reconciles) == (0, 1)
        await runner.stop()
        await informers.stop()

    virtual_loop.run(main())
