"""The parent of all container processes of a cluster: a small process of its own, started by the process runtime.

It forks containers (host commands, or stand-ins without starting an interpreter again), writes their logs, tells of
their ends, and kills every descendant when the cluster goes away, however that happens: the end of the socket to the
cluster is the sign, being the subreaper of all descendants is the means. It imports the standard library only, so that
it starts in some 20 ms, and stays small, because stand-ins share its memory.

Messages are JSON, one per packet. To it: `start` (with a memfd that holds the specification, then optionally stdin,
stdout, stderr), `signal`, `forget`. From it: `started`, `failed`, `exited`.
"""

import array
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
from collections.abc import Callable
from typing import Any

from seatrial.node.runtimes import container_process
from seatrial.node.runtimes.container_log import ContainerLog

MAX_PACKET = 65536
MAX_FDS = 4
LAST_OUTPUT_ROUNDS = 64
SCAN_SECONDS = 0.05
"""How often a group whose first process has ended is looked at, while it takes its time to end."""

Spec = dict[str, Any]


class Child:
    """A container's first process, or a command executed in one."""

    def __init__(self, spec: Spec, pid: int, status: int) -> None:
        self.spec, self.pid = spec, pid
        self.id: str = spec["id"]
        self.status_pipe = status
        self.refusal = b""
        self.started = False
        self.log: ContainerLog | None = None
        self.streams: dict[int, str] = {}
        self.exit: tuple[int, int] | None = None
        """(exit code, signal) of its first process, once that has ended."""
        self.stopping = False


