"""Container logs: how they are written, and which part of them is read."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.node import logs
from seatrial.node.runtimes.container_log import MAX_LINE, ContainerLog


@dataclass(frozen=True)
class Query:
    follow: bool = False
    since: float | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None


def written(path: Path, *pieces: tuple[str, bytes]) -> Path:
    log = ContainerLog(str(path))
    for stream, data in pieces:
        log.write(stream, data)
    for stream in ("stdout", "stderr"):
        log.end(stream)
    log.close()
    return path


def read(files: list[Path], query: Query) -> bytes:
    async def collect() -> bytes:
        return b"".join([data async for data in logs.read(files, query, lambda: True)])

    return asyncio.run(collect())


def test_lines_that_come_in_pieces_are_written_whole(tmp_path: Path) -> None:
    path = written(
        tmp_path / "0.log", ("stdout", b"hel"), ("stderr", b"oh\n"), ("stdout", b"lo\nwor"), ("stdout", b"ld\n")
    )
    entries = [logs.parse(line) for line in path.read_bytes().splitlines()]
    assert [(e.stream, e.text, e.partial) for e in entries if e] == [
        (b"stderr", b"oh", False),
        (b"stdout", b"hello", False),
        (b"stdout", b"world", False),
    ]


def test_what_has_no_newline_keeps_none(tmp_path: Path) -> None:
    path = written(tmp_path / "0.log", ("stdout", b"a\nb"))
    assert read([path], Query()) == b"a\nb"


def test_long_lines_come_out_as_they_went_in(tmp_path: Path) -> None:
    line = b"x" * (3 * MAX_LINE + 5) + b"\n"
    path = written(tmp_path / "0.log", ("stdout", line), ("stdout", b"y\n"))
    assert read([path], Query()) == line + b"y\n"
    assert read([path], Query(tail_lines=2)) == line + b"y\n"
    assert read([path], Query(tail_lines=1)) == b"y\n"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Query(), b"1\n2\n3\n"),
        (Query(tail_lines=2), b"2\n3\n"),
        (Query(tail_lines=0), b""),
        (Query(tail_lines=9), b"1\n2\n3\n"),
        (Query(limit_bytes=3), b"1\n2"),
        (Query(since=2_000_000_000.0), b""),
        (Query(since=0.0, tail_lines=1), b"3\n"),
    ],
)
def test_a_part_of_a_log(tmp_path: Path, query: Query, text: bytes) -> None:
    path = tmp_path / "0.log"
    stamp = b"2026-01-02T03:04:05.123456789Z stdout F "
    path.write_bytes(b"".join(stamp + line + b"\n" for line in (b"1", b"2", b"3")))
    assert read([path], query) == text


def test_timestamps_come_before_lines_and_not_inside_them(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"T1 stdout P ab\nT2 stdout F c\nT3 stderr F d\n")
    assert read([path], Query(timestamps=True)) == b"T1 abc\nT3 d\n"


def test_a_full_file_is_rotated_and_the_oldest_given_up(tmp_path: Path) -> None:
    log = ContainerLog(str(tmp_path / "0.log"), max_bytes=200, max_files=3)
    for number in range(40):
        log.write("stdout", b"line %02d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir(), key=lambda path: path.name, reverse=True)
    assert [path.name for path in files] == ["0.log.2", "0.log.1", "0.log"]
    newest_first = [tmp_path / "0.log.2", tmp_path / "0.log.1", tmp_path / "0.log"]
    lines = read(newest_first, Query()).splitlines()
    assert lines[-1] == b"line 39"
    assert len(lines) < 40
    assert all(path.stat().st_size <= 200 for path in newest_first)


def test_following_goes_on_until_the_container_ends_and_across_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    log = ContainerLog(str(path), max_bytes=300)
    log.write("stdout", b"before\n")
    ended = asyncio.Event()

    async def follow() -> list[bytes]:
        got: list[bytes] = []
        async for data in logs.read([path], Query(follow=True), ended.is_set):
            got.extend(data.splitlines())
            if len(got) < 20:
                log.write("stdout", b"line %d\n" % len(got))
            else:
                ended.set()
        return got

    got = asyncio.run(follow())
    log.close()
    assert got == [b"before", *[b"line %d" % number for number in range(1, 20)]]
    assert (tmp_path / "0.log.1").exists()


def test_the_tail_of_a_log_is_a_termination_message(tmp_path: Path) -> None:
    path = written(tmp_path / "0.log", ("stderr", b"first\nlast words\n"))
    assert logs.tail([path], 11) == "last words\n"
