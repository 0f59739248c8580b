"""A transport that rides out a bad connection for commands that make a few requests and are done.

    GET, PUT, PATCH   sent again after a lost connection, 429 and 5xx: twice is as good as once
    PATCH             after 409, too, when it names no resourceVersion: somebody else was writing, nothing more
    POST, DELETE      as the transport below has it: whoever sends them knows what may have happened

A PUT or JSON patch whose answer was lost is refused with 409 when it is sent again: callers look at the object then.
Until the first answer patience is short, so that a server that isn't there is told soon.
"""

from collections.abc import AsyncIterator

from seatrial.base.env import Env
from seatrial.client import persisting
from seatrial.client.base import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Request, Response, Transport
from seatrial.client.retry import PASSING
from seatrial.machinery import objects
from seatrial.machinery.watch import WatchEvent

FIRST_PATIENCE_SECONDS = 5.0
_TWICE = frozenset({"GET", "PUT", "PATCH"})


class PersistentTransport:
    """See the module. Owns the transport below."""

    def __init__(self, transport: Transport, env: Env) -> None:
        self._transport, self._env = transport, env
        self._patience = FIRST_PATIENCE_SECONDS

    async def request(self, request: Request) -> Response:
        if request.method not in _TWICE:
            return await self._transport.request(request)
        answer = await persisting.persist(
            self._env, lambda: self._transport.request(request), self._patience, codes=_passing(request)
        )
        self._patience = persisting.PATIENCE_SECONDS
        return answer

    def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        return self._transport.watch(request)

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        return self._transport.stream(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


def _passing(request: Request) -> frozenset[int]:
    """The codes after which the request is sent again. A conflict of an apply, or of a JSON patch, stays one."""
    merges = request.content_type in (MERGE_PATCH, STRATEGIC_MERGE_PATCH)
    if merges and objects.get(request.body, "metadata", "resourceVersion") is None:
        return PASSING | {409}
    return PASSING
