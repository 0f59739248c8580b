"""Startup, readiness and liveness probes of a container: httpGet, tcpSocket, exec.

Follows pkg/kubelet/prober (worker.go, prober.go) and pkg/probe: periods, thresholds and messages. Nothing is random.
# differs: redirects of an HTTP probe count as success without being followed; grpc probes fail with a message.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from seatrial.base.errors import RuntimeFailure
from seatrial.base.types import JSON
from seatrial.node.lifecycle import ContainerState, Phase
from seatrial.node.pod_network import PodAddress
from seatrial.node.runtimes.base import Runtime
from seatrial.workloads import ports

FIRST_LOOK_SECONDS = 0.1
"""A container is seen running a little after its start: its first probe should not meet a process that still loads."""
UNTRIED_PERIOD_SECONDS = 1.0
"""Until it has been ready once a container is also probed whenever the Pod is looked at, about every second."""
OUTPUT_LIMIT = 10 * 1024
USER_AGENT = "kube-probe/1.32"

Report = Callable[[ContainerState, str, str, bool], None]
"""(container, startup | readiness | liveness, failure message or "", whether the verdict has changed)."""


class ContainerProbes:
    """The probes of one attempt of a container, from its start to its end."""

    def __init__(
        self, runtime: Runtime, pod: JSON, container: ContainerState, address: PodAddress, report: Report
    ) -> None:
        self._runtime, self._pod, self._container, self._address = runtime, pod, container, address
        self._report = report
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> bool:
        """Begin; False when the container has no probes."""
        spec = self._container.spec
        if spec.get("startupProbe"):
            self._spawn("startup", spec["startupProbe"], self._watch_startup(spec["startupProbe"]))
            return True
        return self._start_others(0.0)

    def terminating(self) -> None:
        """The Pod is ending: only its readiness still matters."""
        for kind in ("startup", "liveness"):
            task = self._tasks.pop(kind, None)
            if task:
                task.cancel()

    def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()

    def _start_others(self, elapsed: float) -> bool:
        spec = self._container.spec
        if spec.get("readinessProbe"):
            self._spawn("readiness", spec["readinessProbe"], self._watch_readiness(spec["readinessProbe"], elapsed))
        if spec.get("livenessProbe"):
            self._spawn("liveness", spec["livenessProbe"], self._watch_liveness(spec["livenessProbe"], elapsed))
        return bool(self._tasks)

    def _spawn(self, kind: str, probe: JSON, watch: Coroutine[Any, Any, None]) -> None:
        name = f"{kind} probe of {self._pod['metadata']['name']}/{self._container.name}"
        self._tasks[kind] = asyncio.get_running_loop().create_task(watch, name=name)

    async def _watch_startup(self, probe: JSON) -> None:
        loop = asyncio.get_running_loop()
        began, failures = loop.time(), 0
        await asyncio.sleep(initial_delay(probe, 0.0))
        async for failure in self._rounds("Startup", probe):
            if not failure:
                self._container.started = True
                self._container.ready = not self._container.spec.get("readinessProbe")
                self._report(self._container, "startup", "", True)
                self._start_others(loop.time() - began)
                return
            failures += 1
            self._report(self._container, "startup", failure, failures >= (probe.get("failureThreshold") or 3))

    async def _watch_readiness(self, probe: JSON, elapsed: float) -> None:
        good = bad = 0
        await asyncio.sleep(initial_delay(probe, elapsed))
        async for failure in self._rounds("Readiness", probe):
            good, bad = (0, bad + 1) if failure else (good + 1, 0)
            container, before = self._container, self._container.ready
            if good >= (probe.get("successThreshold") or 1):
                container.ready = True
            elif bad >= (probe.get("failureThreshold") or 3):
                container.ready = False
            if failure or container.ready != before:
                self._report(container, "readiness", failure, container.ready != before)

    async def _watch_liveness(self, probe: JSON, elapsed: float) -> None:
        failures = 0
        await asyncio.sleep(initial_delay(probe, elapsed))
        async for failure in self._rounds("Liveness", probe):
            failures = failures + 1 if failure else 0
            if failure:
                self._report(self._container, "liveness", failure, failures >= (probe.get("failureThreshold") or 3))

    async def _rounds(self, kind: str, probe: JSON) -> AsyncIterator[str]:
        """One outcome per period: "" for success, else the event's message."""
        loop = asyncio.get_running_loop()
        period, due = float(probe.get("periodSeconds") or 10), loop.time()
        untried = kind == "Readiness"
        while self._container.phase is Phase.RUNNING:
            failure = await self._try(kind, probe)
            untried = untried and bool(failure)
            yield failure
            due += min(period, UNTRIED_PERIOD_SECONDS) if untried else period
            await asyncio.sleep(max(due - loop.time(), 0.0))

    async def _try(self, kind: str, probe: JSON) -> str:
        try:
            why = await self._run(probe, float(probe.get("timeoutSeconds") or 1))
        except RuntimeFailure as error:
            return f"{kind} probe errored: {error.message}"
        return f"{kind} probe failed: {why}" if why else ""

    async def _run(self, probe: JSON, timeout: float) -> str:
        if probe.get("exec"):
            return await _exec(self._runtime, self._container, tuple(probe["exec"].get("command") or ()), timeout)
        if probe.get("httpGet"):
            action = probe["httpGet"]
            port = port_number(action["port"], self._container.spec, self._address)
            return await http_get(action, action.get("host") or self._address.ip, port, timeout)
        if probe.get("tcpSocket"):
            action = probe["tcpSocket"]
            port = port_number(action["port"], self._container.spec, self._address)
            return await _tcp(action.get("host") or self._address.ip, port, timeout)
        return "grpc probes are not supported on this node"


