"""Answers as nginx of a given version does: its welcome page, error pages, headers and access log.

Port 80 whatever the manifest's containerPort says, as with the real image. A volume at /usr/share/nginx/html is served
instead of the welcome page. Limits: no configuration file, GET and HEAD of static files only.
# differs: on SIGTERM (nginx: fast shutdown) open connections get one more answer, with `Connection: close`.
"""

import calendar
import os
import re
import socket
import time
from collections.abc import Callable
from typing import Any

from seatrial.node.standins import web

PORT = 80
DOCUMENT_ROOT = "/usr/share/nginx/html"
NEWEST = "1.27.3"
WELCOME = b"""<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
    body {
        width: 35em;
        margin: 0 auto;
        font-family: Tahoma, Verdana, Arial, sans-serif;
    }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
RELEASED = {
    "1.7.9": "2014-12-23 16:25:09",
    "1.9.1": "2015-05-26 15:02:09",
    "1.10.1": "2016-05-31 14:17:02",
    "1.11.9": "2017-01-24 14:02:19",
    "1.13.12": "2018-04-09 16:01:09",
    "1.14.2": "2018-12-04 14:44:49",
    "1.15.12": "2019-04-16 13:08:19",
    "1.16.1": "2019-08-13 10:05:00",
    "1.17.10": "2020-04-14 14:19:26",
    "1.19.0": "2020-05-26 15:00:20",
}
"""When the page of well-known releases was last modified; all others share the date of 1.27.3."""
OTHERS_RELEASED = "2024-11-26 15:55:00"
REASONS = {
    200: "OK", 206: "Partial Content", 304: "Not Modified", 301: "Moved Permanently", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Not Allowed", 413: "Request Entity Too Large",
    416: "Requested Range Not Satisfiable", 501: "Not Implemented",
}  # fmt: skip
TYPES = {
    "css": "text/css", "gif": "image/gif", "htm": "text/html", "html": "text/html", "ico": "image/x-icon",
    "jpg": "image/jpeg", "js": "application/javascript", "json": "application/json", "png": "image/png",
    "svg": "image/svg+xml", "txt": "text/plain", "xml": "text/xml",
}  # fmt: skip
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Nginx:
    """See the module. `root`: the directory to serve, "" for the welcome page alone."""

    def __init__(self, version: str, root: str = "") -> None:
        self._version, self._root = version, root
        self._clock = web.Clock()
        self.log: Callable[[str], None] = lambda line: None
        self._last: tuple[web.Request, bool, str, int, int, bytes] | None = None
        """The last answer and what it was to: most requests are like the one before."""
        moment = time.strptime(RELEASED.get(version, OTHERS_RELEASED), "%Y-%m-%d %H:%M:%S")
        self._modified = calendar.timegm(moment)
        self._body_open = ' bgcolor="white"' if _numbers(version) < (1, 15, 9) else ""

    def respond(self, request: web.Request, keep: bool) -> bytes:
        date = self._clock.http_date()
        if self._last is not None and self._last[:3] == (request, keep, date):
            _, _, _, code, size, answer = self._last
        else:
            code, size, answer = self._make(request, keep)
            if not self._root:
                self._last = (request, keep, date, code, size, answer)
        self._log(request, code, size)
        return answer

    def _make(self, request: web.Request, keep: bool) -> tuple[int, int, bytes]:
        code, headers, body = self._answer(request)
        head = [
            f"HTTP/1.1 {code} {REASONS[code]}",
            f"Server: nginx/{self._version}",
            f"Date: {self._clock.http_date()}",
            *headers,
        ]
        connection = f"Connection: {'keep-alive' if keep else 'close'}"
        # nginx writes Connection before ETag and Accept-Ranges.
        at = next((i for i, line in enumerate(head) if line.startswith(("ETag", "Accept-Ranges"))), len(head))
        head.insert(at, connection)
        if request.method == "HEAD":
            body = b""
        return code, len(body), ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body

    def refuse(self, code: int) -> bytes:
        """The answer to what is no request."""
        headers, body = self._error(code)
        first = [
            f"HTTP/1.1 {code} {REASONS[code]}",
            f"Server: nginx/{self._version}",
            f"Date: {self._clock.http_date()}",
        ]
        return ("\r\n".join([*first, *headers, "Connection: close"]) + "\r\n\r\n").encode() + body

    def _answer(self, request: web.Request) -> tuple[int, list[str], bytes]:
        if request.method not in ("GET", "HEAD"):
            return (405, *self._error(405))
        path = request.target.partition("?")[0]
        found = self._find(path)
        if isinstance(found, int):
            return (found, *self._error(found))
        content, modified, kind = found
        etag = f'"{modified:x}-{len(content):x}"'
        date = web.http_date(modified)
        fresh = [f"Last-Modified: {date}", f"ETag: {etag}"]
        if _unchanged(request, etag, date):
            return 304, fresh, b""
        part = _part(request, len(content))
        if part is None:
            whole = [f"Content-Type: {kind}", f"Content-Length: {len(content)}", *fresh, "Accept-Ranges: bytes"]
            return 200, whole, content
        first, last = part
        if first > last:
            headers, body = self._error(416)
            return 416, [*headers, f"Content-Range: bytes */{len(content)}"], body
        headers = [f"Content-Type: {kind}", f"Content-Length: {last - first + 1}", *fresh]
        return 206, [*headers, f"Content-Range: bytes {first}-{last}/{len(content)}"], content[first : last + 1]

    def _find(self, path: str) -> tuple[bytes, int, str] | int:
        if not path.startswith("/") or ".." in path.split("/"):
            return 400
        if not self._root:
            return (WELCOME, self._modified, "text/html") if path in ("/", "/index.html") else 404
        name = os.path.join(self._root, path.lstrip("/"))
        if os.path.isdir(name):
            name = os.path.join(name, "index.html")
            if not os.path.exists(name):
                return 403
        try:
            with open(name, "rb") as file:
                kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
                return file.read(), int(os.fstat(file.fileno()).st_mtime), kind
        except PermissionError:
            return 403
        except OSError:
            return 404

    def _error(self, code: int) -> tuple[list[str], bytes]:
        title = f"{code} {REASONS[code]}"
        page = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body{self._body_open}>\r\n"
            f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx/{self._version}</center>\r\n</body>\r\n</html>\r\n"
        ).encode()
        return ["Content-Type: text/html", f"Content-Length: {len(page)}"], page

    def _log(self, request: web.Request, code: int, size: int) -> None:
        get = request.headers.get
        self.log(
            f'{request.peer} - - [{self._clock.log_time()}] "{request.method} {request.target} {request.version}" '
            f'{code} {size} "{get("referer", "-")}" "{get("user-agent", "-")}" "{get("x-forwarded-for", "-")}"\n'
        )


def _unchanged(request: web.Request, etag: str, date: str) -> bool:
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        return wanted == "*" or etag in [tag.strip().removeprefix("W/") for tag in wanted.split(",")]
    return request.headers.get("if-modified-since") == date


def _part(request: web.Request, size: int) -> tuple[int, int] | None:
    """First and last byte of the one range asked for; None for the whole."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(size - int(match[2]), 0), size - 1
    return int(match[1]), min(int(match[2]), size - 1) if match[2] else size - 1


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def version_of(tag: str) -> str:
    """`1.11.9` of `v1.11.9-alpine`; a tag that does not say it (latest, stable, alpine) means the newest known."""
    match = re.match(r"v?(\d+(?:\.\d+)*)(?:-|$)", tag)
    return match[1] if match else NEWEST


def run(settings: dict[str, Any], ready: Callable[[], None]) -> int:
    """Serve until the end; the exit code."""
    mounts = settings.get("mounts") or {}
    nginx = Nginx(version_of(settings["tag"]), mounts.get(DOCUMENT_ROOT, ""))
    port = int(settings.get("port") or PORT)
    listener: socket.socket
    try:
        listener = web.listen(settings["address"], port, settings["lowest_bindable_port"])
    except OSError as error:
        where = f"{'0.0.0.0' if settings['lowest_bindable_port'] == 0 else settings['address']}:{port}"
        web.complain(f"nginx: [emerg] bind() to {where} failed ({error.errno}: {error.strerror})")
        ready()
        return 1
    server = web.Server(listener, nginx.respond, nginx.refuse)
    nginx.log = server.log
    ready()
    server.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(run(web.settings_from_command_line(8080), lambda: None))
