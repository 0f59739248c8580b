"""The stand-ins as programs: connections, signals, ports."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
SOURCE = str(Path(__file__).parents[2] / "src")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(name: str, port: int, tag: str = "1.10.1") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"seatrial.node.standins.{name}", "127.0.0.1", str(port), tag]
    program = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": SOURCE}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def connect(port: int, program: subprocess.Popen[bytes]) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            assert program.poll() is None, program.communicate()


def until_refused(port: int) -> None:
    """Connect again and again until nobody listens any more."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=20).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it stood in the queue of the listener that was being closed


def answer(connection: socket.socket) -> tuple[str, bytes]:
    """One response, by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1)
    head = data.decode()
    size = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
    body = b""
    while len(body) < size:
        body += connection.recv(size - len(body))
    return head, body


GET = b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\n\r\n"


def test_a_connection_carries_many_requests_also_when_they_come_together() -> None:
    port = free_port()
    with running("nginx", port) as program, connect(port, program) as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert "Connection: keep-alive" in answer(connection)[0]
        connection.sendall(GET * 50)
        assert [len(answer(connection)[1]) for _ in range(50)] == [612] * 50


def test_a_request_may_come_byte_by_byte() -> None:
    port = free_port()
    with running("nginx", port) as program, connect(port, program) as connection:
        for byte in GET:
            connection.sendall(bytes([byte]))
        assert answer(connection)[0].startswith("HTTP/1.1 200")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=lambda number: number.name)
def test_at_the_end_open_connections_get_one_more_answer_and_no_new_one_is_taken(number: signal.Signals) -> None:
    port = free_port()
    with running("nginx", port) as program, connect(port, program) as connection:
        connection.sendall(GET)
        answer(connection)
        program.send_signal(number)
        until_refused(port)
        connection.sendall(GET)
        assert "Connection: close" in answer(connection)[0]
        assert connection.recv(1) == b""
        assert program.wait(20) == 0


def test_without_connections_the_end_comes_at_once_and_the_log_is_complete() -> None:
    port = free_port()
    with running("nginx", port) as program:
        with connect(port, program) as connection:
            connection.sendall(GET)
            answer(connection)
        program.terminate()
        output, _ = program.communicate(timeout=20)
        assert b'"GET / HTTP/1.1" 200 612 "-" "test" "-"' in output
        assert program.returncode == 0


def test_what_is_no_request_is_refused() -> None:
    port = free_port()
    with running("nginx", port) as program, connect(port, program) as connection:
        connection.sendall(b"what is this\r\n\r\n")
        head, body = answer(connection)
        assert head.startswith("HTTP/1.1 400 Bad Request")
        assert b"<hr><center>nginx/1.10.1</center>" in body


def test_a_port_that_is_taken_is_said_as_nginx_says_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running("nginx", port) as program:
            _, errors = program.communicate(timeout=20)
            assert program.returncode == 1
            expected = f"nginx: [emerg] bind() to 127.0.0.1:{port} failed (98: Address already in use)\n"
            assert errors.decode() == expected


def test_an_echo_returns_what_it_was_sent() -> None:
    port = free_port()
    with running("echo", port) as program, connect(port, program) as connection:
        connection.sendall(b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Mine: 1\r\n\r\nhello")
        told = json.loads(answer(connection)[1])
        assert told["request"] == "POST /a?b=c HTTP/1.1"
        assert told["body"] == "hello"
        assert told["headers"]["x-mine"] == "1"


def test_a_pause_waits_for_its_end() -> None:
    code = "from seatrial.node.standins import pause; exit(pause.run({}, lambda: print('up', flush=True)))"
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == b"up\n"
    assert program.poll() is None
    program.terminate()
    _, errors = program.communicate(timeout=20)
    assert errors == b"Shutting down, got signal: Terminated\n"
    assert program.returncode == 0


def database(folder: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "seatrial.node.standins.database", "127.0.0.1", str(port)],
        env={**os.environ, "PYTHONPATH": SOURCE, "DATA": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def post(port: int, program: subprocess.Popen[bytes], record: str) -> str:
    with connect(port, program) as connection:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(record)}\r\n\r\n"
        connection.sendall(head.encode() + record.encode())
        return answer(connection)[0].splitlines()[0]


def test_the_database_keeps_what_it_acknowledged_and_drops_what_it_was_writing(tmp_path: Path) -> None:
    port = free_port()
    first = database(tmp_path, port)
    assert post(port, first, "one") == "HTTP/1.1 201 Created"
    assert post(port, first, "two") == "HTTP/1.1 201 Created"
    assert post(port, first, "a\nb") == "HTTP/1.1 400 Bad Request"
    first.kill()
    first.communicate()
    with (tmp_path / "records").open("ab") as torn:
        torn.write(b"thr")
    second = database(tmp_path, port)
    try:
        with connect(port, second) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer(connection)[1] == b"one\ntwo\n"
        assert post(port, second, "three") == "HTTP/1.1 201 Created"
        assert (tmp_path / "records").read_bytes() == b"one\ntwo\nthree\n"
    finally:
        second.kill()
        second.communicate()
