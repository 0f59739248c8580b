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
    if not files:
        return
    formatter = _Formatter(query)
    with open(files[-1], "rb") as file:  # noqa: ASYNC230 - a local file
        contents = [*(path.read_bytes() for path in files[:-1]), file.read()]
        rest = contents[-1].rpartition(b"\n")[2]
        if not from_end:
            text = formatter.format(_chosen(contents, query.tail_lines))
            if text:
                yield text
        if query.follow:
            async for lines in _follow(_Growing(files[-1], file.fileno(), rest), has_ended):
                text = formatter.format(lines)
                if text:
                    yield text
                if formatter.exhausted:
                    return


class _Growing:
    """A log file that is being written and may be exchanged for a new one."""

    def __init__(self, path: Path, descriptor: int, rest: bytes) -> None:
        self._path, self._rest = path, rest
        self._file = os.fdopen(os.dup(descriptor), "rb")

    def new_lines(self) -> list[bytes]:
        """Lines that were added; after a rotation those of the new file."""
        data = self._file.read(CHUNK)
        if not data and self._rotated():
            self._file.close()
            self._file = open(self._path, "rb")  # noqa: SIM115 - closed by close()
            data = self._file.read(CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def close(self) -> None:
        self._file.close()

    def _rotated(self) -> bool:
        try:
            return os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino
        except FileNotFoundError:
            return False


async def _follow(file: _Growing, has_ended: Callable[[], bool]) -> AsyncIterator[list[bytes]]:
    try:
        while True:
            ended = has_ended()
            lines = file.new_lines()
            if lines:
                yield lines
            elif ended:
                return
            else:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        file.close()


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


def _chosen(contents: Sequence[bytes], count: int | None) -> list[bytes]:
    """All lines, or the last `count` whole ones; pieces of one line count once."""
    lines = [line for content in contents for line in content.splitlines()]
    if count is None:
        return lines
    if count <= 0:
        return []
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
