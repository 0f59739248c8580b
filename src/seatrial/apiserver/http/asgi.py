"""The shapes of ASGI, and requests read from it (asgi.readthedocs.io; the interface of the HTTP server, granian)."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from seatrial.machinery import status

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RequestHeaders = Mapping[bytes, bytes]

BODY_LIMIT = 3 * 1024 * 1024
READ_AND_FORGET = 64 * 1024 * 1024
"""How much of a body that is too large is still read, so that the client sees the refusal, not a broken pipe."""


@lru_cache(maxsize=4096)
def parse_query(query: bytes) -> tuple[Mapping[str, str], Mapping[str, list[str]]]:
    """(first values, all values); neither may be changed."""
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        lists.setdefault(name, []).append(value)
    return {name: values[0] for name, values in lists.items()}, lists


async def read_body(receive: Receive, headers: RequestHeaders) -> bytes:
    """The whole body. Raises RequestEntityTooLarge."""
    announced = headers.get(b"content-length", b"")
    length = int(announced) if announced.isdigit() else -1
    if length == 0:
        return b""
    message = await receive()
    body: bytes = message.get("body", b"")
    if len(body) == length <= BODY_LIMIT:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body") and size != length and size < READ_AND_FORGET:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
    if size > BODY_LIMIT:
        raise status.too_large(f"limit is {BODY_LIMIT}")
    if message["type"] == "http.disconnect":
        raise ConnectionError("the client went away while it sent its request")
    return b"".join(chunks)


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
