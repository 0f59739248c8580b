import pytest

from seatrial.proxy import http_boundaries
from seatrial.proxy.http_boundaries import CHUNKED, UNTIL_CLOSE, Body, NotHttp


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("lines", "body", "closes", "upgrades"),
    [
        pytest.param(["GET / HTTP/1.1"], 0, False, False, id="no body without a length"),
        pytest.param(["POST /a?b HTTP/1.1", "Content-Length: 12"], 12, False, False, id="content-length"),
        pytest.param(["POST / HTTP/1.1", "content-LENGTH:7"], 7, False, False, id="header names in any case"),
        pytest.param(["POST / HTTP/1.1", "Content-Length: 7, 7"], 7, False, False, id="the same length twice"),
        pytest.param(["POST / HTTP/1.1", "Transfer-Encoding: chunked"], CHUNKED, False, False, id="chunked"),
        pytest.param(
            ["POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: gzip, chunked"],
            CHUNKED, False, False, id="chunked overrides a length",
        ),
        pytest.param(["GET / HTTP/1.1", "Connection: Close"], 0, True, False, id="connection: close"),
        pytest.param(["GET / HTTP/1.0"], 0, True, False, id="HTTP/1.0 closes"),
        pytest.param(["GET / HTTP/1.0", "Connection: keep-alive"], 0, False, False, id="HTTP/1.0 kept alive"),
        pytest.param(["GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"], 0, False, True, id="upgrade"),
        pytest.param(["CONNECT a:1 HTTP/1.1"], 0, False, True, id="connect"),
        pytest.param(["GET / HTTP/1.1", "X-Connection: close"], 0, False, False, id="another header's name ends alike"),
    ],
)  # fmt: skip
def test_a_request_head_tells_what_follows(lines: list[str], body: int, closes: bool, upgrades: bool) -> None:
    parsed = http_boundaries.parse_request(head(*lines))
    assert (parsed.body, parsed.closes, parsed.upgrades) == (body, closes, upgrades)


@pytest.mark.parametrize(
    ("method", "lines", "body", "closes"),
    [
        pytest.param(b"GET", ["HTTP/1.1 200 OK", "Content-Length: 5"], 5, False, id="content-length"),
        pytest.param(b"HEAD", ["HTTP/1.1 200 OK", "Content-Length: 5"], 0, False, id="no body to HEAD"),
        pytest.param(b"GET", ["HTTP/1.1 304 Not Modified", "Content-Length: 5"], 0, False, id="no body with 304"),
        pytest.param(b"GET", ["HTTP/1.1 204 No Content"], 0, False, id="no body with 204"),
        pytest.param(b"GET", ["HTTP/1.1 200"], UNTIL_CLOSE, True, id="until the end, and no reason phrase"),
        pytest.param(b"GET", ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], CHUNKED, False, id="chunked"),
        pytest.param(b"GET", ["HTTP/1.1 200 OK", "Transfer-Encoding: gzip"], UNTIL_CLOSE, True, id="not chunked last"),
        pytest.param(b"GET", ["HTTP/1.0 200 OK", "Content-Length: 1"], 1, True, id="HTTP/1.0 closes"),
    ],
)
def test_a_response_head_tells_what_follows(method: bytes, lines: list[str], body: int, closes: bool) -> None:
    parsed = http_boundaries.parse_response(head(*lines), method)
    assert (parsed.body, parsed.closes) == (body, closes)


def test_only_1xx_other_than_101_is_interim() -> None:
    statuses = {
        status: http_boundaries.parse_response(head(f"HTTP/1.1 {status} x"), b"GET").interim
        for status in (100, 101, 103, 200)
    }
    assert statuses == {100: True, 101: False, 103: True, 200: False}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["PRI * HTTP/2.0"], id="HTTP/2"),
        pytest.param(["GET /"], id="HTTP/0.9"),
        pytest.param(["GET  / HTTP/1.1"], id="two blanks"),
        pytest.param(["POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"], id="two lengths"),
        pytest.param(["POST / HTTP/1.1", "Content-Length: -1"], id="a negative length"),
    ],
)
def test_what_is_not_understood_is_not_http(lines: list[str]) -> None:
    with pytest.raises(NotHttp):
        http_boundaries.parse_request(head(*lines))


CHUNKS = b"5\r\nhello\r\n1a;name=value\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("kind", "body"),
    [pytest.param(CHUNKED, CHUNKS, id="chunked"), pytest.param(11, b"hello world", id="length")],
)
def test_a_body_ends_at_the_same_byte_however_it_is_cut(kind: int, body: bytes, size: int) -> None:
    stream = body + b"NEXT"
    counted, at = Body(kind), 0
    while not counted.done:
        piece = stream[at : at + size]
        assert piece
        at += counted.feed(piece, 0)
    assert at == len(body)


@pytest.mark.parametrize("line", [b"x\r\n", b"-1\r\n", b"1_0\r\n", b"\r\n"])
def test_a_chunk_without_a_proper_size_is_refused(line: bytes) -> None:
    with pytest.raises(NotHttp):
        Body(CHUNKED).feed(line, 0)


def test_the_beginning_of_a_request_is_told_from_other_protocols() -> None:
    seen = {
        data: http_boundaries.looks_like_request(data) for data in (b"GET /", b"GE", b"\x16\x03\x01", b"SSH-2.0-x\r\n")
    }
    assert seen == {b"GET /": True, b"GE": True, b"\x16\x03\x01": False, b"SSH-2.0-x\r\n": False}


def test_a_header_is_found_by_its_lower_case_name() -> None:
    text = head("HTTP/1.1 200 OK", "Server: nginx/1.10.1", "X-Pod-Name:  a-1 ")
    assert http_boundaries.header(text, b"server") == b"nginx/1.10.1"
    assert http_boundaries.header(text, b"x-pod-name") == b"a-1"
    assert http_boundaries.header(text, b"etag") == b""
