"""A small HTTP/1.1 server on one epoll loop, for the stand-ins.

Keep-alive, pipelining, HEAD and bodies with Content-Length; no chunked requests, no TLS. On SIGTERM, SIGINT or SIGQUIT
it stops listening, answers what comes in on its open connections with `Connection: close`, and ends when all are
closed, at the latest after a second.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from seatrial.workloads import ports

LINGER_SECONDS = 1.0
MAX_HEAD = 32 * 1024
MAX_BODY = 1024 * 1024
LOG_FLUSH_BYTES = 16 * 1024
LOG_FLUSH_SECONDS = 0.05
BACKLOG = 1024


class Request(NamedTuple):
    """One request; header names are in lower case."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes
    peer: str


Respond = Callable[[Request, bool], bytes]
"""(request, keep the connection open) → the whole response."""


class _Connection:
    __slots__ = ("buffer", "closing", "full", "last", "out", "peer", "socket")

    def __init__(self, connection: socket.socket, peer: str) -> None:
        self.socket, self.peer = connection, peer
        self.buffer = b""
        self.out = b""
        self.closing = self.full = False
        self.last: tuple[bytes, Request] | None = None
        """The last request as it came and as it was understood: clients tend to repeat themselves."""


class BadRequest(Exception):
    """The client does not speak HTTP; `code` is the status to tell it."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def listen(address: str, port: int, lowest_bindable_port: int) -> socket.socket:
    """Listen on all addresses in a network of one's own, else on the Pod's only and where it may be bound."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if lowest_bindable_port == 0:
        listener.bind(("0.0.0.0", port))
    else:
        listener.bind((address, ports.reachable_port(port, lowest_bindable_port)))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


class Server:
    """Answers every request by `respond`; bad ones by `refuse(code)`. `log` collects lines for stdout."""

    def __init__(self, listener: socket.socket, respond: Respond, refuse: Callable[[int], bytes]) -> None:
        self._listener, self._respond, self._refuse = listener, respond, refuse
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._stop_at: float | None = None
        self._lines: list[str] = []
        self._size = 0

    def log(self, line: str) -> None:
        """A line for stdout; lines are written together."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= LOG_FLUSH_BYTES:
            self._flush_log()

    def run(self) -> None:
        """Serve until told to end."""
        read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: None)
        listening = self._listener.fileno()
        self._epoll.register(read, select.EPOLLIN)
        self._epoll.register(listening, select.EPOLLIN)
        while not self._finished():
            for descriptor, events in self._epoll.poll(self._patience()):
                if descriptor == listening:
                    self._accept()
                elif descriptor == read:
                    os.read(read, 64)
                    self._begin_to_stop()
                else:
                    self._serve(descriptor, events)
            if self._lines and self._size < LOG_FLUSH_BYTES:
                self._flush_log()
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._flush_log()

    def _patience(self) -> float:
        if self._stop_at is None:
            return -1
        return max(self._stop_at - time.monotonic(), 0.0)  # noqa: TID251 - a program of its own has no Env

    def _finished(self) -> bool:
        if self._stop_at is None:
            return False
        return not self._connections or time.monotonic() >= self._stop_at  # noqa: TID251 - as above

    def _begin_to_stop(self) -> None:
        if self._stop_at is not None:
            return
        self._accept()
        self._epoll.unregister(self._listener.fileno())
        self._listener.close()
        self._stop_at = time.monotonic() + LINGER_SECONDS  # noqa: TID251 - as above

    def _accept(self) -> None:
        while True:
            try:
                accepted, peer = self._listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[accepted.fileno()] = _Connection(accepted, peer[0])
            self._epoll.register(accepted.fileno(), select.EPOLLIN)

    def _serve(self, descriptor: int, events: int) -> None:
        connection = self._connections.get(descriptor)
        if connection is None:
            return
        if events & select.EPOLLOUT:
            self._send(connection)
            return
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        connection.buffer += data
        self._answer(connection)

    def _answer(self, connection: _Connection) -> None:
        """Every whole request that has come in."""
        while connection.buffer and not connection.closing:
            try:
                request, rest = _next_request(connection)
            except BadRequest as error:
                connection.out += self._refuse(error.code)
                connection.closing = True
                break
            if request is None:
                if b"\r\nexpect: 100-continue\r\n" in connection.buffer.lower():
                    connection.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                break
            connection.buffer = rest
            keep = _keeps_open(request) and self._stop_at is None
            connection.out += self._respond(request, keep)
            connection.closing = not keep
        if connection.out:
            self._send(connection)

    def _send(self, connection: _Connection) -> None:
        try:
            sent = connection.socket.send(connection.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.out = connection.out[sent:]
        if connection.out:
            self._await_room(connection, wanted=True)
        elif connection.closing:
            self._drop(connection)
        else:
            self._await_room(connection, wanted=False)

    def _await_room(self, connection: _Connection, *, wanted: bool) -> None:
        if wanted != connection.full:
            connection.full = wanted
            self._epoll.modify(connection.socket.fileno(), select.EPOLLOUT if wanted else select.EPOLLIN)

    def _drop(self, connection: _Connection) -> None:
        descriptor = connection.socket.fileno()
        if self._connections.pop(descriptor, None) is None:
            return
        self._epoll.unregister(descriptor)
        connection.socket.close()

    def _flush_log(self) -> None:
        if self._lines:
            data = "".join(self._lines).encode()
            self._lines.clear()
            self._size = 0
            while data:
                data = data[os.write(1, data) :]


def _next_request(connection: _Connection) -> tuple[Request | None, bytes]:
    buffer = connection.buffer
    if connection.last is not None and connection.last[0] == buffer:
        return connection.last[1], b""
    request, rest = _parse(buffer, connection.peer)
    connection.last = (buffer, request) if request is not None and not rest else None
    return request, rest


def _parse(buffer: bytes, peer: str) -> tuple[Request | None, bytes]:
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        if len(buffer) > MAX_HEAD:
            raise BadRequest(400)
        return None, buffer
    first, *lines = buffer[:head_end].decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(400)
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise BadRequest(501)
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest(400)
    if int(length) > MAX_BODY:
        raise BadRequest(413)
    end = head_end + 4 + int(length)
    if len(buffer) < end:
        return None, buffer
    return Request(parts[0], parts[1], parts[2], headers, buffer[head_end + 4 : end], peer), buffer[end:]


def _keeps_open(request: Request) -> bool:
    wish = request.headers.get("connection", "").lower()
    return wish != "close" if request.version == "HTTP/1.1" else wish == "keep-alive"


class Clock:
    """The time as HTTP and access logs write it; formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._http = self._log = ""

    def http_date(self) -> str:
        self._update()
        return self._http

    def log_time(self) -> str:
        self._update()
        return self._log

    def _update(self) -> None:
        second = int(time.time())  # noqa: TID251 - a program of its own has no Env
        if second != self._second:
            self._second = second
            self._http = http_date(second)
            self._log = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


def http_date(second: int) -> str:
    """`Tue, 31 May 2016 14:17:02 GMT`."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))


def complain(text: str) -> None:
    """A line on stderr."""
    os.write(2, f"{text}\n".encode())


def settings_from_command_line(default_port: int) -> dict[str, object]:
    """ADDRESS PORT TAG, for running a stand-in by hand."""
    words = [*sys.argv[1:], *("127.0.0.1", str(default_port), "latest")[len(sys.argv) - 1 :]]
    return {"address": words[0], "ports": [int(words[1])], "port": int(words[1]), "tag": words[2],
            "lowest_bindable_port": 1, "environment": dict(os.environ), "arguments": []}  # fmt: skip
