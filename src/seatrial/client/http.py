"""The transport to a cluster behind a URL: httpx, with the credentials of a kubeconfig.

API errors come out as StatusError, a connection that can't be made or is lost as ConnectionError, after the retries of
`retry.py`.
"""

import asyncio
import os
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from seatrial.base.env import Env, SystemEnv
from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Request, Response
from seatrial.client.credentials import Credentials
from seatrial.client.kubeconfig import Access
from seatrial.client.retry import Outcome, RetryPolicy
from seatrial.machinery import status
from seatrial.machinery.watch import WatchEvent

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
WATCH_GRACE_SECONDS = 10.0
"""How much longer than it was asked for a watch may be silent before its connection counts as lost."""


class HttpTransport:
    """One cluster over HTTP. Closing it closes its connections."""

    def __init__(
        self,
        access: Access,
        *,
        user_agent: str = "seatrial",
        retry: RetryPolicy | None = None,
        env: Env | None = None,
    ) -> None:
        self._access, self._user_agent, self._retry = access, user_agent, retry or RetryPolicy()
        self._credentials = Credentials(access, env or SystemEnv())
        self._certificate = self._credentials.certificate
        self._http = self._connections()
        self._former: list[httpx.AsyncClient] = []
        self._last_error = ""

    def _connections(self) -> "httpx.AsyncClient":
        import httpx

        access = self._access
        return httpx.AsyncClient(
            base_url=access.server,
            verify=_tls(access, self._certificate),
            headers={"User-Agent": self._user_agent, "Accept": "application/json"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            proxy=access.proxy_url or None,
            trust_env=not _is_local(access.server),
        )

    async def request(self, request: Request) -> Response:
        async with self._answer(request, ANSWER_SECONDS, whole=True) as answer:
            obj: JSON = _parse(answer.content, request)
            return Response(answer.status_code, obj, _warnings(answer))

    async def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        asked = request.query.get("timeoutSeconds", "")
        silence = float(asked) + WATCH_GRACE_SECONDS if asked.isdigit() else None
        async with self._answer(request, silence) as answer:
            async for line in _lines(answer):
                event = _event(line)
                if event.type == "ERROR":
                    raise StatusError(event.object)
                yield event

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        async with self._answer(request, None) as answer:
            async for chunk in _chunks(answer):
                yield chunk

    async def aclose(self) -> None:
        for http in (*self._former, self._http):
            await http.aclose()

    @asynccontextmanager
    async def _answer(
        self, request: Request, silence: float | None, *, whole: bool = False
    ) -> AsyncIterator["httpx.Response"]:
        """The answer, if it is a success; `whole`: with its body. `silence`: how long nothing may come, in seconds."""
        attempt, renewed = 1, False
        while True:
            answer, outcome = await self._attempt(request, silence, whole)
            if answer is not None and answer.is_success:
                try:
                    yield answer
                finally:
                    await answer.aclose()
                return
            if answer is not None and answer.status_code == 401 and not renewed and self._credentials.refused():
                renewed = True
                await answer.aclose()
                continue
            headers = answer.headers if answer is not None else {}
            pause = self._retry.pause(request.method, attempt, outcome, headers)
            if pause is None:
                raise await _error(answer) if answer is not None else ConnectionError(self._lost(outcome))
            if answer is not None:
                await answer.aclose()
            await asyncio.sleep(pause)
            attempt += 1

    async def _attempt(
        self, request: Request, silence: float | None, whole: bool
    ) -> tuple["httpx.Response | None", Outcome]:
        import httpx

        built = await self._build(request, silence)
        try:
            answer = await self._http.send(built, stream=True)
            if whole:
                await answer.aread()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._last_error = str(error)
            return None, "not connected"
        except httpx.TransportError as error:
            self._last_error = str(error) or type(error).__name__
            return None, "connection lost"
        return answer, answer.status_code

    async def _build(self, request: Request, silence: float | None) -> "httpx.Request":
        import httpx

        headers = dict(request.headers) | await self._credentials.headers()
        if self._credentials.certificate != self._certificate:
            self._certificate = self._credentials.certificate
            self._former.append(self._http)
            self._http = self._connections()
        content = None
        if request.body is not None:
            content = orjson.dumps(request.body)
            headers["Content-Type"] = request.content_type
        return self._http.build_request(
            request.method,
            request.path,
            params=request.query or None,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=silence),
        )

    def _lost(self, outcome: Outcome) -> str:
        verb = "can't reach" if outcome == "not connected" else "lost the connection to"
        return f"{verb} {self._access.server}: {self._last_error}"


