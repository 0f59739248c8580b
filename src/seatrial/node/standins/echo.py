"""Tells who answers and what was asked, as JSON: Pod, namespace, node, version, request line, headers, body.

The version is the environment variable VERSION, or the first one whose name ends in _VER or _VERSION. The port is that
of `--http-port=`, `--port=`, the variable PORT, the container's first port, or 8080.
"""

import json
from collections.abc import Callable
from typing import Any

from seatrial.node.standins import web

PORT = 8080
REASONS = {400: "Bad Request", 413: "Content Too Large", 501: "Not Implemented"}


class Echo:
    """See the module."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._who = {
            "pod": settings.get("pod", ""),
            "namespace": settings.get("namespace", ""),
            "node": settings.get("node", ""),
            "address": settings["address"],
            "version": version_of(settings["environment"]),
        }
        self._clock = web.Clock()
        self.log: Callable[[str], None] = lambda line: None

    def respond(self, request: web.Request, keep: bool) -> bytes:
        line = f"{request.method} {request.target} {request.version}"
        answer = {
            **self._who,
            "request": line,
            "headers": request.headers,
            "body": request.body.decode("utf-8", "replace"),
        }
        body = json.dumps(answer).encode() + b"\n"
        self.log(f"{self._clock.log_time()} {request.peer} {line}\n")
        head = self._head("200 OK", body, "keep-alive" if keep else "close")
        return head if request.method == "HEAD" else head + body

    def refuse(self, code: int) -> bytes:
        """The answer to what is no request."""
        body = json.dumps({**self._who, "error": REASONS[code]}).encode() + b"\n"
        return self._head(f"{code} {REASONS[code]}", body, "close") + body

    def _head(self, status: str, body: bytes, connection: str) -> bytes:
        lines = [
            f"HTTP/1.1 {status}",
            "Server: seatrial-echo",
            f"Date: {self._clock.http_date()}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Connection: {connection}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def version_of(environment: dict[str, str]) -> str:
    if "VERSION" in environment:
        return environment["VERSION"]
    return next((value for name, value in environment.items() if name.endswith(("_VER", "_VERSION"))), "")


def port_of(settings: dict[str, Any]) -> int:
    words = settings.get("arguments") or []
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in ("--http-port", "--port"):
            value = value or (words[index + 1] if index + 1 < len(words) else "")
            if value.isdigit():
                return int(value)
    if settings["environment"].get("PORT", "").isdigit():
        return int(settings["environment"]["PORT"])
    return int((settings.get("ports") or [PORT])[0])


def run(settings: dict[str, Any], ready: Callable[[], None]) -> int:
    """Serve until the end; the exit code."""
    echo, port = Echo(settings), port_of(settings)
    try:
        listener = web.listen(settings["address"], port, settings["lowest_bindable_port"])
    except OSError as error:
        web.complain(f"echo: cannot listen on port {port}: {error.strerror}")
        ready()
        return 1
    server = web.Server(listener, echo.respond, echo.refuse)
    echo.log = server.log
    ready()
    server.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(run(web.settings_from_command_line(PORT), lambda: None))
