"""A database in its smallest form: POST appends a record and answers when it is on disk, GET returns all of them.

    POST /   a record (one line of text)   → 201 {"number": 3, "pod": …, "node": …}
    GET  /                                 → all records, a line each

A record that was acknowledged (201) is there after any crash: it was flushed to the disk before the answer. One that
was being written when the power went is dropped at the next start. When the disk refuses a write the answer is 503, and
so is every later one: what it then holds is no longer known. The file is `records` in the folder of `--data=DIR`, of
the variable DATA, of the container's first volume, or the working directory; the port that of the echo server.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seatrial.node.standins import web
from seatrial.node.standins.echo import port_of

PORT = 8080
REASONS = {400: "Bad Request", 405: "Method Not Allowed", 413: "Content Too Large", 501: "Not Implemented"}


class Database:
    """See the module. Raises OSError if the file can't be used."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._who = {"pod": settings.get("pod", ""), "node": settings.get("node", "")}
        self._clock = web.Clock()
        self.log: Callable[[str], None] = lambda line: None
        directory = data_of(settings)
        self._file = os.open(directory / "records", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._records = self._read()
        _sync_folder(directory)
        self._broken = ""

    def _read(self) -> list[bytes]:
        """All whole records; the rest of one that was being written is cut off."""
        data = b""
        while part := os.pread(self._file, 1 << 20, len(data)):
            data += part
        whole = data[: data.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        os.fsync(self._file)
        return whole.splitlines()

    def respond(self, request: web.Request, keep: bool) -> bytes:
        self.log(f"{self._clock.log_time()} {request.peer} {request.method} {request.target}\n")
        if request.method == "POST":
            status, body = self._append(request.body)
        elif request.method in ("GET", "HEAD"):
            status, body = "200 OK", b"".join(record + b"\n" for record in self._records)
        else:
            status, body = "405 Method Not Allowed", b""
        head = self._head(status, body, keep=keep)
        return head if request.method == "HEAD" else head + body

    def refuse(self, code: int) -> bytes:
        """The answer to what is no request."""
        return self._head(f"{code} {REASONS[code]}", b"", keep=False)

    def _append(self, record: bytes) -> tuple[str, bytes]:
        if not record or b"\n" in record:
            return "400 Bad Request", b'{"error": "a record is one line of text"}\n'
        if not self._broken:
            try:
                os.write(self._file, record + b"\n")
                os.fsync(self._file)
            except OSError as error:
                self._broken = error.strerror or str(error)
        if self._broken:
            return "503 Service Unavailable", _json({**self._who, "error": self._broken})
        self._records.append(record)
        return "201 Created", _json({"number": len(self._records), **self._who})

    def _head(self, status: str, body: bytes, *, keep: bool) -> bytes:
        lines = [
            f"HTTP/1.1 {status}",
            "Server: seatrial-database",
            f"Date: {self._clock.http_date()}",
            f"Content-Length: {len(body)}",
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def data_of(settings: dict[str, Any]) -> Path:
    """The folder of the records."""
    for word in settings.get("arguments") or []:
        name, _, value = word.partition("=")
        if name == "--data" and value:
            return Path(value)
    environment = settings["environment"]
    volumes = sorted(name for name in environment if name.startswith("SEATRIAL_VOLUME_"))
    return Path(environment.get("DATA") or (environment[volumes[0]] if volumes else "."))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _sync_folder(directory: Path) -> None:
    """The file's name is on disk, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def run(settings: dict[str, Any], ready: Callable[[], None]) -> int:
    """Serve until the end; the exit code."""
    port = port_of(settings)
    try:
        database = Database(settings)
        listener = web.listen(settings["address"], port, settings["lowest_bindable_port"])
    except OSError as error:
        web.complain(f"database: cannot start on port {port}: {error.strerror} {error.filename or ''}".rstrip())
        ready()
        return 1
    server = web.Server(listener, database.respond, database.refuse)
    database.log = server.log
    ready()
    server.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(run(web.settings_from_command_line(PORT), lambda: None))
