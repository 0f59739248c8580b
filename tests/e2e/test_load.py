import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from seatrial.aio import loops
from seatrial.base.env import SystemEnv
from seatrial.base.errors import ToolError
from seatrial.rollout import load
from seatrial.rollout.load import LoadOptions, LoadResult, Sample

pytestmark = pytest.mark.e2e


class Server:
    """Answers by the path: /ok, /status/N, /chunked, /until-close, /cut, /silent, /drop; told apart by `seen`."""

    def __init__(self) -> None:
        self.connections = 0
        self.seen: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        path = head.split(b" ")[1].decode()
        close = b"connection: close" in head.lower()
        server = b"Server: test/1\r\nX-Pod-Name: pod-1\r\n"
        if path.startswith("/status/"):
            writer.write(b"HTTP/1.1 %b Text\r\n%bContent-Length: 0\r\n\r\n" % (path[8:].encode(), server))
        elif path == "/chunked":
            writer.write(b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" % server)
        elif path == "/until-close":
            writer.write(b"HTTP/1.1 200 OK\r\n%b\r\nall there is" % server)
            return False
        elif path == "/cut":
            writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: 100\r\n\r\nhalf" % server)
            return False
        elif path == "/drop":
            return False
        elif path == "/silent":
            await reader.read()
            return False
        elif path == "/noise":
            writer.write(b"SSH-2.0-noise\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % server)
        await writer.drain()
        return not close


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()


def until(requests: int, stop: asyncio.Event) -> load.OnSample:
    def on_sample(sample: Sample) -> None:
        if sample.requests >= requests:
            stop.set()

    return on_sample


async def enough(server: Server, path: str = "/ok", requests: int = 20, **options: object) -> LoadResult:
    stop = asyncio.Event()
    given = LoadOptions(server.url + path, **{"rate": 200.0, "connections": 4, **options})  # type: ignore[arg-type]
    return await load.run(given, SystemEnv(), stop, until(requests, stop))


def test_every_request_is_counted_by_status_version_and_backend() -> None:
    async def main() -> None:
        async with serving() as server:
            result = await enough(server)
            assert result.failed == 0
            assert result.requests == len(server.seen) >= 20
            assert result.statuses == {200: result.requests}
            assert result.versions == {"test/1": result.requests}
            assert result.backends == {"pod-1": result.requests}
            assert result.latencies.count == result.requests
            assert sum(sum(second.versions.values()) for second in result.timeline) == result.requests

    loops.run(main())


def test_each_request_has_a_connection_of_its_own_unless_they_are_kept() -> None:
    async def main() -> None:
        async with serving() as server:
            result = await enough(server)
            assert server.connections == result.requests
        async with serving() as server:
            result = await enough(server, keep_alive=True)
            assert server.connections <= 4
            assert result.failed == 0

    loops.run(main())


@pytest.mark.parametrize("path", ["/chunked", "/until-close"])
def test_answers_of_every_framing_are_whole(path: str) -> None:
    async def main() -> None:
        async with serving() as server:
            for keep_alive in (True, False):
                result = await enough(server, path, keep_alive=keep_alive)
                assert (result.failed, result.reasons) == (0, {})

    loops.run(main())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("/status/503", "status 503", id="an error of the server"),
        pytest.param("/status/404", "status 404", id="an error of the client"),
        pytest.param("/cut", "connection closed within an answer", id="an answer cut short"),
        pytest.param("/drop", "connection closed before an answer", id="no answer"),
        pytest.param("/silent", "no answer in time", id="silence"),
        pytest.param("/noise", "not an HTTP/1.1 answer: no HTTP/1.x status line", id="another protocol"),
    ],
)
def test_a_request_that_fails_is_told_with_its_reason(path: str, reason: str) -> None:
    async def main() -> None:
        async with serving() as server:
            result = await enough(server, path, requests=4, timeout=0.2)
            assert result.failed == result.requests >= 4
            assert result.reasons == {reason: result.failed}
            assert {failure.address for failure in result.failures} == {server.url.removeprefix("http://")}

    loops.run(main())


