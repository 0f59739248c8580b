"""The transport to a cluster behind a URL: httpx, with the credentials of a kubeconfig.

API errors come out as StatusError, a connection that can't be made or is lost as ConnectionError, after the retries of
`retry.py`.
"""

import asyncio
import base64
import json
import os
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from seatrial.base.errors import StatusError, ToolError
from seatrial.base.types import JSON
from seatrial.client.base import Request, Response
from seatrial.client.kubeconfig import Access, ExecPlugin
from seatrial.client.retry import Outcome, RetryPolicy
from seatrial.machinery import status
from seatrial.machinery.watch import WatchEvent

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
EXPIRED_SOON_SECONDS = 10.0


class HttpTransport:
    """One cluster over HTTP. Closing it closes its connections."""

    def __init__(self, access: Access, *, user_agent: str = "seatrial", retry: RetryPolicy | None = None) -> None:
        import httpx

        self._access, self._retry = access, retry or RetryPolicy()
        self._credentials = _Credentials(access)
        self._http = httpx.AsyncClient(
            base_url=access.server,
            verify=_tls(access, None),
            headers={"User-Agent": user_agent, "Accept": "application/json"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            proxy=access.proxy_url or None,
            trust_env=not _is_local(access.server),
        )

    async def request(self, request: Request) -> Response:
        async with self._answer(request) as answer:
            data = await _read(answer)
        obj: JSON = _parse(data, request)
        return Response(answer.status_code, obj, _warnings(answer))

    async def watch(self, request: Request) -> AsyncIterator[WatchEvent]:
        async with self._answer(request, endless=True) as answer:
            async for line in _lines(answer):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise StatusError(event["object"])
                yield WatchEvent(event["type"], event["object"])

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        async with self._answer(request, endless=True) as answer:
            async for chunk in _chunks(answer):
                yield chunk

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _answer(self, request: Request, *, endless: bool = False) -> AsyncIterator["httpx.Response"]:
        """The answer, if it is a success; its body isn't read yet."""
        attempt = 1
        while True:
            answer, outcome = await self._attempt(request, endless)
            if answer is not None and answer.is_success:
                try:
                    yield answer
                finally:
                    await answer.aclose()
                return
            headers = answer.headers if answer is not None else {}
            pause = self._retry.pause(request.method, attempt, outcome, headers)
            if pause is None:
                raise await _error(answer) if answer is not None else ConnectionError(self._lost(outcome))
            if answer is not None:
                await answer.aclose()
            await asyncio.sleep(pause)
            attempt += 1

    async def _attempt(self, request: Request, endless: bool) -> tuple["httpx.Response | None", Outcome]:
        import httpx

        headers = dict(request.headers) | await self._credentials.headers()
        content = None
        if request.body is not None:
            content = orjson.dumps(request.body)
            headers["Content-Type"] = request.content_type
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=None if endless else ANSWER_SECONDS)
        built = self._http.build_request(
            request.method,
            request.path,
            params=request.query or None,
            content=content,
            headers=headers,
            timeout=timeout,
        )
        try:
            answer = await self._http.send(built, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._last_error = str(error)
            return None, "not connected"
        except httpx.TransportError as error:
            self._last_error = str(error) or type(error).__name__
            return None, "connection lost"
        return answer, answer.status_code

    def _lost(self, outcome: Outcome) -> str:
        verb = "can't reach" if outcome == "not connected" else "lost the connection to"
        return f"{verb} {self._access.server}: {self._last_error}"


async def _read(answer: "httpx.Response") -> bytes:
    import httpx

    try:
        return await answer.aread()
    except httpx.TransportError as error:
        raise ConnectionError(f"lost the connection while reading the answer: {error}") from None


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


def _tls(access: Access, credential: JSON | None) -> ssl.SSLContext | bool:
    """How to trust the server, and which certificate to show it."""
    if not access.server.startswith("https"):
        return False
    context = ssl.create_default_context(cadata=access.ca_data.decode() if access.ca_data else None)
    if access.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if access.client_certificate and access.client_key:
        _load_client_certificate(context, access.client_certificate, access.client_key)
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
            raise ToolError(f"the kubeconfig's client certificate or key can't be used: {error}") from None


class _Credentials:
    """The Authorization header: a token, a file that holds one (read again each time), a plugin's, or a password."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._plugin_token = ""
        self._plugin_lock = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        access = self._access
        if access.token_file is not None:
            return {"Authorization": f"Bearer {access.token_file.read_text().strip()}"}
        if access.token:
            return {"Authorization": f"Bearer {access.token}"}
        if access.exec_plugin is not None:
            return {"Authorization": f"Bearer {await self._from_plugin(access.exec_plugin)}"}
        if access.username:
            pair = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}

    async def _from_plugin(self, plugin: ExecPlugin) -> str:
        async with self._plugin_lock:
            if not self._plugin_token:
                credential = await _run_plugin(plugin)
                self._plugin_token = (credential.get("status") or {}).get("token") or ""
                if not self._plugin_token:
                    raise ToolError(
                        f"{plugin.command[0]} printed no token (client certificates of plugins: not supported)"
                    )
            return self._plugin_token


async def _run_plugin(plugin: ExecPlugin) -> JSON:
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": {"interactive": False}}
    environment = {**os.environ, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        process = await asyncio.create_subprocess_exec(
            *plugin.command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ToolError(f"credential plugin {plugin.command[0]}: {error.strerror}") from None
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise ToolError(f"credential plugin {plugin.command[0]} failed: {errors.decode(errors='replace').strip()}")
    try:
        credential: Any = json.loads(output)
    except ValueError:
        raise ToolError(f"credential plugin {plugin.command[0]} printed no ExecCredential") from None
    return credential if isinstance(credential, dict) else {}
