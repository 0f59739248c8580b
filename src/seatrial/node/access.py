"""Logs and exec of a node's Pods, as the kubelet's server gives them (pkg/kubelet/kubelet_pods.go, server/server.go).

Fits the API server's NodeAccess protocol without knowing it. Texts of refusals are the kubelet's. Limit: attach joins
the output only.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from seatrial.base.errors import RuntimeFailure, StatusError
from seatrial.base.types import JSON
from seatrial.machinery import status
from seatrial.node import logs
from seatrial.node.lifecycle import ContainerState, Phase
from seatrial.node.logs import Query
from seatrial.node.pod_worker import PodWorker
from seatrial.node.runtimes.base import Channel, Runtime, Session


class LogQuery(Query, Protocol):
    """PodLogOptions with the container's name."""

    @property
    def container(self) -> str: ...
    @property
    def previous(self) -> bool: ...


class ExecQuery(Protocol):
    """PodExecOptions."""

    @property
    def container(self) -> str: ...
    @property
    def command(self) -> tuple[str, ...]: ...
    @property
    def stdin(self) -> bool: ...
    @property
    def tty(self) -> bool: ...


class Access:
    """See the module. `workers`: the node's, by uid."""

    def __init__(self, workers: Mapping[str, PodWorker], runtime: Runtime) -> None:
        self._workers, self._runtime = workers, runtime

    async def logs(self, pod: JSON, options: LogQuery) -> AsyncIterator[bytes]:
        """A refusal is raised before the first bytes."""
        container = self._container(pod, options.container)
        if container is None:
            raise status.bad_request(_waiting(pod, options.container, "ContainerCreating"))
        attempt = _attempt(pod, container, previous=options.previous)
        files = self._runtime.log_files(pod, container.name, attempt)
        if not files and self._runtime.runs_processes:
            raise _no_log(pod, container)
        async for data in logs.read(files, options, lambda: _has_ended(container, attempt)):
            yield data

    async def exec(self, pod: JSON, options: ExecQuery) -> Session:
        container = self._container(pod, options.container)
        if container is None or container.phase is not Phase.RUNNING:
            raise RuntimeFailure("ContainerNotRunning", f'container not found ("{options.container}")')
        return await self._runtime.exec(container.container_id, options.command, stdin=options.stdin, tty=options.tty)

    async def attach(self, pod: JSON, options: ExecQuery) -> Session:
        container = self._container(pod, options.container)
        if container is None or container.phase is not Phase.RUNNING:
            raise RuntimeFailure("ContainerNotRunning", f'container not found ("{options.container}")')
        attempt = container.attempts - 1
        return _Attached(self._runtime, pod, container, attempt)

    def _container(self, pod: JSON, name: str) -> ContainerState | None:
        worker = self._workers.get(pod["metadata"]["uid"])
        return worker.container(name) if worker else None


def _attempt(pod: JSON, container: ContainerState, *, previous: bool) -> int:
    """Which attempt's log is meant. Raises StatusError when there is none (validateContainerLogStatus)."""
    name, pod_name = container.name, pod["metadata"]["name"]
    if previous:
        if container.last is None:
            raise status.bad_request(f'previous terminated container "{name}" in pod "{pod_name}" not found')
        return container.attempts - (1 if container.phase is Phase.WAITING else 2)
    if container.phase in (Phase.RUNNING, Phase.EXITED):
        return container.attempts - 1
    if container.last is not None:
        return container.attempts - (1 if container.phase is Phase.WAITING else 2)
    raise status.bad_request(_waiting(pod, name, container.reason or "ContainerCreating"))


def _waiting(pod: JSON, name: str, reason: str) -> str:
    texts = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
    if reason == "ContainerCreating" and pod["spec"].get("initContainers"):
        reason = "PodInitializing"
    return f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: {texts.get(reason, reason)}'


def _no_log(pod: JSON, container: ContainerState) -> StatusError:
    meta = pod["metadata"]
    where = f"{container.name} of {meta['namespace']}/{meta['name']}"
    return status.bad_request(f"unable to retrieve container logs for {where}: they are no longer kept")


def _has_ended(container: ContainerState, attempt: int) -> bool:
    return container.attempts - 1 != attempt or not container.alive


class _FollowFromNow:
    follow = True
    since = tail_lines = limit_bytes = None
    timestamps = False


class _Attached:
    """The output of a container's own process from now on, as a session."""

    def __init__(self, runtime: Runtime, pod: JSON, container: ContainerState, attempt: int) -> None:
        self._runtime, self._pod, self._container, self._attempt = runtime, pod, container, attempt
        self._over = asyncio.Event()

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        files = self._runtime.log_files(self._pod, self._container.name, self._attempt)
        ended = self._ended
        async for data in logs.read(files, _FollowFromNow(), ended, from_end=True):
            yield "stdout", data
        self._over.set()

    async def write(self, data: bytes) -> None:
        """The container's own input is empty."""

    def close_input(self) -> None:
        """There is none."""

    def resize(self, columns: int, rows: int) -> None:
        """There is no terminal."""

    async def wait(self) -> int:
        await self._over.wait()
        return self._container.exit_code

    async def aclose(self) -> None:
        self._over.set()

    def _ended(self) -> bool:
        return _has_ended(self._container, self._attempt)