class Supervisor:
    """See the module."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, Child] = {}
        self._by_id: dict[str, Child] = {}
        self._ending: dict[str, Child] = {}
        self._privileged = os.geteuid() == 0

    def run(self) -> None:
        wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        self._selector.register(wake_read, selectors.EVENT_READ, lambda: self._reap(wake_read))
        self._selector.register(self._connection, selectors.EVENT_READ, self._receive)
        while True:
            for key, _ in self._selector.select(SCAN_SECONDS if self._ending else None):
                call: Callable[[], object] = key.data
                call()
            if self._ending:
                self._check_ending()

    # --- from the cluster ---

    def _receive(self) -> None:
        fds = array.array("i")
        try:
            data, ancillary, _, _ = self._connection.recvmsg(MAX_PACKET, socket.CMSG_SPACE(MAX_FDS * fds.itemsize))
        except ConnectionError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        if not data:
            kill_all()
            os._exit(0)
        message = json.loads(data)
        if message["do"] == "start":
            self._start(list(fds))
        elif message["do"] == "signal":
            self._signal(message["id"], int(message["signal"]))

    def _start(self, fds: list[int]) -> None:
        with open(fds[0], "rb") as file:
            file.seek(0)
            spec: Spec = json.loads(file.read())
        if spec.get("stand_in"):
            # Imported here, before the fork, so that all containers share the module's memory.
            importlib.import_module(f"seatrial.node.standins.{spec['stand_in']}")
        try:
            self._spawn(spec, fds[1:])
        except OSError as error:
            self._tell({"event": "failed", "id": spec["id"], "message": f"fork: {error.strerror}"})
        for descriptor in fds[1:]:
            os.close(descriptor)

    def _spawn(self, spec: Spec, stdio: list[int]) -> None:
        status_read, status_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        pipes = [] if stdio else [os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)]
        joined = self._by_id.get(spec.get("join") or "")
        pid = os.fork()
        if pid == 0:
            ends = stdio or [os.open(os.devnull, os.O_RDONLY), pipes[0][1], pipes[1][1]]
            container_process.become(spec, ends, status_write, joined.pid if joined else 0)
        os.close(status_write)
        child = Child(spec, pid, status_read)
        self._children[pid] = self._by_id[child.id] = child
        self._selector.register(status_read, selectors.EVENT_READ, lambda: self._read_status(child))
        if pipes:
            child.log = ContainerLog(spec["log"])
            for (read, write), stream in zip(pipes, ("stdout", "stderr"), strict=True):
                os.close(write)
                os.set_blocking(read, False)
                child.streams[read] = stream
                self._selector.register(read, selectors.EVENT_READ, self._reader(child, read))

    def _signal(self, child_id: str, number: int) -> None:
        child = self._by_id.get(child_id) or self._ending.get(child_id)
        if child is None:
            return
        if number == signal.SIGKILL:
            child.stopping = False
            self._kill_group(child)
            return
        child.stopping = True
        if child.exit is None:
            _kill(os.kill, child.pid, number)

    # --- from the containers ---

    def _reader(self, child: Child, descriptor: int) -> Callable[[], object]:
        return lambda: self._read(child, descriptor)

    def _read(self, child: Child, descriptor: int) -> bool:
        if descriptor not in child.streams:
            return False  # closed by an event of the same round
        try:
            data = os.read(descriptor, MAX_PACKET)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        assert child.log is not None
        if data:
            child.log.write(child.streams[descriptor], data)
            return True
        self._close_stream(child, descriptor)
        return False

    def _close_stream(self, child: Child, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        stream = child.streams.pop(descriptor)
        if child.log:
            child.log.end(stream)

    def _read_status(self, child: Child) -> None:
        """The status pipe: a refusal in words, or its end, which says that the program runs."""
        if child.status_pipe < 0:
            return
        try:
            data = os.read(child.status_pipe, MAX_PACKET)
        except BlockingIOError:
            return
        child.refusal += data
        if data:
            return
        self._selector.unregister(child.status_pipe)
        os.close(child.status_pipe)
        child.status_pipe = -1
        if not child.refusal:
            child.started = True
            self._tell({"event": "started", "id": child.id, "pid": child.pid})

    # --- ends ---

    def _reap(self, wake: int) -> None:
        try:
            os.read(wake, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                self._first_process_ended(child, status)

    def _first_process_ended(self, child: Child, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        child.exit = (128 - code, -code) if code < 0 else (code, 0)
        self._read_status(child)
        self._ending[child.id] = child
        self._by_id.pop(child.id, None)
        if child.stopping:
            # Whoever it has left behind is asked to end as well, and has what remains of the grace period.
            _kill(os.killpg, child.pid, signal.SIGTERM)
        else:
            self._kill_group(child)
        self._check_ending()

    def _check_ending(self) -> None:
        for child in list(self._ending.values()):
            if not (child.stopping and _group_exists(child.pid)):
                self._ended(child)

    def _ended(self, child: Child) -> None:
        del self._ending[child.id]
        if not child.spec.get("join"):
            self._kill_strays(child)
        for descriptor in list(child.streams):
            rounds = 0
            while rounds < LAST_OUTPUT_ROUNDS and self._read(child, descriptor):
                rounds += 1
            if descriptor in child.streams:
                self._close_stream(child, descriptor)
        if child.log:
            child.log.close()
        assert child.exit is not None
        if child.refusal:
            self._tell({"event": "failed", "id": child.id, "message": child.refusal.decode("utf-8", "replace")})
        else:
            self._tell({"event": "exited", "id": child.id, "code": child.exit[0], "signal": child.exit[1]})

    def _kill_group(self, child: Child) -> None:
        _kill(os.killpg, child.pid, signal.SIGKILL)
        for other in list(self._children.values()):
            if other.spec.get("join") == child.id:
                _kill(os.killpg, other.pid, signal.SIGKILL)

    def _kill_strays(self, child: Child) -> None:
        """Descendants that have left the container's process group are known by their environment."""
        mark = f"SEATRIAL_CONTAINER_ID={child.id}".encode()
        for pid in children_of_this_process():
            if pid not in self._children and mark in _environment(pid):
                _kill(os.kill, pid, signal.SIGKILL)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(message).encode())
        except OSError:
            pass  # the cluster has gone; the loop is about to notice


def _kill(how: Callable[[int, int], None], pid: int, number: int) -> None:
    try:
        how(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def children_of_this_process() -> list[int]:
    """The direct children, those that were left to the subreaper included."""
    own = os.getpid()
    try:
        with open(f"/proc/{own}/task/{own}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _parent(entry) == own]


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill_all() -> None:
    """Kill every descendant; those of the dead become our own children and are next."""
    while True:
        for pid in children_of_this_process():
            _kill(os.killpg, pid, signal.SIGKILL)
            _kill(os.kill, pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main(descriptor: int) -> None:
    """Serve the cluster at the other end of the socket `descriptor`."""
    container_process.become_subreaper()
    gc.freeze()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    Supervisor(connection).run()
