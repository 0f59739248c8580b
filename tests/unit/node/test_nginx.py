"""The nginx stand-in's answers."""

import pytest

from seatrial.node.standins import nginx
from seatrial.node.standins.nginx import Nginx
from seatrial.node.standins.web import Request


def ask(method: str, target: str, *, version: str = "1.10.1", keep: bool = True, **headers: str) -> tuple[str, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Nginx(version).respond(Request(method, target, "HTTP/1.1", named, b"", "192.0.2.9"), keep)
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


def test_the_head_is_what_the_real_one_says() -> None:
    head, body = ask("HEAD", "/")
    lines = [line for line in head.split("\r\n") if not line.startswith("Date: ")]
    assert lines == [
        "HTTP/1.1 200 OK",
        "Server: nginx/1.10.1",
        "Content-Type: text/html",
        "Content-Length: 612",
        "Last-Modified: Tue, 31 May 2016 14:17:02 GMT",
        "Connection: keep-alive",
        'ETag: "574d9cde-264"',
        "Accept-Ranges: bytes",
    ]
    assert head.split("\r\n")[2].startswith("Date: ")
    assert body == b""


def test_the_welcome_page_has_612_bytes() -> None:
    assert len(ask("GET", "/")[1]) == 612


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.11.9", "1.11.9"),
        ("v1.25", "1.25"),
        ("1.19.0-alpine", "1.19.0"),
        ("latest", nginx.NEWEST),
        ("alpine", nginx.NEWEST),
    ],
)
def test_the_version_is_read_off_the_tag(tag: str, version: str) -> None:
    assert nginx.version_of(tag) == version


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/missing", "404 Not Found"),
        ("POST", "/", "405 Not Allowed"),
        ("GET", "/../etc/passwd", "400 Bad Request"),
    ],
)
def test_errors_name_the_server(method: str, target: str, status: str) -> None:
    head, body = ask(method, target)
    assert head.startswith(f"HTTP/1.1 {status}\r\n")
    assert b"<hr><center>nginx/1.10.1</center>" in body
    assert f"Content-Length: {len(body)}" in head


def test_an_unchanged_page_is_not_sent_again() -> None:
    assert ask("GET", "/", if_none_match='"574d9cde-264"')[0].startswith("HTTP/1.1 304 ")
    assert ask("GET", "/", if_modified_since="Tue, 31 May 2016 14:17:02 GMT")[0].startswith("HTTP/1.1 304 ")


@pytest.mark.parametrize(
    ("wanted", "sent", "size"),
    [
        ("bytes=0-9", "bytes 0-9/612", 10),
        ("bytes=-12", "bytes 600-611/612", 12),
        ("bytes=600-", "bytes 600-611/612", 12),
    ],
)
def test_ranges(wanted: str, sent: str, size: int) -> None:
    head, body = ask("GET", "/", range=wanted)
    assert head.startswith("HTTP/1.1 206 ")
    assert f"Content-Range: {sent}" in head
    assert len(body) == size


def test_a_range_beyond_the_end_is_refused() -> None:
    assert ask("GET", "/", range="bytes=700-")[0].startswith("HTTP/1.1 416 ")


def test_the_last_answer_on_a_connection_says_so() -> None:
    assert "Connection: close" in ask("GET", "/", keep=False)[0]
