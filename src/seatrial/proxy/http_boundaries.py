"""Where one HTTP/1.1 message ends and the next begins (RFC 9112 §6 and §7), for streams that are passed on unchanged.

Only what framing needs is understood: Content-Length, Transfer-Encoding: chunked, the statuses without a body, HEAD,
Connection: close, Upgrade and CONNECT. Anything that does not look like HTTP/1.x raises `NotHttp`; the caller then
passes the bytes on without understanding them. Parsed heads are cached: clients repeat theirs.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from seatrial.base.errors import SeatrialError

MAX_HEAD = 65536
CHUNKED = -1
UNTIL_CLOSE = -2
END_OF_HEAD = b"\r\n\r\n"
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))
"""Methods that a proxy may send a second time (RFC 9110 §9.2.2)."""

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) [^ \r\n]+ HTTP/1\.([0-9])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: [^\r\n]*)?\r\n")
_METHOD_START = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |$)")
_CHUNK_SIZE = re.compile(rb"\s*([0-9A-Fa-f]{1,15})\s*(?:;[^\n]*)?\r?\Z")


class NotHttp(SeatrialError):
    """These bytes are not the HTTP/1.x that we understand."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What follows a request's head. `body`: its length, or CHUNKED."""

    method: bytes
    body: int
    closes: bool
    upgrades: bool

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What follows a response's head. `body`: its length, CHUNKED, or UNTIL_CLOSE."""

    status: int
    body: int
    closes: bool

    @property
    def interim(self) -> bool:
        """Another response follows to the same request (100 Continue, 103 Early Hints)."""
        return 100 <= self.status < 200 and self.status != 101


def looks_like_request(data: bytes) -> bool:
    """Whether these could be the first bytes of a request."""
    return _METHOD_START.match(data) is not None


@lru_cache(maxsize=512)
def parse_request(head: bytes) -> RequestHead:
    """`head` includes the empty line at its end."""
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise NotHttp("no HTTP/1.x request line")
    method, minor = line[1], line[2]
    fields = head[line.end() - 2 :].lower()
    connection = _values(fields, b"connection")
    body = _body(fields)
    upgrades = method == b"CONNECT" or (b"upgrade" in connection and b"\r\nupgrade:" in fields)
    closes = b"close" in connection or (minor == b"0" and b"keep-alive" not in connection)
    return RequestHead(method, 0 if body == UNTIL_CLOSE else body, closes, upgrades)


@lru_cache(maxsize=512)
def parse_response(head: bytes, method: bytes) -> ResponseHead:
    """`head` includes the empty line at its end; `method` is that of the request it answers."""
    line = _STATUS_LINE.match(head)
    if line is None:
        raise NotHttp("no HTTP/1.x status line")
    minor, status = line[1], int(line[2])
    fields = head[line.end() - 2 :].lower()
    connection = _values(fields, b"connection")
    if method == b"HEAD" or status < 200 or status in (204, 304):
        body = 0
    else:
        body = _body(fields)
    closes = body == UNTIL_CLOSE or b"close" in connection or (minor == b"0" and b"keep-alive" not in connection)
    return ResponseHead(status, body, closes)


def header(head: bytes, name: bytes) -> bytes:
    """The value of the first header of this (lower case) name; b"" when there is none."""
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()


class Body:
    """Counts the bytes of one message's body as they pass."""

    __slots__ = ("_chunked", "_left", "_line", "_trailer", "done")

    def __init__(self, kind: int) -> None:
        self._chunked = kind == CHUNKED
        self._left = kind if kind > 0 else 0
        self._line = b""
        self._trailer = False
        self.done = kind == 0
        if kind == UNTIL_CLOSE:
            self._left = 1 << 62

    def feed(self, data: bytes, at: int) -> int:
        """The position in `data`, from `at` on, where this body ends or the data does."""
        if self._chunked:
            return self._feed_chunks(data, at)
        taken = min(self._left, len(data) - at)
        self._left -= taken
        self.done = self._left == 0
        return at + taken

    def _feed_chunks(self, data: bytes, at: int) -> int:
        size = len(data)
        while at < size and not self.done:
            if self._left:
                taken = min(self._left, size - at)
                self._left -= taken
                at += taken
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line += data[at:]
                if len(self._line) > MAX_HEAD:
                    raise NotHttp("a chunk's first line is too long")
                return size
            line, self._line = self._line + data[at:end], b""
            at = end + 1
            self._begin(line)
        return at

    def _begin(self, line: bytes) -> None:
        if self._trailer:
            self.done = not line.strip()
            return
        match = _CHUNK_SIZE.match(line)
        if match is None:
            raise NotHttp("not a chunk's size")
        length = int(match[1], 16)
        if length:
            self._left = length + 2
        else:
            self._trailer = True


def _body(fields: bytes) -> int:
    if b"\r\ntransfer-encoding:" in fields:
        codings = _values(fields, b"transfer-encoding")
        return CHUNKED if codings and codings[-1] == b"chunked" else UNTIL_CLOSE
    if b"\r\ncontent-length:" not in fields:
        return UNTIL_CLOSE
    lengths = _values(fields, b"content-length")
    if any(length != lengths[0] for length in lengths) or not lengths or not lengths[0].isdigit():
        raise NotHttp("no usable Content-Length")
    return int(lengths[0])


def _values(fields: bytes, name: bytes) -> list[bytes]:
    """The comma-separated values of all headers of this name; `fields` is lower case and begins with CRLF."""
    found: list[bytes] = []
    start = fields.find(b"\r\n" + name + b":")
    while start >= 0:
        start += len(name) + 3
        end = fields.find(b"\r\n", start)
        found += [value.strip() for value in fields[start:end].split(b",")]
        start = fields.find(b"\r\n" + name + b":", end)
    return found
