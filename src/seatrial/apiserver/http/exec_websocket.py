"""exec and attach over a WebSocket: the protocols v4.channel.k8s.io and v5.channel.k8s.io.

Each message begins with its channel: 0 standard input, 1 output, 2 errors, 3 how it ended (a Status), 4 the size of
the terminal; in v5 also 255, which closes the channel named in its second byte. Follows k8s.io/apimachinery/pkg/util/
remotecommand and k8s.io/kubelet/pkg/cri/streaming/remotecommand. Not there: SPDY, which kubectl before 1.31 speaks,
and the base64 variants.
"""

import asyncio
from typing import Any

import orjson

from seatrial.apiserver.handlers.call import Executing
from seatrial.apiserver.http.asgi import Receive, Send
from seatrial.apiserver.node_access import ExecSession
from seatrial.base.errors import RuntimeFailure, StatusError
from seatrial.base.types import JSON
from seatrial.machinery import status

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
SPDY_REFUSED = (
    "this server carries exec and attach over WebSocket only, which kubectl speaks from 1.31 on; "
    "SPDY upgrades are not supported"
)

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHANNELS = {"stdout": bytes([STDOUT]), "stderr": bytes([STDERR])}


def choose_protocol(offered: list[str]) -> str:
    """The newest that both sides speak. Raises BadRequest."""
    for protocol in PROTOCOLS:
        if protocol in offered:
            return protocol
    asked = ", ".join(offered) or "none"
    raise status.bad_request(f"unable to negotiate protocol: client supports {asked}; server: {', '.join(PROTOCOLS)}")


async def run(answer: Executing, protocol: str, receive: Receive, send: Send) -> None:
    """Accept the WebSocket, carry the session, tell how it ended."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": protocol})
    try:
        session = await answer.start()
    except RuntimeFailure as failure:
        await _end(send, _refused(failure.message))
        return
    except StatusError as error:
        await _end(send, error.status)
        return
    try:
        await _carry(session, answer, receive, send)
    finally:
        await session.aclose()


async def _carry(session: ExecSession, answer: Executing, receive: Receive, send: Send) -> None:
    incoming = asyncio.ensure_future(_incoming(session, receive))
    outgoing = asyncio.ensure_future(_outgoing(session, answer, send))
    try:
        await asyncio.wait((incoming, outgoing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (incoming, outgoing):
            task.cancel()
        await asyncio.gather(incoming, outgoing, return_exceptions=True)
    if not outgoing.cancelled():
        # Only now: the server waits with closing as long as somebody receives.
        await _end(send, outgoing.result())


async def _incoming(session: ExecSession, receive: Receive) -> None:
    """What the client sends, until it is gone."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data is None:
            data = (message.get("text") or "").encode()
        if data:
            await _deliver(session, data[0], data[1:])


async def _deliver(session: ExecSession, channel: int, data: bytes) -> None:
    if channel == STDIN and data:
        await session.write(data)
    elif channel == RESIZE:
        size = _size(data)
        if size:
            session.resize(*size)
    elif channel == CLOSE and data[:1] == bytes([STDIN]):
        session.close_input()


def _size(data: bytes) -> tuple[int, int] | None:
    try:
        size = orjson.loads(data)
        return int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return None


async def _outgoing(session: ExecSession, answer: Executing, send: Send) -> JSON:
    """What the command writes, then how it ended."""
    wanted = {"stdout": answer.options.stdout, "stderr": answer.options.stderr}
    async for channel, data in session.output():
        if wanted[channel]:
            await _send(send, CHANNELS[channel] + data)
    return _outcome(await session.wait())


def _outcome(exit_code: int) -> JSON:
    if exit_code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {exit_code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
    }


def _refused(message: str) -> JSON:
    return status.internal_error(f"error executing command in container: {message}").status


async def _end(send: Send, outcome: JSON) -> None:
    await _send(send, bytes([ERROR]) + orjson.dumps(outcome))
    await send({"type": "websocket.close", "code": 1000})


async def _send(send: Send, data: bytes) -> None:
    message: dict[str, Any] = {"type": "websocket.send", "bytes": data}
    await send(message)
