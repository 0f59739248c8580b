"""The API over HTTP, as an ASGI application.

Why ASGI and not granian's own RSGI: only ASGI lets a WebSocket answer with a subprotocol, which `kubectl exec` insists
on. It costs about 6 % of the requests per second of a bare handler.

A GET of one object takes a short cut through `_stored_bytes`: no `Call`, no negotiation, the stored bytes as they are.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import orjson

from seatrial.apiserver import listing, negotiation, routes
from seatrial.apiserver.handlers.call import Call, Executing, Listed, Streaming, Watching
from seatrial.apiserver.handlers.dispatch import Handlers, verb_of
from seatrial.apiserver.http import asgi, exec_websocket, responses, tables, watch_stream
from seatrial.apiserver.http.asgi import Receive, RequestHeaders, Scope, Send
from seatrial.apiserver.http.auth import TokenAuthenticator
from seatrial.apiserver.http.metrics import Metrics
from seatrial.apiserver.http.responses import Encoded
from seatrial.apiserver.negotiation import Wanted
from seatrial.apiserver.users import ANONYMOUS
from seatrial.base.errors import StatusError
from seatrial.machinery import status

log = logging.getLogger(__name__)

NO_CACHE = (b"cache-control", b"no-cache, private")
JSON_TYPE = (b"content-type", b"application/json")
PLAIN_ACCEPTS = frozenset({b"", b"*/*", b"application/json"})
PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
Endless = Watching | Streaming | Listed
"""Answers that are not there as a whole when they begin."""
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class App:
    """Serves `handlers`. `metrics` is shared by all listeners of a server."""

    def __init__(self, handlers: Handlers, authenticator: TokenAuthenticator, metrics: Metrics) -> None:
        self._handlers, self._authenticator, self._metrics = handlers, authenticator, metrics
        self._audit_prefix = handlers.env.new_uid()[:24]
        self._audits = 0
        self._endless: dict[asyncio.Task[None], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: RequestHeaders = dict(scope["headers"])
        if scope["type"] == "websocket":
            await self._websocket(scope, headers, receive, send)
        elif scope["query_string"] or scope["method"] != "GET" or not await self._stored_bytes(scope, headers, send):
            await self._request(scope, headers, receive, send)

    def end_streams(self) -> None:
        """Let go of all watches, logs and sessions: the server can't stop as long as one is open."""
        for task in list(self._endless):
            task.cancel()

    @contextlib.contextmanager
    def _as_endless(self) -> Iterator[None]:
        """The current task is one that `end_streams` has to end."""
        task = asyncio.current_task()
        assert task is not None
        self._endless[task] = None
        try:
            yield
        except asyncio.CancelledError:
            log.debug("ended by the server: %s", task.get_name())
        finally:
            self._endless.pop(task, None)

    async def _stored_bytes(self, scope: Scope, headers: RequestHeaders, send: Send) -> bool:
        """GET of one object, as JSON, for a user we know. False: it is something else, or it fails."""
        route = routes.resolve(scope["path"])
        if route is None or not route.name or route.subresource or route.watch or route.is_old:
            return False
        agent = headers.get(b"user-agent", b"")
        if headers.get(b"accept", b"") not in PLAIN_ACCEPTS or agent.startswith((b"curl", b"Wget", b"Mozilla/5.0")):
            return False
        if not self._authenticator.allows(headers.get(b"authorization", b"")):
            return False
        try:
            record = await self._handlers.registry.get(route.resource, route.namespace, route.name)
        except StatusError:
            return False
        counts, key = self._metrics.requests, ("get", route.resource.qualified, "", 200)
        counts[key] = counts.get(key, 0) + 1
        await send({"type": "http.response.start", "status": 200, "headers": (JSON_TYPE, NO_CACHE, self._audit_id())})
        await send({"type": "http.response.body", "body": record.data})
        return True

    async def _request(self, scope: Scope, headers: RequestHeaders, receive: Receive, send: Send) -> None:
        """Any request: the answer, or the Status that tells why there is none."""
        call, wanted = _unread(scope), negotiation.PLAIN
        try:
            call = await self._call(scope, headers, receive)
            wanted = _wanted(call)
            answer = await self._answer(call, wanted, headers)
        except StatusError as error:
            self._count(call, error.code)
            await self._refuse(call, wanted, error, send)
        except ConnectionError:
            log.debug("the client of %s %s went away", call.method, call.path)
        except Exception as error:
            log.exception("%s %s failed", call.method, call.path)
            self._count(call, 500)
            await self._refuse(call, wanted, status.internal_error(f"{type(error).__name__}: {error}"), send)
        else:
            await self._send(call, wanted, answer, headers, receive, send)

    async def _call(self, scope: Scope, headers: RequestHeaders, receive: Receive) -> Call:
        user = self._authenticator.user(headers.get(b"authorization", b""), scope["path"])
        query, lists = asgi.parse_query(scope["query_string"])
        method = scope["method"]
        body = await asgi.read_body(receive, headers) if method in WITH_BODY else None
        return Call(
            method,
            scope["path"],
            query,
            user,
            body,
            headers.get(b"content-type", b"").decode("latin-1"),
            headers.get(b"user-agent", b"").decode("latin-1"),
            lists,
            headers.get(b"accept", b"").decode("latin-1"),
            headers.get(b"kubectl-command", b"").decode("latin-1"),
        )

    async def _answer(self, call: Call, wanted: Wanted, headers: RequestHeaders) -> Endless | Encoded:
        """What to send: all of it, unless it has no end or is better sent in pieces."""
        if call.path == "/metrics":
            text = self._metrics.render(self._handlers.registry.revision)
            return Encoded(200, b"text/plain; version=0.0.4; charset=utf-8", text.encode(), [])
        answer = await self._handlers.handle(call)
        if isinstance(answer, Executing):
            upgrade = headers.get(b"upgrade", b"").lower()
            raise status.bad_request(
                exec_websocket.SPDY_REFUSED if upgrade.startswith(b"spdy") else "Upgrade request required"
            )
        if isinstance(answer, Watching | Streaming):
            return answer
        if isinstance(answer, Listed) and responses.goes_in_pieces(answer, wanted, headers):
            return answer
        return responses.encode(answer, call, wanted, self._handlers.env.now())

    async def _send(
        self,
        call: Call,
        wanted: Wanted,
        answer: Endless | Encoded,
        headers: RequestHeaders,
        receive: Receive,
        send: Send,
    ) -> None:
        if isinstance(answer, Watching):
            with self._as_endless():
                await self._watch(call, wanted, answer, receive, send)
        elif isinstance(answer, Streaming):
            self._count(call, 200)
            with self._as_endless():
                await self._stream(call, answer, receive, send)
        elif isinstance(answer, Listed):
            self._count(call, 200)
            await self._pieces(call, answer, send)
        else:
            self._count(call, answer.code)
            await self._complete(call, answer, headers, send)

    async def _complete(self, call: Call, encoded: Encoded, headers: RequestHeaders, send: Send) -> None:
        code, content_type, body, extra = encoded
        etag = next((value for name, value in extra if name == b"etag"), None)
        if etag is not None and headers.get(b"if-none-match", b"").strip() == etag:
            code, body = 304, b""
        if responses.worth_compressing(body, headers):
            body = await asyncio.to_thread(responses.compress, body)
            extra = [*extra, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        await self._start(call, code, content_type, send, extra)
        await send({"type": "http.response.body", "body": body})

    async def _pieces(self, call: Call, answer: Listed, send: Send) -> None:
        """A long list: the first items are on their way while the last are still being joined."""
        await self._start(call, 200, b"application/json", send)
        for piece in listing.pieces(answer.resource, answer.listing):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _refuse(self, call: Call, wanted: Wanted, error: StatusError, send: Send) -> None:
        body = responses.pretty(error.status) if wanted.pretty else orjson.dumps(error.status)
        extra = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        await self._start(call, error.code, b"application/json", send, extra)
        await send({"type": "http.response.body", "body": body})

    async def _start(
        self, call: Call, code: int, content_type: bytes, send: Send, extra: responses.Headers | None = None
    ) -> None:
        headers = [(b"content-type", content_type), NO_CACHE, self._audit_id()]
        if extra:
            headers += extra
        for text in call.warnings:
            headers.append((b"warning", responses.warning_header(text)))
        await send({"type": "http.response.start", "status": code, "headers": headers})

    async def _watch(self, call: Call, wanted: Wanted, watch: Watching, receive: Receive, send: Send) -> None:
        """Events as they come, until the time is up or the client has gone."""
        name = watch.resource.qualified
        lines: watch_stream.Lines = watch_stream.plain_lines
        bookmark = watch_stream.plain_bookmark(watch)
        if wanted.form:
            include = call.query.get("includeObject", "")
            lines, bookmark = watch_stream.shaped(watch, wanted, include, self._handlers.env.now)
        gone = asyncio.ensure_future(asgi.disconnected(receive))
        gone.add_done_callback(lambda _: watch.events.close())
        self._metrics.watches[name] += 1
        try:
            await self._start(call, 200, b"application/json", send)
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            async for chunk in watch_stream.chunks(watch, lines, bookmark):
                self._metrics.watch_events[name] += 1
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self._metrics.watches[name] -= 1
            self._count(call, 200)

    async def _stream(self, call: Call, answer: Streaming, receive: Receive, send: Send) -> None:
        """Bytes as they come, until they end or the client has gone."""
        await self._start(call, 200, answer.content_type.encode(), send)
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        pump = asyncio.ensure_future(_pump(answer, send))
        gone = asyncio.ensure_future(asgi.disconnected(receive))
        try:
            await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, gone):
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)
        await send({"type": "http.response.body", "body": b""})

    async def _websocket(self, scope: Scope, headers: RequestHeaders, receive: Receive, send: Send) -> None:
        call = _unread(scope | {"method": "GET"})
        try:
            call.user = self._authenticator.user(headers.get(b"authorization", b""), scope["path"])
            call.query, call.lists = asgi.parse_query(scope["query_string"])
            answer = await self._handlers.handle(call)
            if not isinstance(answer, Executing):
                if isinstance(answer, Watching):
                    answer.events.close()
                raise status.bad_request("only exec and attach are served over WebSocket")
            protocol = exec_websocket.choose_protocol(scope.get("subprotocols") or [])
        except StatusError as error:
            self._count(call, error.code)
            start = {"status": error.code, "headers": [(b"content-type", b"application/json")]}
            await send({"type": "websocket.http.response.start", **start})
            await send({"type": "websocket.http.response.body", "body": orjson.dumps(error.status)})
            return
        self._count(call, 101)
        with self._as_endless():
            await exec_websocket.run(answer, protocol, receive, send)

    def _count(self, call: Call, code: int) -> None:
        route = routes.resolve(call.path)
        verb = verb_of(call.method, route, bool(call.query) and call.flag("watch"))
        resource, subresource = (route.resource.qualified, route.subresource) if route else ("", "")
        self._metrics.requests[verb, resource, subresource, code] += 1

    def _audit_id(self) -> tuple[bytes, bytes]:
        """A header that names this request: an identifier of the server, and a number."""
        self._audits += 1
        return b"audit-id", f"{self._audit_prefix}{self._audits:012x}".encode()


