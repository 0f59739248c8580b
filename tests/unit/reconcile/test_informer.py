"""Reflector and informer against the real API: caches follow, whatever happens to the watch."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from seatrial.aio import virtual_loop
from seatrial.api.registry import CONFIG_MAPS
from seatrial.base.types import JSON
from seatrial.client.client import ApiClient
from seatrial.machinery import objects, status
from seatrial.machinery.watch import WatchEvent
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.reflector import State
from unit.reconcile import api


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


class Unreliable:
    """The real client, whose watches end with what stands in `faults` (after `lasts` seconds each)."""

    def __init__(self, client: ApiClient, faults: list[Exception], lasts: float) -> None:
        self._client, self._faults, self._lasts = client, faults, lasts
        self.list = client.list

    async def watch(self, *args: Any, **options: Any) -> AsyncIterator[WatchEvent]:
        events = self._client.watch(*args, **options)
        while self._faults:
            try:
                yield await asyncio.wait_for(anext(events), self._lasts)
            except TimeoutError:
                raise self._faults.pop(0) from None
        async for event in self._client.watch(*args, **options):
            yield event


def test_handlers_hear_of_everything_in_order_with_old_and_new() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        await client.create(CONFIG_MAPS, config_map("before"))
        informers = Informers(client, env)
        heard: list[tuple[str | None, str | None]] = []

        def on_change(old: JSON | None, new: JSON | None) -> None:
            heard.append((objects.name(old) if old else None, objects.name(new) if new else None))

        informer = informers.informer(CONFIG_MAPS)
        informer.add_handler(on_change)
        informers.start()
        await informers.synced()
        await client.create(CONFIG_MAPS, config_map("during"))
        await client.patch(CONFIG_MAPS, "before", "default", {"data": {"a": "b"}})
        await client.delete(CONFIG_MAPS, "during", "default")
        await asyncio.sleep(0.1)
        assert heard == [(None, "before"), (None, "during"), ("before", "before"), ("during", None)]
        assert informer.cache.sorted_keys() == [("default", "before")]
        late: list[str] = []
        informer.add_handler(lambda old, new: late.append(objects.name(new or {})))
        assert late == ["before"]
        await informers.stop()

    virtual_loop.run(main())


def test_a_lost_connection_is_resumed_without_a_new_list_and_410_lists_anew() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        faults: list[Exception] = [ConnectionError("reset"), status.expired("too old resource version")]
        informers = Informers(Unreliable(client, faults, 1.0), env)  # type: ignore[arg-type]
        informer = informers.informer(CONFIG_MAPS)
        informers.start()
        await informers.synced()
        await asyncio.sleep(1.1)
        assert informer.reflector.state is State.PAUSE
        await client.create(CONFIG_MAPS, config_map("missed"))
        await asyncio.sleep(1.7)
        assert len(informer.cache) == 1
        assert informer.reflector.lists == 1
        await asyncio.sleep(2)
        assert informer.reflector.lists == 2
        await client.create(CONFIG_MAPS, config_map("later"))
        await asyncio.sleep(0.1)
        assert len(informer.cache) == 2
        await informers.stop()

    virtual_loop.run(main())


def test_a_new_list_tells_only_the_differences() -> None:
    async def main() -> list[tuple[str | None, str | None]]:
        client, env, _ = await api.start()
        informer = Informers(client, env).informer(CONFIG_MAPS)
        versions = [("a", "1"), ("b", "1"), ("c", "1")]
        informer.replace([stored(*each) for each in versions], 3)
        heard: list[tuple[str | None, str | None]] = []
        informer.add_handler(lambda old, new: heard.append((version(old), version(new))))
        heard.clear()
        informer.replace([stored("a", "1"), stored("b", "5"), stored("d", "6"), stored("c", "7", uid="other")], 9)
        return heard

    assert virtual_loop.run(main()) == [
        ("b1", "b5"),
        ("c1", None),
        (None, "c7"),
        (None, "d6"),
    ]


def stored(name: str, resource_version: str, uid: str = "u") -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "uid": uid, "resourceVersion": resource_version}
    return {"metadata": meta}


def version(obj: JSON | None) -> str | None:
    return objects.name(obj) + obj["metadata"]["resourceVersion"] if obj else None


def test_indexes_follow_changes() -> None:
    async def main() -> None:
        client, env, _ = await api.start()
        cache = Informers(client, env).informer(CONFIG_MAPS).cache
        owned = stored("a", "1")
        owned["metadata"]["ownerReferences"] = [{"uid": "boss", "controller": True}]
        cache.put(("default", "a"), owned)
        cache.put(("default", "b"), stored("b", "1"))
        cache.add_index("first letter", lambda obj: objects.name(obj)[:1])
        assert [objects.name(obj) for obj in cache.owned_by("boss")] == ["a"]
        assert [objects.name(obj) for obj in cache.orphans("default")] == ["b"]
        cache.put(("default", "a"), stored("a", "2"))
        assert cache.owned_by("boss") == ()
        assert [objects.name(obj) for obj in cache.orphans("default")] == ["a", "b"]
        assert [objects.name(obj) for obj in cache.by_index("first letter", "b")] == ["b"]
        cache.drop(("default", "b"))
        assert cache.by_index("first letter", "b") == ()

    virtual_loop.run(main())