def initial_delay(probe: JSON, elapsed: float) -> float:
    """Seconds until a probe looks first. `elapsed`: since the container's start."""
    return max(float(probe.get("initialDelaySeconds") or 0) - elapsed, 0.0 if elapsed else FIRST_LOOK_SECONDS)


def port_number(port: int | str, container: JSON, address: PodAddress) -> int:
    """A port or the name of one, as it can be reached at the Pod's address."""
    if isinstance(port, str) and not port.isdigit():
        named = [p for p in container.get("ports") or () if p.get("name") == port]
        if not named:
            raise RuntimeFailure("Unhealthy", f"couldn't find port: {port}")
        port = named[0]["containerPort"]
    number = int(port)
    return ports.reachable_port(number, address.lowest_bindable_port)


async def http_get(action: JSON, host: str, port: int, timeout: float) -> str:
    """GET it; "" for a status from 200 to 399, else what is wrong."""
    scheme = str(action.get("scheme") or "HTTP").lower()
    path = action.get("path") or "/"
    path = path if path.startswith("/") else "/" + path
    where = f'Get "{scheme}://{host}:{port}{path}"'
    headers = {"Host": f"{host}:{port}", "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    try:
        async with asyncio.timeout(timeout):
            code = await _status_code("\r\n".join(lines).encode(), host, port, secure=scheme == "https")
    except TimeoutError:
        return f"{where}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    except OSError as error:
        return f"{where}: {_dial_error(error, host, port)}"
    except (ValueError, asyncio.IncompleteReadError):
        return f"{where}: EOF"
    return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"


async def _status_code(request: bytes, host: str, port: int, *, secure: bool) -> int:
    context = None
    if secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(request)
        line = await reader.readuntil(b"\n")
        return int(line.split()[1]) if len(line.split()) > 1 else 0
    finally:
        writer.close()


async def _tcp(host: str, port: int, timeout: float) -> str:
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return f"dial tcp {host}:{port}: i/o timeout"
    except OSError as error:
        return _dial_error(error, host, port)
    writer.close()
    return ""


def _dial_error(error: OSError, host: str, port: int) -> str:
    text = "connection refused" if isinstance(error, ConnectionRefusedError) else (error.strerror or str(error)).lower()
    if isinstance(error, ConnectionResetError):
        return f"read tcp {host}:{port}: read: connection reset by peer"
    return f"dial tcp {host}:{port}: connect: {text}"


async def _exec(runtime: Runtime, container: ContainerState, command: tuple[str, ...], timeout: float) -> str:
    session = await runtime.exec(container.container_id, command)
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(timeout):
            async for _, data in session.output():
                parts.append(data)
            code = await session.wait()
    except TimeoutError:
        return f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s'
    finally:
        await session.aclose()
    return b"".join(parts)[:OUTPUT_LIMIT].decode("utf-8", "replace") or f"exit code {code}" if code else ""