async def _read(answer: "httpx.Response") -> bytes:
    return b"".join([chunk async for chunk in _chunks(answer)])


async def _chunks(answer: "httpx.Response") -> AsyncIterator[bytes]:
    import httpx

    try:
        async for chunk in answer.aiter_bytes():
            yield chunk
    except httpx.TransportError as error:
        raise ConnectionError(f"lost the connection while reading the answer: {error}") from None


async def _lines(answer: "httpx.Response") -> AsyncIterator[bytes]:
    """Whole lines; what is left when the stream ends is half an event, and dropped."""
    rest = b""
    async for chunk in _chunks(answer):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _event(line: bytes) -> WatchEvent:
    try:
        event = orjson.loads(line)
        return WatchEvent(event["type"], event["object"])
    except (ValueError, TypeError, KeyError):
        raise ConnectionError(f"a watch brought what is no event: {line[:80]!r}") from None


def _parse(data: bytes, request: Request) -> JSON:
    if not data:
        return {}
    try:
        value = orjson.loads(data)
    except ValueError:
        return {"text": data.decode(errors="replace")}
    if not isinstance(value, dict):
        raise status.internal_error(f"{request.method} {request.path}: the answer is no JSON object")
    return value


async def _error(answer: "httpx.Response") -> StatusError:
    """The Status in the answer, or one made from its code, as client-go does (rest/request.go newUnstructured…)."""
    data = await _read(answer)
    await answer.aclose()
    headers = dict(answer.headers)
    try:
        value = orjson.loads(data)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("kind") == "Status":
        return StatusError({"code": answer.status_code, **value}, headers)
    code = answer.status_code
    if code == 404:
        return status.resource_not_found()
    if code == 401:
        return status.unauthorized("the server has asked for the client to provide credentials")
    text = data.decode(errors="replace").strip() or f"the server answered {code}"
    return StatusError(status.failure(code, _REASONS.get(code, ""), text), headers)


_REASONS = {
    400: "BadRequest",
    403: "Forbidden",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def _warnings(answer: "httpx.Response") -> tuple[str, ...]:
    """The texts of `299 - "text"`."""
    found = []
    for value in answer.headers.get_list("warning"):
        quoted = value.partition('"')[2].rpartition('"')[0]
        found.append(quoted.replace('\\"', '"').replace("\\\\", "\\"))
    return tuple(found)


def _is_local(server: str) -> bool:
    """Proxies of the environment are not for loopback addresses."""
    host = server.partition("//")[2].partition("/")[0]
    return host.startswith(("127.", "localhost", "[::1]"))


def _tls(access: Access, certificate: tuple[bytes, bytes] | None) -> ssl.SSLContext | bool:
    """How to trust the server, and which (certificate, key) to show it."""
    if not access.server.startswith("https"):
        return False
    context = ssl.create_default_context(cadata=access.ca_data.decode() if access.ca_data else None)
    if access.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate is not None:
        _load_client_certificate(context, *certificate)
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """ssl reads certificates from files only."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "client.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
        try:
            context.load_cert_chain(path)
        except ssl.SSLError as error:
            raise ToolError(f"the client certificate or its key can't be used: {error}") from None
