"""What admission has at hand is what the store has."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.api.registry import RESOURCE_QUOTAS
from seatrial.apiserver.mirror import Mirror
from seatrial.machinery import objects
from seatrial.store import keys
from seatrial.store.memory import MemoryStore

STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "ask"]), st.sampled_from("ab"), st.sampled_from("xy")))


@settings(max_examples=60)
@given(STEPS, st.sampled_from([1, 2, 100]))
def test_a_mirror_shows_the_store_even_after_it_fell_behind(steps: list[tuple[str, str, str]], buffer: int) -> None:
    async def story() -> None:
        store = MemoryStore(watch_buffer=buffer)
        mirror = Mirror(store, RESOURCE_QUOTAS)
        for what, namespace, name in (*steps, ("ask", "a", "x"), ("ask", "b", "x")):
            key = keys.key(RESOURCE_QUOTAS, namespace, name)
            found = await store.get(key)
            if what == "ask":
                page = await store.list(keys.prefix(RESOURCE_QUOTAS, namespace))
                shown = await mirror.of(namespace)
                assert [objects.resource_version(obj) for obj in shown] == [each.revision for each in page.records]
            elif what == "put" and found is None:
                await store.create(key, {"metadata": {"name": name, "namespace": namespace}})
            elif what == "put" and found is not None:
                await store.update(key, {"metadata": {"name": name, "namespace": namespace}}, found.revision)
            elif found is not None:
                await store.delete(key, found.revision)

    asyncio.run(story())
