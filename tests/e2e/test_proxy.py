import asyncio
import socket
from collections import Counter

import pytest

from e2e import proxy_world
from e2e.proxy_world import SERVICE_PORT, World, http_handle, run, world

pytestmark = pytest.mark.e2e

GET = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"
GET_CLOSE = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def naming(name: bytes) -> proxy_world.Handle:
    """A server that says who it is, then ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(name)

    return handle


async def ask(w: World, line: bytes = b"?\n", port: int = SERVICE_PORT) -> bytes:
    reader, writer = await w.connect(port)
    writer.write(line)
    answer = await reader.read()
    writer.close()
    return answer


async def read_response(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.index(b"content-length:")
    return await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))


def test_connections_spread_over_all_ready_endpoints() -> None:
    async def main() -> None:
        async with world() as w:
            for name in ("a", "b", "c"):
                w.ready[name] = await w.start_backend(name, naming(name.encode()))
            await w.publish()
            seen = Counter([await ask(w) for _ in range(150)])
            assert set(seen) == {b"a", b"b", b"c"}
            assert min(seen.values()) > 20

    run(main())


def test_a_service_without_endpoints_refuses_and_serves_as_soon_as_there_is_one() -> None:
    async def main() -> None:
        async with world() as w:
            await w.publish()
            with pytest.raises(ConnectionRefusedError):
                await ask(w)
            w.ready["a"] = await w.start_backend("a", naming(b"a"))
            await w.publish()
            assert await ask(w) == b"a"
            w.ready.clear()
            await w.publish()
            with pytest.raises(ConnectionRefusedError):
                await ask(w)

    run(main())


def test_a_dead_endpoint_is_passed_over() -> None:
    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", naming(b"a"))
            w.ready["dead"] = await w.start_backend("dead", naming(b"dead"))
            await w.publish()
            await w.ready["dead"].kill()
            assert {await ask(w) for _ in range(30)} == {b"a"}

    run(main())


def test_a_connection_waits_for_an_endpoint_that_is_about_to_come_up() -> None:
    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", naming(b"a"))
            await w.publish()
            await w.ready["a"].kill()
            asking = asyncio.ensure_future(ask(w))
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            assert await asking == b"b"

    run(main())


def test_a_port_that_may_not_be_bound_is_served_10000_higher_and_the_service_is_told_once() -> None:
    async def main() -> None:
        async with world(lowest_bindable_port=SERVICE_PORT + 1) as w:
            w.ready["a"] = await w.start_backend("a", naming(b"a"))
            await w.publish()
            await w.publish()
            assert await ask(w, port=SERVICE_PORT + 10000) == b"a"
            assert [reason for reason, _ in w.events] == ["PortRemapped"]
            (listening,) = w.agent.listening()
            assert (listening.service_port, listening.port) == (SERVICE_PORT, SERVICE_PORT + 10000)
            assert (listening.endpoints, listening.listening) == (1, True)

    run(main())


def test_a_port_that_another_process_has_is_told_and_served_as_soon_as_it_is_free() -> None:
    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", naming(b"a"))
            with socket.create_server((w.address, SERVICE_PORT)):
                await w.publish()
                assert w.events == [
                    (
                        "PortNotAvailable",
                        f"port {SERVICE_PORT} is not served: {w.address}:{SERVICE_PORT}: Address already in use",
                    )
                ]
                assert not w.agent.listening()[0].listening
            await w.publish()
            assert await ask(w) == b"a"

    run(main())


def test_a_deleted_service_refuses_and_its_open_connections_go_on() -> None:
    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", echo)
            await w.publish()
            reader, writer = await w.connect()
            for text in (b"before", b"after"):
                writer.write(text)
                assert await reader.readexactly(len(text)) == text
                await w.delete()
            with pytest.raises(ConnectionRefusedError):
                await ask(w)
            assert w.agent.listening() == []
            writer.close()

    run(main())


def test_a_client_with_session_affinity_keeps_its_endpoint_until_that_ends() -> None:
    async def main() -> None:
        async with world(sessionAffinity="ClientIP") as w:
            for name in ("a", "b", "c"):
                w.ready[name] = await w.start_backend(name, naming(name.encode()))
            await w.publish()
            first = {await ask(w) for _ in range(20)}
            assert len(first) == 1
            await w.end(first.pop().decode())
            assert len({await ask(w) for _ in range(20)}) == 1

    run(main())


def test_serving_endpoints_take_connections_while_they_terminate_and_no_others_are_ready() -> None:
    async def main() -> None:
        async with world() as w:
            w.ending["old"] = await w.start_backend("old", naming(b"old"))
            await w.publish()
            assert await ask(w) == b"old"
            w.ready["new"] = await w.start_backend("new", naming(b"new"))
            await w.publish()
            assert {await ask(w) for _ in range(20)} == {b"new"}

    run(main())


def test_a_half_closed_connection_gets_its_answer() -> None:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(str(len(await reader.read())).encode())

    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", whole)
            await w.publish()
            reader, writer = await w.connect()
            writer.write(b"x" * 3_000_000)
            writer.write_eof()
            assert await reader.read() == b"3000000"
            writer.close()

    run(main())


def test_a_server_that_speaks_first_is_heard() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\n")
        await reader.read()

    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", greet)
            await w.publish()
            reader, writer = await w.connect()
            assert await reader.readline() == b"220 ready\n"
            writer.close()

    run(main())


def test_a_slow_reader_holds_up_the_sender_and_loses_nothing() -> None:
    size = 30_000_000
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readline()
        while sent < size:
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()

    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", pour)
            await w.publish()
            reader, writer = await w.connect()
            writer.write(b"?\n")
            got = len(await reader.readexactly(1000))
            before = -1
            while before != sent:  # until the sender stands still
                before = sent
                await asyncio.sleep(0.05)
            assert sent < size
            while data := await reader.read(1 << 20):
                got += len(data)
            assert got == size
            writer.close()

    run(main())


def test_withdrawn_moves_a_connection_on_which_nothing_was_said() -> None:
    async def main() -> None:
        async with world() as w:
            a = w.ready["a"] = await w.start_backend("a", naming(b"a"))
            await w.publish()
            reader, writer = await w.connect()
            while not a.accepted:  # noqa: ASYNC110
                await asyncio.sleep(0)
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            await w.end("a")
            writer.write(b"?\n")
            assert await reader.read() == b"b"
            writer.close()

    run(main())


def test_withdrawn_waits_for_the_answer_to_a_request_under_way() -> None:
    release = asyncio.Event()
    asked = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        await release.wait()
        writer.write(b"a")

    async def main() -> None:
        async with world() as w:
            w.ready["a"] = await w.start_backend("a", slow)
            await w.publish()
            asking = asyncio.ensure_future(ask(w))
            await asked.wait()
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            ending = asyncio.ensure_future(w.end("a"))
            assert await ask(w) == b"b"
            assert not ending.done()
            release.set()
            assert await asking == b"a"
            await ending

    run(main())


def test_a_withdrawn_pod_gets_no_new_connection_even_if_the_slices_still_call_it_ready() -> None:
    async def main() -> None:
        async with world() as w:
            a = w.ready["a"] = await w.start_backend("a", naming(b"a"))
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            await w.agent.withdrawn(a.pod)
            assert {await ask(w) for _ in range(20)} == {b"b"}
            await w.publish()
            assert {await ask(w) for _ in range(20)} == {b"b"}

    run(main())


def test_withdrawn_of_the_only_pod_waits_until_the_slices_know_its_successor() -> None:
    async def main() -> None:
        async with world() as w:
            a = w.ready["a"] = await w.start_backend("a", naming(b"a"))
            await w.publish()
            withdrawn = asyncio.ensure_future(w.agent.withdrawn(a.pod))
            assert await ask(w) == b"a"
            assert not withdrawn.done()
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            await withdrawn
            assert {await ask(w) for _ in range(20)} == {b"b"}

    run(main())


def test_no_answer_within_half_of_the_grace_period_ends_the_wait() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> None:
        async with world() as w:
            a = w.ready["a"] = await w.start_backend("a", never)
            w.ready["b"] = await w.start_backend("b", naming(b"b"))
            await w.publish()
            writers = []
            while w.agent.connections(a.pod) < 1:
                _, writer = await w.connect()
                writer.write(b"?\n")
                writers.append(writer)
                await asyncio.sleep(0.01)
            pod = {**a.pod, "metadata": {**a.pod["metadata"], "deletionGracePeriodSeconds": 0.2}}
            started = w.env.monotonic()
            await w.agent.withdrawn(pod)
            assert 0.09 < w.env.monotonic() - started < 1
            for writer in writers:
                writer.close()

    run(main())


def test_http_keep_alive_connections_leave_a_pod_that_ends() -> None:
    async def main() -> None:
        async with world({"name": "http"}) as w:
            a = w.ready["a"] = await w.start_backend("a", http_handle)
            await w.publish()
            reader, writer = await w.connect()
            writer.write(GET)
            assert await read_response(reader) == b"ok"
            assert w.agent.connections(a.pod) == 1
            b = w.ready["b"] = await w.start_backend("b", http_handle)
            await w.publish()
            await w.end("a")
            assert w.agent.connections(a.pod) == 0
            writer.write(GET)
            assert await read_response(reader) == b"ok"
            assert w.agent.connections(b.pod) == 1
            writer.close()

    run(main())


def test_http_requests_in_a_row_are_answered_in_order() -> None:
    async def main() -> None:
        async with world({"name": "http-web"}) as w:
            w.ready["a"] = await w.start_backend("a", http_handle)
            await w.publish()
            reader, writer = await w.connect()
            bodies = [b"%d" % i * 5 for i in range(20)]
            writer.write(b"".join(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(b), b) for b in bodies))
            assert [await read_response(reader) for _ in bodies] == bodies
            writer.close()

    run(main())


def test_a_large_http_body_passes_in_both_directions() -> None:
    async def main() -> None:
        async with world({"appProtocol": "http"}) as w:
            w.ready["a"] = await w.start_backend("a", large_http)
            await w.publish()
            reader, writer = await w.connect()
            body = bytes(range(256)) * 20_000
            for _ in range(2):
                writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                assert await read_response(reader) == body
            writer.close()

    async def large_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._limit = 1 << 23  # type: ignore[attr-defined]
        await http_handle(reader, writer)

    run(main())


def test_an_http_request_that_got_no_answer_is_sent_again_if_it_is_idempotent() -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async def main() -> None:
        async with world({"name": "http"}) as w:
            w.ready["a"] = await w.start_backend("a", http_handle)
            w.ready["dies"] = await w.start_backend("dies", dies)
            await w.publish()
            failed = 0
            for method in [b"GET"] * 12 + [b"POST"] * 12:
                reader, writer = await w.connect()
                writer.write(b"%b / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok" % method)
                try:
                    assert await read_response(reader) == b"ok"
                except (ConnectionError, asyncio.IncompleteReadError):
                    assert method == b"POST"
                    failed += 1
                writer.close()
            assert 0 < failed < 12

    run(main())


def test_upgraded_and_unknown_protocols_pass_through_an_http_port() -> None:
    async def upgrades(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        await echo(reader, writer)

    async def main() -> None:
        async with world({"name": "http"}) as w:
            w.ready["a"] = await w.start_backend("a", upgrades)
            await w.publish()
            reader, writer = await w.connect()
            writer.write(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            for text in (b"one", b"two", GET):
                writer.write(text)
                assert await reader.readexactly(len(text)) == text
            writer.close()
            w.ready = {"e": await w.start_backend("e", echo)}
            await w.publish()
            reader, writer = await w.connect()
            for text in (b"\x16\x03\x01\x00", b"GET / HTTP/1.1\r\n"):
                writer.write(text)
                assert await reader.readexactly(len(text)) == text
            writer.close()

    run(main())


@pytest.mark.parametrize(
    ("port", "keep_alive"),
    [
        pytest.param({}, False, id="a new connection for every request, bytes passed as they are"),
        pytest.param({"name": "http"}, False, id="a new connection for every request, http"),
        pytest.param({"name": "http"}, True, id="connections kept alive, http"),
    ],
)
def test_ten_thousand_requests_while_pods_come_and_go_and_none_is_lost(port: dict[str, str], keep_alive: bool) -> None:
    total, clients = 10_000, 20
    answered = 0

    async def client(w: World) -> None:
        nonlocal answered
        reader, writer = None, None
        for _ in range(total // clients):
            if writer is None or reader is None:
                reader, writer = await w.connect()
            writer.write(GET if keep_alive else GET_CLOSE)
            assert await read_response(reader) == b"ok"
            answered += 1
            if not keep_alive:
                writer.close()
                reader, writer = None, None
        if writer is not None:
            writer.close()

    async def replace_pods(w: World) -> int:
        """One after the other, without a pause, for as long as there are requests."""
        rounds = 0
        while answered < total:
            new = f"pod-{rounds + 3}"
            w.ready[new] = await w.start_backend(new, http_handle)
            await w.publish()
            await w.end(next(iter(w.ready)))
            rounds += 1
        return rounds

    async def main() -> None:
        async with world(port) as w:
            for number in range(3):
                w.ready[f"pod-{number}"] = await w.start_backend(f"pod-{number}", http_handle)
            await w.publish()
            async with asyncio.TaskGroup() as group:
                replacing = group.create_task(replace_pods(w))
                for _ in range(clients):
                    group.create_task(client(w))
            assert replacing.result() > 20
            assert answered == total
            async with asyncio.timeout(5):
                while any(w.agent.connections(backend.pod) for backend in w.started):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    run(main())
