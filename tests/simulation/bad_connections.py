"""Transports that lose what they carry, for tests in virtual time."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from seatrial.api.registry import PODS
from seatrial.client.base import Request, Response
from seatrial.client.client import ApiClient
from seatrial.machinery import status


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A transport that dies before request number `life` + 1."""

    def __init__(self, client: ApiClient, life: int) -> None:
        self._transport = client._transport
        self._life = life

    def _age(self) -> None:
        if self._life == 0:
            raise Killed
        self._life -= 1

    async def request(self, request: Request) -> Response:
        self._age()
        return await self._transport.request(request)

    async def watch(self, request: Request) -> AsyncIterator[Any]:
        self._age()
        async with aclosing(self._transport.watch(request)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        async for chunk in self._transport.stream(request):
            yield chunk

    async def aclose(self) -> None:
        pass


class Forbidding(Mortal):
    """A transport for somebody who has no rights on these resources: `pods` may not be listed, `pods/` not be got."""

    def __init__(self, client: ApiClient, *plurals: str) -> None:
        super().__init__(client, -1)
        self._plurals = plurals

    async def request(self, request: Request) -> Response:
        collection, _, last = request.path.rpartition("/")
        if last in self._plurals or f"{collection.rpartition('/')[2]}/" in self._plurals:
            raise status.forbidden(PODS, "", f"no rights on {request.path}")
        return await super().request(request)


class Refusing(Mortal):
    """A transport to a server that refuses changes of one object, as an admission webhook does. `path`: its end."""

    def __init__(self, client: ApiClient, method: str, path: str) -> None:
        super().__init__(client, -1)
        self._method, self._path = method, path
        self.refused = 0

    async def request(self, request: Request) -> Response:
        if request.method == self._method and request.path.endswith(self._path):
            self.refused += 1
            raise status.forbidden(PODS, "web", 'admission webhook "guard" denied the request')
        return await super().request(request)


class Flaky:
    """Of every so many requests one fails: lost on the way, answer lost, 409, 429, 503, 500, or a stale list.

    Every second watch is cut after an event, and some end with 410 at once.
    """

    KINDS = ("lost", "answer lost", "conflict", "too many", "unavailable", "broken", "stale")

    def __init__(self, client: ApiClient, every: int) -> None:
        self._transport, self._every, self._count = client._transport, every, 0
        self._lists: dict[tuple[str, ...], Response] = {}
        self.failed: dict[str, int] = {}

    async def request(self, request: Request) -> Response:
        self._count += 1
        kind = "" if self._count % self._every else self.KINDS[(self._count // self._every) % len(self.KINDS)]
        if kind == "conflict" and request.method not in ("PUT", "PATCH"):
            kind = "lost"
        if kind == "stale":
            kind = "stale" if request.method == "GET" and _asked(request) in self._lists else ""
        if kind:
            self.failed[kind] = self.failed.get(kind, 0) + 1
        return await self._answer(request, kind)

    async def _answer(self, request: Request, kind: str) -> Response:
        if kind == "lost":
            raise ConnectionError("lost on the way")
        if kind == "conflict":
            raise status.conflict(PODS, "x", "somebody was faster")
        if kind == "too many":
            raise status.too_many_requests("not so fast", 2)
        if kind == "unavailable":
            raise status.service_unavailable("later")
        if kind == "broken":
            raise status.internal_error("oops")
        if kind == "stale":
            return self._lists[_asked(request)]
        answer = await self._transport.request(request)
        if kind == "answer lost":
            raise ConnectionError("the answer was lost")
        if request.method == "GET" and "items" in answer.object:
            self._lists.setdefault(_asked(request), answer)
        return answer

    async def watch(self, request: Request) -> AsyncIterator[Any]:
        self._count += 1
        if self._count % 5 == 0:
            raise status.expired("too old resource version")
        async with aclosing(self._transport.watch(request)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event
                if self._count % 2:
                    raise ConnectionError("the watch was cut")

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        async for chunk in self._transport.stream(request):
            yield chunk

    async def aclose(self) -> None:
        pass


def _asked(request: Request) -> tuple[str, ...]:
    """What a list is of."""
    return (request.path, *(f"{name}={value}" for name, value in sorted(request.query.items())))