def test_a_port_that_nobody_listens_on_is_connection_refused() -> None:
    async def main() -> None:
        async with serving() as server:
            pass
        for rate in (200.0, 0.0):
            result = await enough(server, requests=4, rate=rate)
            assert result.reasons == {"connection refused": result.failed}

    loops.run(main())


def test_the_rate_is_kept_and_the_duration_too() -> None:
    async def main() -> None:
        async with serving() as server:
            options = LoadOptions(server.url, rate=400, connections=8, duration=0.5)
            result = await load.run(options, SystemEnv())
            assert 190 <= result.requests + result.unsent <= 201
            assert 0.49 <= result.seconds < 2

    loops.run(main())


def test_a_slow_server_makes_the_wait_for_a_connection_count_as_latency() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        listening = await asyncio.start_server(slow, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        options = LoadOptions(url, rate=100, connections=1, duration=0.6, keep_alive=True)
        result = await load.run(options, SystemEnv())
        listening.close()
        assert result.latencies.longest > 0.25
        assert result.unsent > 10

    loops.run(main())


def test_headers_method_and_body_are_sent() -> None:
    async def main() -> None:
        async with serving() as server:
            await enough(server, method="post", headers={"Host": "example", "X-A": "1"}, body=b"hello")
            head = server.seen[0]
            assert head.startswith(b"POST /ok HTTP/1.1\r\n")
            assert head.count(b"Host:") == 1
            assert b"Host: example\r\nX-A: 1\r\nContent-Length: 5\r\nConnection: close\r\n" in head

    loops.run(main())


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/"])
def test_a_url_that_makes_no_sense_is_one_line(url: str) -> None:
    with pytest.raises(ToolError) as caught:
        loops.run(load.run(LoadOptions(url, duration=0.1), SystemEnv()))
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(encoded)
    return folder / "cert.pem", folder / "key.pem"


def test_https_is_spoken_and_certificates_are_checked(certificate: tuple[Path, Path]) -> None:
    async def main() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
        async with serving(tls) as server:
            trusted = await enough(server, keep_alive=True, ca_file=str(certificate[0]))
            assert (trusted.failed, trusted.reasons) == (0, {})
            unchecked = await enough(server, verify=False)
            assert (unchecked.failed, unchecked.reasons) == (0, {})
            refused = await enough(server, requests=2)
            assert refused.failed == refused.requests
            assert "certificate not trusted" in next(iter(refused.reasons))

    loops.run(main())


def seatrial(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = "import sys; from seatrial.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_command_reports_and_its_exit_code_says_whether_a_request_failed(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving() as server:
            run = asyncio.get_running_loop().run_in_executor
            page = tmp_path / "report.html"
            options = ("--rate", "100", "--duration", "300ms", "--report", str(page))
            good = await run(None, seatrial, "load", server.url + "/ok", *options, "-o", "json")
            assert good.returncode == 0, good.stderr
            assert json.loads(good.stdout)["passed"] is True
            assert "<svg" in page.read_text()
            bad = await run(None, seatrial, "load", server.url + "/status/500", *options)
            assert bad.returncode == 1
            assert bad.stdout.startswith("FAILED: ")
            assert "status 500" in bad.stdout

    loops.run(main())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--duration", "soon"], "not a duration", id="a duration that is none"),
        pytest.param(["--duration", "1s", "-H", "nonsense"], "NAME:VALUE", id="a header without a colon"),
        pytest.param(["--duration", "1s", "--ca-file", "/does/not/exist"], "does not exist", id="no such file"),
    ],
)
def test_bad_options_are_one_line_without_a_traceback(arguments: list[str], text: str) -> None:
    done = seatrial("load", "http://127.0.0.1:1/", *arguments)
    assert done.returncode not in (0, 1) or text in done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