async def _pump(answer: Streaming, send: Send) -> None:
    async for chunk in answer.chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


def _unread(scope: Scope) -> Call:
    """The request as far as its first line tells."""
    return Call(scope["method"], scope["path"], {}, ANONYMOUS)


def _wanted(call: Call) -> Wanted:
    """What the Accept header asks for; people with curl or a browser get it pretty, unless ?pretty says otherwise."""
    pretty = call.flag("pretty") if "pretty" in call.query else call.user_agent.startswith(PRETTY_AGENTS)
    wanted = _parse_accept(call)
    if wanted.form == "Table":
        tables.check_include(call.query.get("includeObject", ""))
    if pretty and not wanted.pretty:
        return Wanted(wanted.yaml, wanted.form, wanted.version, pretty=True)
    return wanted


def _parse_accept(call: Call) -> Wanted:
    route = routes.resolve(call.path)
    if route is None or route.subresource == "log":
        return _lenient(call.accept)
    return negotiation.parse(call.accept)


def _lenient(accept: str) -> Wanted:
    """For paths that have one form only."""
    try:
        wanted = negotiation.parse(accept)
    except StatusError:
        return negotiation.PLAIN
    return Wanted(yaml=wanted.yaml, pretty=wanted.pretty) if wanted.form else wanted
