"""Writes the log of one attempt of a container in the CRI's format: `<time> <stream> <F or P> <text>`.

The time is RFC 3339 with nanoseconds, P marks a piece of a line that goes on. Files are rotated at 10 MiB, five are
kept (kubelet: containerLogMaxSize, containerLogMaxFiles): `0.log` is the newest, then `0.log.1` …
"""

import os
import time

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
MAX_LINE = 16 * 1024
"""Longer lines are written in pieces, as containerd does."""


class ContainerLog:
    """Appends to `path`; the directory is there already."""

    def __init__(self, path: str, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
        self._path, self._max_bytes, self._max_files = path, max_bytes, max_files
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size
        self._rest: dict[str, bytes] = {}

    def write(self, stream: str, data: bytes) -> None:
        """What came out of `stream`, cut into lines; what has no end yet waits for more."""
        stamp = _timestamp(time.time_ns())
        lines = (self._rest.get(stream, b"") + data).split(b"\n")
        rest = lines.pop()
        out = [self._entry(stamp, stream, line) for line in lines]
        while len(rest) >= MAX_LINE:
            out.append(_line(stamp, stream, b"P", rest[:MAX_LINE]))
            rest = rest[MAX_LINE:]
        self._rest[stream] = rest
        if out:
            self._append(b"".join(out))

    def end(self, stream: str) -> None:
        """No more comes out of `stream`."""
        rest = self._rest.pop(stream, b"")
        if rest:
            # P: the program never wrote the end of this line.
            self._append(_line(_timestamp(time.time_ns()), stream, b"P", rest))

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _entry(self, stamp: bytes, stream: str, line: bytes) -> bytes:
        pieces = []
        while len(line) > MAX_LINE:
            pieces.append(_line(stamp, stream, b"P", line[:MAX_LINE]))
            line = line[MAX_LINE:]
        pieces.append(_line(stamp, stream, b"F", line))
        return b"".join(pieces)

    def _append(self, data: bytes) -> None:
        if self._file < 0:
            return
        if self._size and self._size + len(data) > self._max_bytes:
            self._rotate()
        os.write(self._file, data)
        self._size += len(data)

    def _rotate(self) -> None:
        os.close(self._file)
        for number in range(self._max_files - 1, 0, -1):
            older = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(older):
                os.replace(older, f"{self._path}.{number}")
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0


def _line(stamp: bytes, stream: str, tag: bytes, text: bytes) -> bytes:
    return b"%b %b %b %b\n" % (stamp, stream.encode(), tag, text)


def _timestamp(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%09dZ" % fraction
