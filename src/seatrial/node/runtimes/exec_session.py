"""The streams of a command executed in a container: pipes, or a terminal."""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import AsyncIterator, Callable
from typing import Any

from seatrial.base.errors import RuntimeFailure
from seatrial.node.runtimes.base import Channel

CHUNK = 65536
MAX_QUEUED = 32
"""Chunks that wait for the reader before the command has to wait."""


class ExecSession:
    """See the module; the other ends (`ends`: stdin, stdout, stderr) are handed to the supervisor before `begin`."""

    def __init__(self, send_signal: Callable[[int], None], *, stdin: bool, tty: bool) -> None:
        self._signal = send_signal
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._exit: asyncio.Future[int] = self._loop.create_future()
        self._chunks: asyncio.Queue[tuple[Channel, bytes] | None] = asyncio.Queue()
        self._reading: dict[int, Channel] = {}
        self._paused = False
        self._terminal = -1
        self._input = -1
        self.ends: tuple[int, ...] = ()
        self._open_terminal() if tty else self._open_pipes(stdin)

    def _open_terminal(self) -> None:
        ours, theirs = os.openpty()
        self._terminal = self._input = ours
        self._reading = {ours: "stdout"}
        self.ends = (theirs, os.dup(theirs), os.dup(theirs))

    def _open_pipes(self, stdin: bool) -> None:
        if stdin:
            their_input, self._input = os.pipe()
            os.set_blocking(self._input, False)
        else:
            their_input = os.open(os.devnull, os.O_RDONLY)
        output, their_output = os.pipe()
        errors, their_errors = os.pipe()
        self._reading = {output: "stdout", errors: "stderr"}
        self.ends = (their_input, their_output, their_errors)

    def begin(self) -> None:
        """The supervisor has its ends: release ours of them, and read."""
        self._close_ends()
        for descriptor in self._reading:
            os.set_blocking(descriptor, False)
            self._loop.add_reader(descriptor, self._read, descriptor)

    def told(self, message: dict[str, Any]) -> bool:
        """What the supervisor says of the command; True when it was the last word."""
        if message["event"] == "started":
            if not self._started.done():
                self._started.set_result(None)
            return False
        if message["event"] == "failed":
            if not self._started.done():
                self._started.set_exception(RuntimeFailure("ExecFailed", message["message"]))
        elif not self._started.done():
            self._started.set_result(None)
        if not self._exit.done():
            self._exit.set_result(int(message.get("code", 126)))
        if self._terminal >= 0 and self._terminal in self._reading:
            self._read(self._terminal)
        return True

    async def started(self) -> None:
        await self._started

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        while (chunk := await self._chunks.get()) is not None:
            if self._paused and self._chunks.qsize() < MAX_QUEUED // 2:
                self._resume()
            yield chunk

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._input >= 0:
            try:
                view = view[os.write(self._input, view) :]
            except BlockingIOError:
                await self._writable()
            except OSError:
                self.close_input()

    async def _writable(self) -> None:
        ready = asyncio.Event()
        descriptor = self._input
        self._loop.add_writer(descriptor, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_writer(descriptor)

    def close_input(self) -> None:
        if self._terminal >= 0:
            if self._terminal in self._reading:
                os.write(self._terminal, b"\x04")
            return
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal in self._reading:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    async def aclose(self) -> None:
        if not self._exit.done():
            self._signal(signal.SIGKILL)
        self._close_ends()
        for descriptor in list(self._reading):
            self._finish(descriptor)
        if self._terminal < 0:
            self.close_input()
        if self._started.done():
            self._started.exception()

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            if self._exit.done() and descriptor == self._terminal:
                self._finish(descriptor)
            return
        except OSError:
            data = b""  # a terminal whose other end is closed says EIO
        if not data:
            self._finish(descriptor)
            return
        self._chunks.put_nowait((self._reading[descriptor], data))
        if self._chunks.qsize() >= MAX_QUEUED and not self._paused:
            self._paused = True
            for other in self._reading:
                self._loop.remove_reader(other)

    def _resume(self) -> None:
        self._paused = False
        for descriptor in self._reading:
            self._loop.add_reader(descriptor, self._read, descriptor)

    def _finish(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        del self._reading[descriptor]
        os.close(descriptor)
        if descriptor == self._terminal:
            self._input = -1
        if not self._reading:
            self._chunks.put_nowait(None)

    def _close_ends(self) -> None:
        for descriptor in self.ends:
            os.close(descriptor)
        self.ends = ()
