"""Waiting until an object is as somebody wants it (client-go tools/watch/until.go): list, watch, list again on 410.

What fails in passing (lost connections, 429, 5xx) is tried again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON
from seatrial.client import retry
from seatrial.client.base import Reader
from seatrial.machinery.gvk import ResourceRef
from seatrial.machinery.watch import WatchEvent

Condition = Callable[[JSON | None], bool]
"""Looks at the object, None when there is none."""

RECONNECT_SECONDS = 1.0
WATCH_SECONDS = 60
"""A watch that is asked to end is known to be dead when it does not."""


async def wait_for(
    reader: Reader,
    resource: ResourceRef,
    name: str,
    namespace: str,
    condition: Condition,
    timeout_seconds: float | None = None,
) -> JSON | None:
    """The object as soon as the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        clock = asyncio.get_running_loop().time
        while True:
            begun, pause = clock(), RECONNECT_SECONDS
            try:
                return await _watch_once(reader, resource, name, namespace, condition)
            except (_Again, ConnectionError):
                pass
            except StatusError as error:
                if error.code not in retry.PASSING:
                    raise
                pause = error.retry_after_seconds or pause
            # A watch that lasted is made again at once; one that ends again and again must not make us spin.
            await asyncio.sleep(max(0.0, pause - (clock() - begun)))


class _Again(Exception):
    """The watch has ended before the condition held."""


async def _watch_once(
    reader: Reader, resource: ResourceRef, name: str, namespace: str, condition: Condition
) -> JSON | None:
    selector = f"metadata.name={name}"
    listed = await reader.list(resource, namespace, field_selector=selector)
    current: JSON | None = next(iter(listed["items"]), None)
    if condition(current):
        return current
    events = reader.watch(
        resource,
        namespace,
        field_selector=selector,
        resource_version=listed["metadata"]["resourceVersion"],
        timeout_seconds=WATCH_SECONDS,
    )
    async with _closing(events):
        async for event in events:
            if event.type in ("BOOKMARK", "ERROR"):
                continue
            current = None if event.type == "DELETED" else event.object
            if condition(current):
                return current
    raise _Again


@asynccontextmanager
async def _closing(events: AsyncIterator[WatchEvent]) -> AsyncIterator[None]:
    """The watch ends here, and not when the garbage collector finds it."""
    try:
        yield
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


async def wait_deleted(
    reader: Reader, resource: ResourceRef, name: str, namespace: str = "", timeout_seconds: float | None = None
) -> None:
    """Until there is no such object any more."""
    await wait_for(reader, resource, name, namespace, lambda obj: obj is None, timeout_seconds)
