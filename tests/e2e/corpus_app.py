"""An application that behaves as it is told: `corpus_app.py '{"ready": 1, "crash": null, "exit": 1}'`.

It answers 503 on port 8080 until it is ready, `ready` seconds after its start, then 200; null: never. From then on port
5432 is open, too. It exits with 1
after `crash` seconds, with 0 after `complete` seconds, and with 0 `exit` seconds after SIGTERM. Run it with -I -S, so
that it is there at once.
"""

import json
import os
import select
import signal
import socket
import sys
import time

HTTP_PORT, OTHER_PORT = 8080, 5432


def main() -> int:
    asked = json.loads(sys.argv[1])
    began = time.monotonic()
    ends: list[tuple[float, int]] = [
        (began + asked[key], code) for key, code in (("crash", 1), ("complete", 0)) if asked.get(key) is not None
    ]
    ready = began + asked["ready"] if asked.get("ready") is not None else float("inf")
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGTERM, lambda *_: ends.append((time.monotonic() + asked.get("exit", 0), 0)))
    listeners = listen(HTTP_PORT)
    while True:
        end = min(ends, default=None)
        is_ready = time.monotonic() >= ready
        if is_ready and len(listeners) == 1:
            listeners += listen(OTHER_PORT)
        next_at = min(end[0] if end else float("inf"), float("inf") if is_ready else ready)
        patience = None if next_at == float("inf") else max(next_at - time.monotonic(), 0.0)
        readable, _, _ = select.select([*listeners, read], [], [], patience)
        if read in readable:
            os.read(read, 64)
        for listener in listeners:
            if listener in readable:
                answer(listener.accept()[0], ok=time.monotonic() >= ready)
        if end is not None and time.monotonic() >= end[0]:
            return end[1]


def listen(port: int) -> list[socket.socket]:
    """None where another container of the Pod has the port."""
    try:
        return [socket.create_server((os.environ["POD_IP"], port), backlog=64)]
    except OSError:
        return []


def answer(connection: socket.socket, *, ok: bool) -> None:
    with connection:
        connection.settimeout(1)
        try:
            connection.recv(65536)
            line = "200 OK" if ok else "503 Service Unavailable"
            connection.sendall(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except OSError:
            pass


if __name__ == "__main__":
    raise SystemExit(main())
