"""The transport for callers in this process: no HTTP, no encoding, works under virtual time.

Objects come out as the store holds them, hence must not be changed; items of a list carry kind and apiVersion, which
on the wire they don't. Bodies stay their caller's: the registry copies what it keeps.
"""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import orjson

from seatrial.apiserver.handlers.call import Answer, Call, Document, Listed, Made, Stored, Streaming, Text, Watching
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.listing import list_metadata
from seatrial.apiserver.users import SYSTEM, UserInfo
from seatrial.base.types import JSON
from seatrial.client.base import Request, Response
from seatrial.machinery import status
from seatrial.machinery.watch import WatchEvent


class LoopbackTransport:
    """Requests go straight to the handlers. `user_agent`: whose fields they are in writes that name no manager."""

    def __init__(self, handlers: Handlers, user: UserInfo = SYSTEM, user_agent: str = "") -> None:
        self._handlers, self._user, self._user_agent = handlers, user, user_agent

    async def request(self, request: Request) -> Response:
        self._check()
        call = self._call(request)
        answer = await self._handlers.handle(call)
        if isinstance(answer, Stored):
            return Response(answer.code, answer.record.object, tuple(call.warnings))
        code, obj = _object(answer)
        return Response(code, obj, tuple(call.warnings))

    def _check(self) -> None:
        if not self._handlers.is_reachable:
            raise ConnectionRefusedError("the API server can't be reached")

    async def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        self._check()
        answer = await self._handlers.handle(self._call(request))
        if not isinstance(answer, Watching):
            raise status.bad_request(f"{request.path} is not a watch")
        events, resource = answer.events, answer.resource
        ending = asyncio.get_running_loop().call_later(answer.timeout_seconds, events.close)
        try:
            for record in answer.initial.records if answer.initial else ():
                yield WatchEvent("ADDED", record.object)
            async for event in events:
                yield WatchEvent(event.type, event.record.object)
            if answer.bookmarks:
                metadata = {"resourceVersion": str(events.revision), "creationTimestamp": None}
                named = {"kind": resource.kind, "apiVersion": resource.api_version}
                yield WatchEvent("BOOKMARK", {**named, "metadata": metadata})
        finally:
            ending.cancel()
            events.close()

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        answer = await self._handlers.handle(self._call(request))
        if not isinstance(answer, Streaming):
            raise status.bad_request(f"{request.path} is no stream of bytes")
        async for chunk in answer.chunks:
            yield chunk

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _call(self, request: Request) -> Call:
        path, _, query_text = request.path.partition("?")
        query = dict(request.query)
        if query_text:
            query.update(parse_qsl(query_text, keep_blank_values=True))
        agent = request.headers.get("User-Agent", self._user_agent)
        return Call(request.method, path, query, self._user, request.body, request.content_type, agent)


def _object(answer: Answer) -> tuple[int, JSON]:
    if isinstance(answer, Made):
        return answer.code, answer.object
    if isinstance(answer, Listed):
        resource = answer.resource
        items = [record.object for record in answer.listing.records]
        metadata = list_metadata(answer.listing)
        named = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
        return 200, {**named, "metadata": metadata, "items": items}
    if isinstance(answer, Document):
        return 200, orjson.loads(answer.data)
    if isinstance(answer, Text):
        if answer.code == 404:
            raise status.resource_not_found()
        return answer.code, {"text": answer.text}
    raise status.bad_request("this request needs a connection of its own")
