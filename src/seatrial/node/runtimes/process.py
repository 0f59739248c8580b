"""Containers as process groups of this host.

Every container is forked by the supervisor, a small process of its own (supervisor.py), in the network namespace of its
Pod where there is one. An image name is looked up in the catalogue; nothing is downloaded. Without root the host's
users, files and network are the container's too, but for its address.

Limits: resource limits are not enforced; `tty` of a container (not of exec) has no effect; termination messages are
taken from the log's end (FallbackToLogsOnError) only.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.base.env import Env
from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node import logs
from seatrial.node.images import Catalogue, Image
from seatrial.node.runtimes.base import ContainerStart, Exited, Failed, Notify, Session, Started
from seatrial.node.runtimes.exec_session import ExecSession

log = logging.getLogger(__name__)
LAST_GRACE_SECONDS = 1.0
"""For all containers together when the runtime is closed."""
TERMINATION_MESSAGE_BYTES = 2048


@dataclass(slots=True)
class _Container:
    request: ContainerStart
    notify: Notify
    image: Image
    pid: int = 0
    stopping: bool = False
    deadline: float = float("inf")
    timer: asyncio.TimerHandle | None = None
    environment: dict[str, str] = field(default_factory=dict)
    specification: JSON = field(default_factory=dict)


class ProcessRuntime:
    """See the module. `directory` holds one directory per Pod uid: logs, volumes, working directories."""

    name = "process"
    version = "1.0"
    runs_processes = True
    settle_seconds = 0.25
    last_status = True

    def __init__(self, env: Env, catalogue: Catalogue, directory: Path) -> None:
        self._env, self._catalogue, self._directory = env, catalogue, directory
        self._containers: dict[str, _Container] = {}
        self._sessions: dict[str, ExecSession] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._outbox: list[tuple[bytes, list[int]]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    def starts_at_once(self, pod: JSON) -> bool:
        return False

    def check_image(self, image: str, pull_policy: str) -> None:
        try:
            self._catalogue.find(image)
        except RuntimeFailure as error:
            if error.reason == "ErrImagePull" and pull_policy == "Never":
                raise RuntimeFailure(
                    "ErrImageNeverPull", f'Container image "{image}" is not present with pull policy of Never'
                ) from error
            raise

    def removal_seconds(self, pod: JSON) -> float:
        return 0.0

    # --- starting ---

    def resume(self, request: ContainerStart, notify: Notify, ran_seconds: float, ready: bool) -> None:
        raise NotImplementedError("a process ends with the runtime that started it")

    def start(self, request: ContainerStart, notify: Notify) -> None:
        try:
            image = self._catalogue.find(request.container["image"])
            container = _Container(request, notify, image)
            container.specification = self._specification(container)
            self._ask(container.specification)
        except RuntimeFailure as error:
            notify(Failed(error.reason, error.message, self._env.now()))
            return
        except OSError as error:
            notify(Failed("RunContainerError", str(error), self._env.now()))
            return
        self._containers[request.container_id] = container
        self._idle.clear()

    def _specification(self, container: _Container) -> JSON:
        request, image = container.request, container.image
        config, spec = request.config, request.container
        assert config is not None
        own = self._container_directory(request.pod, spec["name"])
        own.mkdir(parents=True, exist_ok=True)
        log_file = self._log_file(request.pod, spec["name"], request.attempt)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        command = config.command or image.entrypoint
        arguments = config.arguments or (() if config.command else image.default_arguments)
        environment = dict(config.environment)
        environment["POD_IP"] = environment.get("POD_IP", request.address.ip)
        environment["SEATRIAL_CONTAINER_ID"] = request.container_id
        for mount in config.mounts:
            environment[f"SEATRIAL_VOLUME_{mount.name.replace('-', '_').upper()}"] = str(mount.source)
        container.environment = environment
        specification: JSON = {
            "id": request.container_id,
            "environment": environment,
            "directory": spec.get("workingDir") or str(image.directory or own),
            "netns": request.address.netns,
            "hostname": config.hostname,
            "log": str(log_file),
            "scratch": str(own.with_name(own.name + ".root")),
            "mounts": [
                {"source": str(mount.source), "target": mount.target, "read_only": mount.read_only}
                for mount in config.mounts
            ],
            **_identity(request.pod, spec),
        }
        if image.stand_in and not config.command:
            specification["stand_in"] = image.stand_in
            specification["settings"] = _settings(request, image, arguments, environment)
        else:
            specification["command"] = [*command, *arguments]
        if not specification.get("stand_in") and not specification["command"]:
            raise RuntimeFailure("CreateContainerError", "no command specified")
        return specification

    def _ask(self, specification: JSON, stdio: tuple[int, ...] = ()) -> None:
        """Have the supervisor start something; the specification travels in memory, for it may hold secrets."""
        self._connect()
        memory = os.memfd_create("container", os.MFD_CLOEXEC)
        os.write(memory, json.dumps(specification).encode())
        self._send({"do": "start"}, [memory, *[os.dup(descriptor) for descriptor in stdio]])

    def _connect(self) -> None:
        if self._connection is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        source = str(Path(__file__).parents[3])
        code = (
            f"import sys; sys.path.insert(0, {source!r}); "
            f"from seatrial.node.runtimes import supervisor; supervisor.main({theirs.fileno()})"
        )
        self._supervisor = subprocess.Popen(
            [sys.executable, "-S", "-E", "-I", "-c", code],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._connection = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._receive)

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        self._outbox.append((json.dumps(message).encode(), descriptors or []))
        if len(self._outbox) == 1:
            self._flush()

    def _flush(self) -> None:
        connection = self._connection
        assert connection is not None
        loop = asyncio.get_running_loop()
        while self._outbox:
            data, descriptors = self._outbox[0]
            try:
                socket.send_fds(connection, [data], descriptors)
            except BlockingIOError:
                loop.add_writer(connection.fileno(), self._flush)
                return
            except OSError:
                self._supervisor_died()
                return
            self._outbox.pop(0)
            for descriptor in descriptors:
                os.close(descriptor)
        loop.remove_writer(connection.fileno())

    # --- what the supervisor tells ---

    def _receive(self) -> None:
        while self._connection is not None:
            try:
                data = self._connection.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._supervisor_died()
                return
            self._told(json.loads(data))

    def _told(self, message: dict[str, Any]) -> None:
        session = self._sessions.get(message["id"])
        if session is not None:
            if session.told(message):
                del self._sessions[message["id"]]
            return
        container = self._containers.get(message["id"])
        if container is None:
            return
        now = self._env.now()
        if message["event"] == "started":
            container.pid = message["pid"]
            container.notify(Started(container.image.id, now))
        elif message["event"] == "failed":
            self._drop(message["id"])
            container.notify(Failed("RunContainerError", message["message"], now))
        else:
            self._drop(message["id"])
            text = self._last_words(container) if message["code"] else ""
            container.notify(Exited(message["code"], now, message["signal"], text))

    def _drop(self, container_id: str) -> None:
        container = self._containers.pop(container_id)
        if container.timer:
            container.timer.cancel()
        if not self._containers:
            self._idle.set()

    def _last_words(self, container: _Container) -> str:
        request = container.request
        if request.container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return ""
        files = self.log_files(request.pod, request.container["name"], request.attempt)
        return logs.tail(files, TERMINATION_MESSAGE_BYTES)

    def _supervisor_died(self) -> None:
        """Every container went with it."""
        self._disconnect()
        for container_id, container in list(self._containers.items()):
            if container.pid:
                _kill_group(container.pid)
            self._drop(container_id)
            container.notify(Exited(137, self._env.now(), signal.SIGKILL))
        for session_id, session in list(self._sessions.items()):
            session.told({"event": "exited", "id": session_id, "code": 137, "signal": 9})
        self._sessions.clear()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(connection.fileno())
            loop.remove_writer(connection.fileno())
            connection.close()
        for _, descriptors in self._outbox:
            for descriptor in descriptors:
                os.close(descriptor)
        self._outbox.clear()
        if self._supervisor is not None:
            self._supervisor.wait()
            self._supervisor = None

    # --- stopping ---

    def stop(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is None:
            return
        deadline = asyncio.get_running_loop().time() + grace_seconds
        if container.stopping and deadline >= container.deadline:
            return
        container.deadline = deadline
        if container.timer:
            container.timer.cancel()
        if grace_seconds <= 0:
            self._signal(container_id, signal.SIGKILL)
        else:
            if not container.stopping:
                self._signal(container_id, container.image.stop_signal)
            container.timer = asyncio.get_running_loop().call_later(
                grace_seconds, self._signal, container_id, signal.SIGKILL
            )
        container.stopping = True

    def _signal(self, container_id: str, number: int) -> None:
        if self._connection is not None:
            self._send({"do": "signal", "id": container_id, "signal": int(number)})

    async def remove_pod(self, pod: JSON) -> None:
        shutil.rmtree(self._directory / pod["metadata"]["uid"], ignore_errors=True)

    async def aclose(self) -> None:
        for container_id in list(self._containers):
            self.stop(container_id, LAST_GRACE_SECONDS)
        try:
            async with asyncio.timeout(LAST_GRACE_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            pass  # the supervisor kills the rest when the connection ends
        self._supervisor_died()

    # --- looking in ---

    def log_files(self, pod: JSON, container: str, attempt: int) -> tuple[Path, ...]:
        newest = self._log_file(pod, container, attempt)
        older = [newest.with_name(f"{newest.name}.{number}") for number in range(4, 0, -1)]
        return tuple(path for path in (*older, newest) if path.exists())

    async def exec(
        self, container_id: str, command: tuple[str, ...], *, stdin: bool = False, tty: bool = False
    ) -> Session:
        container = self._containers.get(container_id)
        if container is None or not container.pid:
            raise RuntimeFailure("ContainerNotRunning", f"container {container_id} is not running")
        if not command:
            raise RuntimeFailure("ExecFailed", "no command specified")
        session_id = f"{self._env.random.getrandbits(128):032x}"
        session = ExecSession(lambda number: self._signal(session_id, number), stdin=stdin, tty=tty)
        specification = {
            **{key: container.specification[key] for key in ("netns", "directory", "user", "group")},
            "id": session_id,
            "join": container_id,
            "command": list(command),
            "environment": container.environment | ({"TERM": "xterm"} if tty else {}),
            "tty": tty,
        }
        self._sessions[session_id] = session
        try:
            self._ask(specification, session.ends)
            session.begin()
            await session.started()
        except BaseException:
            self._sessions.pop(session_id, None)
            await session.aclose()
            raise
        return session

    def _container_directory(self, pod: JSON, name: str) -> Path:
        return self._directory / str(pod["metadata"]["uid"]) / "containers" / name

    def _log_file(self, pod: JSON, name: str, attempt: int) -> Path:
        return self._directory / str(pod["metadata"]["uid"]) / "logs" / name / f"{attempt}.log"


def _settings(request: ContainerStart, image: Image, arguments: tuple[str, ...], environment: dict[str, str]) -> JSON:
    """What a stand-in wants to know."""
    address, meta = request.address, request.pod["metadata"]
    return {
        "tag": image.tag,
        "arguments": list(arguments),
        "address": address.ip,
        "lowest_bindable_port": address.lowest_bindable_port,
        "ports": [port["containerPort"] for port in request.container.get("ports") or ()],
        "pod": meta["name"],
        "namespace": meta["namespace"],
        "node": request.pod["spec"].get("nodeName") or "",
        "environment": environment,
    }


def _identity(pod: JSON, container: JSON) -> JSON:
    """runAsUser and runAsGroup; they count as root only."""
    merged = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    user = merged.get("runAsUser")
    group = merged.get("runAsGroup")
    return {"user": user, "group": group if group is not None or user is None else 0}


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
