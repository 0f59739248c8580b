"""Reads the logs of containers (CRI format, written by runtimes/container_log.py) the way the kubelet serves them.

Follows pkg/kubelet/kuberuntime/logs/logs.go: since, timestamps, tail, limit, follow. Following looks at the file ten
times a second.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from seatrial.machinery import times

POLL_SECONDS = 0.1
CHUNK = 256 * 1024


class Query(Protocol):
    """Which part of a log is wanted (core/v1 PodLogOptions)."""

    @property
    def follow(self) -> bool: ...
    @property
    def since(self) -> float | None: ...
    @property
    def timestamps(self) -> bool: ...
    @property
    def tail_lines(self) -> int | None: ...
    @property
    def limit_bytes(self) -> int | None: ...


class Entry(NamedTuple):
    """One line of a log file."""

    time: bytes
    stream: bytes
    partial: bool
    text: bytes


def parse(line: bytes) -> Entry | None:
    """A line without its newline; None if it is none of ours."""
    parts = line.split(b" ", 3)
    if len(parts) != 4 or parts[2] not in (b"F", b"P"):
        return None
    return Entry(parts[0], parts[1], parts[2] == b"P", parts[3])


async def read(
    files: Sequence[Path], query: Query, has_ended: Callable[[], bool], *, from_end: bool = False
) -> AsyncIterator[bytes]:
    """What was logged, as the query wants it; with `follow` until the container has ended."""
    formatter = _Formatter(query)
    if not from_end:
        if query.tail_lines is not None:
            lines = _last_lines(files, query.tail_lines)
        else:
            lines = [line for path in files for line in path.read_bytes().splitlines()]
        text = formatter.format(lines)
        if text:
            yield text
    if not query.follow or not files:
        return
    async for lines in _follow(files[-1], has_ended):
        text = formatter.format(lines)
        if text:
            yield text
        if formatter.exhausted:
            return


async def _follow(path: Path, has_ended: Callable[[], bool]) -> AsyncIterator[list[bytes]]:
    file = open(path, "rb")  # noqa: ASYNC230, SIM115 - a local file, exchanged at a rotation
    try:
        file.seek(0, os.SEEK_END)
        rest = b""
        while True:
            ended = has_ended()
            data = file.read(CHUNK)
            if data:
                *lines, rest = (rest + data).split(b"\n")
                yield lines
            elif ended:
                return
            elif _rotated(file.fileno(), path):
                file.close()
                file = open(path, "rb")  # noqa: ASYNC230, SIM115
            else:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        file.close()


def _rotated(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino != path.stat().st_ino
    except FileNotFoundError:
        return False


class _Formatter:
    def __init__(self, query: Query) -> None:
        self._query = query
        self._left = query.limit_bytes
        self._continued = False

    @property
    def exhausted(self) -> bool:
        return self._left is not None and self._left <= 0

    def format(self, lines: Sequence[bytes]) -> bytes:
        out: list[bytes] = []
        for line in lines:
            entry = parse(line)
            if entry is None or (self._query.since is not None and _before(entry, self._query.since)):
                continue
            if self._query.timestamps and not self._continued:
                out.append(entry.time + b" ")
            out.append(entry.text if entry.partial else entry.text + b"\n")
            self._continued = entry.partial
        text = b"".join(out)
        if self._left is not None:
            text = text[: self._left]
            self._left -= len(text)
        return text


def _before(entry: Entry, moment: float) -> bool:
    return times.parse_time(entry.time.decode()) < moment


def _last_lines(files: Sequence[Path], count: int) -> list[bytes]:
    """The last `count` whole lines; pieces of one line count once."""
    if count <= 0:
        return []
    lines: list[bytes] = []
    for path in reversed(files):
        lines = path.read_bytes().splitlines() + lines
        if sum(b" F " in line[:64] for line in lines) > count:
            break
    ends = [index for index, line in enumerate(lines) if (entry := parse(line)) and not entry.partial]
    if lines and (entry := parse(lines[-1])) and entry.partial:
        ends.append(len(lines) - 1)
    return lines[ends[-count - 1] + 1 :] if len(ends) > count else lines


def tail(files: Sequence[Path], limit: int) -> str:
    """The last `limit` bytes of text, for a termination message."""
    text = b""
    for path in files[-1:]:
        entries = [entry for line in path.read_bytes()[-4 * limit :].splitlines() if (entry := parse(line))]
        text = b"".join(entry.text if entry.partial else entry.text + b"\n" for entry in entries)
    return text[-limit:].decode("utf-8", "replace")
